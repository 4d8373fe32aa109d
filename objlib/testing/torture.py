"""``python -m objlib.testing.torture``: thousands of simulated worlds, and the promises checked in each.

A world has a random library, runs at once on one ledger, edits meanwhile, a faulty service, deaths, freezes and
clock jumps; all of it follows one seed. A failing seed is printed at once; ``--seed S`` replays it and prints the
shortest history that still fails.
"""

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from objlib.testing.shrink import shrink
from objlib.testing.simulation import WorldResult, clear, simulate
from objlib.testing.virtual import run_virtual
from objlib.testing.workload import Plan, plan_of

Item = TypeVar("Item")
Result = TypeVar("Result")

MEMORY: Final = Path("/dev/shm")
"""A file system in memory, where the system has one: a simulated death needs no disk."""
SHRINK_SECONDS: Final = 60.0
"""Time limit for shrinking a failing plan, in seconds."""
CHUNK: Final = 20
"""Seeds that a worker takes at a time."""


def play(plan: Plan, seed: int, folder: Path) -> WorldResult:
    """Play one plan with the randomness of ``seed`` in ``folder``, which is emptied before and afterwards."""
    clear(folder)
    try:
        return run_virtual(partial(simulate, plan, folder), seed=seed)
    finally:
        clear(folder)


def torture_all(seeds: Iterable[int], *, jobs: int) -> Iterator[tuple[int, WorldResult]]:
    """Yield each seed with its result, without the history, as the worlds end."""
    with workers(jobs, _one, chunk=CHUNK) as play_all:
        yield from play_all(seeds)


@contextmanager
def workers(
    jobs: int, work: Callable[[Item], Result], *, chunk: int = 1
) -> Iterator[Callable[[Iterable[Item]], Iterable[Result]]]:
    """Yield ``work`` as a map over ``jobs`` processes, in the order of the ends; a single job needs no process."""
    if jobs == 1:
        yield partial(map, work)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield partial(pool.imap_unordered, work, chunksize=chunk)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield a temporary path for one world, in memory where possible."""
    memory = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="objlib-", dir=memory, ignore_cleanup_errors=True) as name:
        yield Path(name) / "world"


def _one(seed: int) -> tuple[int, WorldResult]:
    with scratch_folder() as folder:
        result = play(plan_of(seed), seed, folder)
    result.history, result.log = [], []
    return seed, result


def replay(seed: int) -> int:
    """Play one seed, shrink its plan if it fails, and print the history; returns the exit status."""
    with scratch_folder() as folder:
        plan = plan_of(seed)
        result = play(plan, seed, folder)
        if result.broken:
            print(f"seed {seed} breaks {len(result.broken)} promises in {len(plan)} steps; shrinking …")
            plan = shrink(plan, lambda plan: bool(play(plan, seed, folder).broken), seconds=SHRINK_SECONDS)
            result = play(plan, seed, folder)
    print("What was done:", *result.log, sep="\n  ")
    print("What the service saw:", *(request.line() for request in result.history), sep="\n  ")
    print("What was broken:" if result.broken else "Every promise was kept.", *result.broken, sep="\n  ")
    return 1 if result.broken else 0


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status is 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="torture", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many worlds")
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="replay this one, and shrink it if it fails")
    parser.add_argument("--jobs", type=int, default=2, help="worlds at a time")
    options = parser.parse_args(arguments)
    if options.seed is not None:
        return replay(options.seed)
    start, done, failing = time.monotonic(), 0, 0
    counts: Counter[str] = Counter()
    points: Counter[str] = Counter()
    for seed, result in torture_all(range(options.start, options.start + options.seeds), jobs=options.jobs):
        done += 1
        counts += result.counts
        points += result.points
        if result.broken:
            failing += 1
            print(f"seed {seed}: {result.broken[0]} (replay with --seed {seed})", flush=True)
        if done % 500 == 0:
            print(f"{done:,} worlds, {failing} failing, {time.monotonic() - start:.0f} s", file=sys.stderr)
    print(f"{done:,} worlds in {time.monotonic() - start:.0f} s: {failing} broke a promise")
    print("  " + ", ".join(f"{count:,} {what}" for what, count in sorted(counts.items())))
    by_kind = ", ".join(f"{count:,} {kind}" for kind, count in sorted(points.items()))
    print(f"  {points.total():,} crash points passed: {by_kind}")
    return 1 if failing else 0


if __name__ == "__main__":
    sys.exit(main())
