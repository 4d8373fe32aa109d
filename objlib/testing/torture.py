"""``python -m objlib.testing.torture``: simulated worlds by the thousand, and the promises checked in each.

A world is a random library, a few runs at once on one ledger, edits while they are at it, a service that
misbehaves, deaths, freezes, clock jumps; all of it a function of one number. A failing seed is printed at once,
and ``--seed S`` replays it and prints the shortest history that still fails.
"""

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from objlib.testing.history import lines
from objlib.testing.shrink import shrink
from objlib.testing.simulation import WorldResult, clear, simulate
from objlib.testing.virtual import run_virtual
from objlib.testing.workload import Plan, plan_of

MEMORY: Final = Path("/dev/shm")
"""A file system in memory, where there is one: a death is simulated, so nothing needs a disk."""
SHRINK_SECONDS: Final = 60.0
PART: Final = 20
"""Seeds that a worker takes at a time."""


def play(plan: Plan, seed: int, folder: Path) -> WorldResult:
    """Play one plan with the randomness of ``seed`` in ``folder``, which is emptied first and afterwards."""
    clear(folder)
    try:
        return run_virtual(partial(simulate, plan, folder), seed=seed)
    finally:
        clear(folder)


def torture(seed: int, folder: Path) -> WorldResult:
    """The world of one seed."""
    return play(plan_of(seed), seed, folder)


def many(seeds: Iterable[int], *, jobs: int) -> Iterator[tuple[int, WorldResult]]:
    """Every seed with what came of its world, without the histories, as they are done."""
    if jobs == 1:
        with Scratch() as folder:
            for seed in seeds:
                yield seed, torture(seed, folder)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap_unordered(_one, seeds, chunksize=PART)


class Scratch:
    """``with Scratch() as folder``: a path for one world, in memory where possible, gone afterwards."""

    def __enter__(self) -> Path:
        self._folder = tempfile.TemporaryDirectory(
            prefix="objlib-", dir=MEMORY if MEMORY.is_dir() else None, ignore_cleanup_errors=True
        )
        return Path(self._folder.name) / "world"

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()


def _one(seed: int) -> tuple[int, WorldResult]:
    with Scratch() as folder:
        outcome = torture(seed, folder)
    outcome.history, outcome.log = [], []
    return seed, outcome


def replay(seed: int) -> int:
    """Play one seed, shorten its plan if it fails, and print what happened. The exit status."""
    with Scratch() as folder:
        plan = plan_of(seed)
        outcome = play(plan, seed, folder)
        if outcome.broken:
            print(f"seed {seed} breaks {len(outcome.broken)} promises in {len(plan)} steps; shortening …")
            plan = shrink(plan, lambda plan: bool(play(plan, seed, folder).broken), seconds=SHRINK_SECONDS)
            outcome = play(plan, seed, folder)
    print("What was done:", *outcome.log, sep="\n  ")
    print("What the service saw:", *lines(outcome.history), sep="\n  ")
    print("What was broken:" if outcome.broken else "Every promise was kept.", *outcome.broken, sep="\n  ")
    return 1 if outcome.broken else 0


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status is 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="torture", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many worlds")
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="replay this one, and shorten it if it fails")
    parser.add_argument("--jobs", type=int, default=2, help="worlds at a time")
    wanted = parser.parse_args(arguments)
    if wanted.seed is not None:
        return replay(wanted.seed)
    began, done, failing = time.monotonic(), 0, 0
    counts: Counter[str] = Counter()
    points: Counter[str] = Counter()
    for seed, outcome in many(range(wanted.start, wanted.start + wanted.seeds), jobs=wanted.jobs):
        done += 1
        counts += outcome.counts
        points += outcome.points
        if outcome.broken:
            failing += 1
            print(f"seed {seed}: {outcome.broken[0]} (replay with --seed {seed})", flush=True)
        if done % 500 == 0:
            print(f"{done:,} worlds, {failing} failing, {time.monotonic() - began:.0f} s", file=sys.stderr)
    print(f"{done:,} worlds in {time.monotonic() - began:.0f} s: {failing} broke a promise")
    print("  " + ", ".join(f"{count:,} {what}" for what, count in sorted(counts.items())))
    print(f"  {points.total():,} crash points passed: " + _told(points))
    return 1 if failing else 0


def _told(points: Counter[str]) -> str:
    return ", ".join(f"{count:,} {kind}" for kind, count in sorted(points.items()))


if __name__ == "__main__":
    sys.exit(main())
