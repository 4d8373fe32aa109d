"""``python -m objlib.testing.crash``: a run dies at every point there is, and the next one at each of its own.

The run and the embedded service are one child process, which ends by ``os._exit``, so the store dies too. Points
are found by counting. Each time a next run has to finish the work, a second recovery and a second upload have to
be idle, and the checker rules. Many deaths leave the same on the disk, to the byte; what comes after is then the
same too, and is played once. With ``--apart`` second runs die after every first death all the same. See
docs/testing.md.
"""

import argparse
import multiprocessing
import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from objlib.testing.crash_sweep import Aftermath, CrashSweep
from objlib.testing.torture import Scratch

DENSITIES: Final = (0.0, 0.25)
"""Shares of requests that something happens to, in the runs that die."""
TELL_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Task:
    """Deaths from one state: of the first run, or of the second after a first that died at ``first``.

    Attributes:
        every: take each n-th point only.
        wanted: how many points to try, drawn from all of them; every one when None.
        alike: how many first points leave the state that ``first`` does.
    """

    density: float
    first: int | None = None
    every: int = 1
    wanted: int | None = None
    alike: int = 1


@dataclass(frozen=True, slots=True)
class Ruling:
    """What came of a task: the worlds that the deaths left, and what the run broke when it was let live."""

    task: Task
    worlds: list[Aftermath]
    broken: tuple[str, ...]


def rule_on(task: Task) -> Ruling:
    """Try each death of a task, and rule."""
    with Scratch() as folder:
        arena = CrashSweep(folder, task.density)
        state, run = "start", 1
        if task.first is not None:
            arena.die(run, task.first)
            state, run = "after", 2
            arena.keep(state)
        living = arena.points(state, run)
        points: Sequence[int] = range(1, living.points + 1, task.every)
        if task.wanted is not None:
            rng = random.Random(f"second deaths after {task.first}, faults {task.density}")
            points = rng.sample(points, k=min(task.wanted, len(points)))
        return Ruling(task, arena.worlds(state, run, points), living.broken)


@dataclass
class SweepTally:
    """What was done so far, and what broke."""

    began: float = field(default_factory=time.monotonic)
    told: float = field(default_factory=time.monotonic)
    points: int = 0
    pairs: int = 0
    deaths: int = 0
    worlds: int = 0
    failing: int = 0

    def add(self, ruling: Ruling) -> None:
        """Count, and print every broken promise."""
        task = ruling.task
        where = f"--faults {task.density:g} --point" + (f" {task.first} --second" if task.first else "")
        for world in ruling.worlds:
            told_by = len(world.points) * task.alike
            self.deaths += len(world.points)
            self.worlds += 1
            if task.first is None:
                self.points += told_by
            else:
                self.pairs += told_by
            self.failing += told_by if world.broken else 0
            like = f" ({told_by - 1} more leave the same)" if told_by > 1 else ""
            for line in world.broken:
                print(f"{where} {world.points[0]}: {line}{like}", flush=True)
        self.failing += bool(ruling.broken)
        for line in ruling.broken:
            print(f"{where} (left to live): {line}", flush=True)

    def progress(self, part: str) -> None:
        """Say from time to time how far it is."""
        if time.monotonic() - self.told >= TELL_SECONDS:
            self.told = time.monotonic()
            print(f"{part}: {self}", file=sys.stderr, flush=True)

    def __str__(self) -> str:
        return (
            f"{self.points:,} points and {self.pairs:,} pairs in {time.monotonic() - self.began:.0f} s"
            f" ({self.deaths:,} deaths, {self.worlds:,} different worlds after them):"
            f" {self.failing:,} broke a promise"
        )


def crash(*, pairs: int | None, every: int, jobs: int, apart: bool) -> SweepTally:
    """Try everything, or every n-th first point only, or only so many pairs after them."""
    tally = SweepTally()
    with _workers(jobs) as work:
        seconds: list[Task] = []
        for ruling in work([Task(density, every=every) for density in DENSITIES]):
            tally.add(ruling)
            for world in ruling.worlds:
                first = Task(ruling.task.density, first=world.points[0], alike=len(world.points))
                each = [replace(first, first=point, alike=1) for point in world.points]
                seconds += each if apart else [first]
        if pairs is not None:
            seconds = _share_out(pairs, seconds)
        for number, ruling in enumerate(work(seconds), start=1):
            tally.add(ruling)
            tally.progress(f"second deaths after {number} of {len(seconds)} first ones")
    return tally


def _share_out(pairs: int, tasks: list[Task]) -> list[Task]:
    """As many second deaths, spread over the worlds after a first one."""
    tasks = sorted(tasks, key=lambda task: (task.density, task.first))  # they come as they are done
    tasks = random.Random("sample").sample(tasks, k=len(tasks))
    share, more = divmod(pairs, len(tasks))
    shared = [replace(task, wanted=share + (number < more)) for number, task in enumerate(tasks)]
    return [task for task in shared if task.wanted]


@contextmanager
def _workers(jobs: int) -> Iterator[Callable[[list[Task]], Iterable[Ruling]]]:
    if jobs == 1:
        yield partial(map, rule_on)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield partial(pool.imap_unordered, rule_on)


def replay(density: float, point: int, second: int | None) -> int:
    """Play one point or one pair, and print what happened. The exit status."""
    with Scratch() as folder:
        arena = CrashSweep(folder, density)
        accounts = [arena.die(run, at) for run, at in enumerate((point, second), start=1) if at is not None]
        accounts.append(arena.settle(len(accounts) + 1))
    for account in accounts:
        print(*account.story, sep="\n  ")
    broken = [line for account in accounts for line in account.broken]
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
    wanted = parser.parse_args(arguments)
    if wanted.point is not None:
        return replay(wanted.faults, wanted.point, wanted.second)
    tally = crash(pairs=wanted.pairs, every=wanted.every, jobs=wanted.jobs, apart=wanted.apart)
    print(tally)
    return 1 if tally.failing else 0


if __name__ == "__main__":
    sys.exit(main())
