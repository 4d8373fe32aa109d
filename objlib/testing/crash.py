"""``python -m objlib.testing.crash``: a run dies at each of its points, and the next run at each of its own.

The run and the embedded service are one child process, which ends by ``os._exit``, so the store dies too. After
each death a run has to finish the work, a second recovery and upload have to be idle, and the checker rules. Many
deaths leave the same state on the disk, and runs from one state are the same, so each state is played once;
``--apart`` plays it after every first death. See docs/testing.md.
"""

import argparse
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from objlib.testing.crash_sweep import Aftermath, CrashSweep
from objlib.testing.torture import scratch_folder, workers

DENSITIES: Final = (0.0, 0.25)
"""Shares of requests with a fault, in the runs that die."""
PROGRESS_SECONDS: Final = 30.0
"""Interval of the progress lines, in seconds."""


@dataclass(frozen=True, slots=True)
class Task:
    """Deaths from one state: of the first run, or of the second after a first death at ``first``.

    Attributes:
        every: take each n-th point only.
        sample: number of points to draw; all of them when None.
        alike: number of first points that leave the same state as ``first``.
    """

    density: float
    first: int | None = None
    every: int = 1
    sample: int | None = None
    alike: int = 1


@dataclass(frozen=True, slots=True)
class Ruling:
    """The result of a task: each aftermath, and the promises that the run broke without a death."""

    task: Task
    aftermaths: list[Aftermath]
    broken: tuple[str, ...]


def rule_on(task: Task) -> Ruling:
    """Play each death of a task, and rule."""
    with scratch_folder() as folder:
        sweep = CrashSweep(folder, task.density)
        state, run = "start", 1
        if task.first is not None:
            sweep.die(run, task.first)
            state, run = "after", 2
            sweep.take_snapshot(state)
        living = sweep.points(state, run)
        points: Sequence[int] = range(1, living.points + 1, task.every)
        if task.sample is not None:
            rng = random.Random(f"second deaths after {task.first}, faults {task.density}")
            points = rng.sample(points, k=min(task.sample, len(points)))
        return Ruling(task, sweep.aftermaths(state, run, points), living.broken)


@dataclass
class SweepTally:
    """The sums over the tasks so far."""

    began: float = field(default_factory=time.monotonic)
    last_progress: float = field(default_factory=time.monotonic)
    points: int = 0
    pairs: int = 0
    deaths: int = 0
    aftermaths: int = 0
    failing: int = 0

    def add(self, ruling: Ruling) -> None:
        """Count a ruling, and print every broken promise."""
        task = ruling.task
        where = f"--faults {task.density:g} --point" + (f" {task.first} --second" if task.first else "")
        for aftermath in ruling.aftermaths:
            count = len(aftermath.points) * task.alike
            self.deaths += len(aftermath.points)
            self.aftermaths += 1
            if task.first is None:
                self.points += count
            else:
                self.pairs += count
            self.failing += count if aftermath.broken else 0
            like = f" ({count - 1} more leave the same)" if count > 1 else ""
            for line in aftermath.broken:
                print(f"{where} {aftermath.points[0]}: {line}{like}", flush=True)
        self.failing += bool(ruling.broken)
        for line in ruling.broken:
            print(f"{where} (without a death): {line}", flush=True)

    def progress(self, part: str) -> None:
        """Print the sums, at most once in :data:`PROGRESS_SECONDS`."""
        if time.monotonic() - self.last_progress >= PROGRESS_SECONDS:
            self.last_progress = time.monotonic()
            print(f"{part}: {self}", file=sys.stderr, flush=True)

    def __str__(self) -> str:
        return (
            f"{self.points:,} points and {self.pairs:,} pairs in {time.monotonic() - self.began:.0f} s"
            f" ({self.deaths:,} deaths, {self.aftermaths:,} different states after them):"
            f" {self.failing:,} broke a promise"
        )


def crash(*, pairs: int | None, every: int, jobs: int, apart: bool) -> SweepTally:
    """Play everything, or every n-th first point only, or a sample of ``pairs`` after them."""
    tally = SweepTally()
    with workers(jobs, rule_on) as play_all:
        seconds: list[Task] = []
        for ruling in play_all([Task(density, every=every) for density in DENSITIES]):
            tally.add(ruling)
            for aftermath in ruling.aftermaths:
                points = aftermath.points
                first = Task(ruling.task.density, first=points[0], alike=len(points))
                each = [replace(first, first=point, alike=1) for point in points]
                seconds += each if apart else [first]
        if pairs is not None:
            seconds = _share_out(pairs, seconds)
        for number, ruling in enumerate(play_all(seconds), start=1):
            tally.add(ruling)
            tally.progress(f"second deaths after {number} of {len(seconds)} first ones")
    return tally


def _share_out(pairs: int, tasks: list[Task]) -> list[Task]:
    """Spread ``pairs`` second deaths over the states after a first one."""
    tasks = sorted(tasks, key=lambda task: (task.density, task.first))  # they come in the order of their ends
    tasks = random.Random("sample").sample(tasks, k=len(tasks))
    share, more = divmod(pairs, len(tasks))
    shared = [replace(task, sample=share + (number < more)) for number, task in enumerate(tasks)]
    return [task for task in shared if task.sample]


def replay(density: float, point: int, second: int | None) -> int:
    """Play one point or one pair, and print the history; returns the exit status."""
    with scratch_folder() as folder:
        sweep = CrashSweep(folder, density)
        reports = [sweep.die(run, at) for run, at in enumerate((point, second), start=1) if at is not None]
        reports.append(sweep.settle(len(reports) + 1))
    for report in reports:
        print(*report.story, sep="\n  ")
    broken = [line for report in reports for line in report.broken]
    print("What was broken:" if broken else "Every promise was kept.", *broken, sep="\n  ")
    return 1 if broken else 0


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status is 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="crash", description=__doc__)
    parser.add_argument("--pairs", type=int, help="second deaths to try, instead of all that there are")
    parser.add_argument("--every", type=int, default=1, help="take every n-th first point only")
    parser.add_argument("--jobs", type=int, default=2, help="processes that work at a time")
    parser.add_argument(
        "--apart",
        action="store_true",
        help="second deaths after every first one, also where those leave the same",
    )
    parser.add_argument("--point", type=int, help="replay a death at this point")
    parser.add_argument("--second", type=int, help="and then one of the next run at this point")
    parser.add_argument("--faults", type=float, default=0.0, help="the share of faults in what is replayed")
    options = parser.parse_args(arguments)
    if options.point is not None:
        return replay(options.faults, options.point, options.second)
    tally = crash(pairs=options.pairs, every=options.every, jobs=options.jobs, apart=options.apart)
    print(tally)
    return 1 if tally.failing else 0


if __name__ == "__main__":
    sys.exit(main())
