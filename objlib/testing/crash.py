"""``python -m objlib.testing.crash``: a run dies at every point there is, and at pairs of them, by ``os._exit``.

The run and the embedded service are one child process, so the store dies too. Points are found by counting:
the child is started again and again to die at the first, the second, … until it lives. Each time a next run has
to finish the work, a second recovery has to be idle, and the checker rules. For pairs the run that cleans up
dies as well.
"""

import argparse
import json
import multiprocessing
import os
import random
import shutil
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import trio
from starlette.middleware import Middleware

from objlib.core.settings import Backend, Settings
from objlib.embedded import Options
from objlib.engine.app import Seams, open_app
from objlib.engine.recover import recover
from objlib.engine.upload import upload
from objlib.testing.checker import Checker
from objlib.testing.history import CHANGES, Request
from objlib.testing.library import Library
from objlib.testing.mischief import Mischief
from objlib.testing.mortal import EXIT_STATUS, Mortal, die_for_real
from objlib.testing.service import Faults
from objlib.testing.torture import Scratch
from objlib.testing.virtual import EPOCH, run_virtual

PAIRS: Final = 300
GAP: Final = 100.0
"""Virtual seconds between a death and the next run."""
NO_END: Final = 2_000
"""Points after which a run that should have ended is taken to go on for ever."""


def settings_of(folder: Path) -> Settings:
    """The settings of every run in ``folder``."""
    return Settings(
        library=folder / "library",
        ledger=folder / "ledger.db",
        embedded=folder / "store.db",
        store="crashed",
        backend=Backend.EMBEDDED,
        embed_seconds=0,
        settle_seconds=60,
    )


EDITED: Final = ("change", "same size", "new", "new", "rename", "delete")
"""What a run finds to do: something to replace, to add, to rename and to leave alone."""


def furnish(folder: Path, edits: Sequence[str] = EDITED) -> Library:
    """A library that is indexed, and then edited."""
    library = Library(folder / "library")
    for number in range(6):
        library.edit("new", number)
    _virtually(_Life(folder, 0, 0.0).upload, 0)
    for seed, kind in enumerate(edits):
        library.edit(kind, seed)
    return library


def dies(folder: Path, run: int, point: int, density: float) -> bool:
    """Let the ``run``-th run work in ``folder`` and die at ``point``; False if it lived to its end."""
    life = _Life(folder, run, density, Mortal(point, on_death=die_for_real))
    status, told = _in_child(lambda: _virtually(life.upload, run))
    if status == EXIT_STATUS:
        return True
    if status or told:
        raise RuntimeError(f"run {run} ended with status {status}: {told}")
    return False


def settle(folder: Path, library: Library, run: int) -> list[str]:
    """Let a next run finish the work, and rule on what it leaves; every broken promise."""
    life = _Life(folder, run, 0.0)
    status, told = _in_child(lambda: _virtually(partial(life.settle, library), run))
    return told if status == 0 else [f"the run that cleans up ended with status {status}: {told}"]


@dataclass
class _Life:
    """What one child process does."""

    folder: Path
    run: int
    density: float
    mortal: Mortal | None = None

    async def upload(self) -> list[str]:
        """One upload."""
        _, broken = await self._play("upload")
        return broken

    async def settle(self, library: Library) -> list[str]:
        """Upload until there is nothing left to do, then see that recovery and upload are idle."""
        _, broken = await self._play("upload")
        checker = Checker(self.folder / "ledger.db", self.folder / "store.db", broken)
        checker.rule_on_edges()
        checker.rule_on_quiescence(library.contents(), library.written)
        for command in ("recover", "upload"):
            history, told = await self._play(command)
            changes = [request.kind for request in history if request.kind in CHANGES]
            broken += [*told, *(f"a second {command} was not idle: it sent {kind}" for kind in changes)]
        return broken

    async def _play(self, command: str) -> tuple[list[Request], list[str]]:
        settings = settings_of(self.folder)
        mortal = self.mortal or Mortal()
        checker = Checker(settings.ledger, settings.embedded)

        def now() -> float:
            return EPOCH + GAP * self.run + trio.current_time()

        faults = Faults(script=Mischief(self.run, self.density, now), watch=checker.watch)
        seams = Seams(
            now=now,
            runner=mortal.run,
            options=Options(middleware=(Middleware(mortal.app), Middleware(faults.around))),
        )
        async with faults.acting_late():
            async with open_app(settings, command=command, seams=seams) as app:
                await (recover(app) if command == "recover" else upload(app, retry_failed=True))
        return faults.history, checker.broken


def _virtually(main: Callable[[], Awaitable[list[str]]], seed: int) -> list[str]:
    return run_virtual(main, seed=seed)


def _in_child(work: Callable[[], list[str]]) -> tuple[int, list[str]]:
    """Run ``work`` in a child process: its exit status, and what it told."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            told = work()
            with os.fdopen(writer, "w") as pipe:
                json.dump(told, pipe)
            status = 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
            raise
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), json.loads(said or "[]")


@dataclass(frozen=True, slots=True)
class Point:
    """One first death, and how many second ones are tried after it: all of them when None."""

    number: int
    density: float
    pairs: int | None


@dataclass(frozen=True, slots=True)
class Ruling:
    """What came of a point: whether the run died there at all, deaths tried in the run after it, what broke."""

    point: Point
    died: bool
    pairs: int
    broken: tuple[str, ...]


def rule_on(point: Point) -> Ruling:
    """Let a run die at the point, and rule; then again with the next run dying too."""
    with Scratch() as folder:
        # A ledger belongs to the place of its library, so all runs work in one place and copies are put back.
        work, saved = folder / "work", folder / "saved"
        library = furnish(work)
        died = dies(work, 1, point.number, point.density)
        shutil.copytree(work, saved)
        broken = [f"at {point.number}: {line}" for line in settle(work, library, 2)]
        tried = 0
        for second in _seconds(point) if died else ():
            shutil.rmtree(work)
            shutil.copytree(saved, work)
            if not dies(work, 2, second, point.density):
                if point.pairs is None:
                    break
                continue
            tried += 1
            broken += [f"at {point.number}, then {second}: {line}" for line in settle(work, library, 3)]
    return Ruling(point, died, tried, tuple(broken))


def _seconds(point: Point) -> Iterable[int]:
    if point.pairs is None:
        return range(1, NO_END)
    # Clean-up runs are short; what lies beyond their end is not a pair and does not count.
    return random.Random(point.number).sample(range(1, 100), k=point.pairs)


def points_of(density: float) -> int:
    """How many points the run has that does the work."""
    with Scratch() as folder:
        furnish(folder)
        mortal = Mortal()
        _virtually(_Life(folder, 1, density, mortal).upload, 1)
        return mortal.passed


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status is 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="crash", description=__doc__)
    parser.add_argument("--pairs", type=int, default=PAIRS, help="pairs to try, spread over all first points")
    parser.add_argument("--all-pairs", action="store_true", help="every pair there is")
    parser.add_argument("--every", type=int, default=1, help="take every n-th point only")
    parser.add_argument("--jobs", type=int, default=2, help="points at a time")
    wanted = parser.parse_args(arguments)
    began = time.monotonic()
    plan: list[Point] = []
    for density in (0.0, 0.25):
        total = points_of(density)
        print(f"{total} points in a run with {density:.0%} faults")
        plan += [Point(number, density, 0) for number in range(1, total + 1, wanted.every)]
    share = 0 if not plan else -(-wanted.pairs // len(plan))
    plan = [replace(point, pairs=None if wanted.all_pairs else share) for point in plan]
    died = pairs = failing = 0
    for ruling in _rulings(plan, wanted.jobs):
        died += ruling.died
        pairs += ruling.pairs
        failing += bool(ruling.broken)
        for line in ruling.broken:
            print(f"faults {ruling.point.density:.0%}: {line}", flush=True)
    print(
        f"{died} deaths and {pairs} pairs in {time.monotonic() - began:.0f} s: {failing} points broke a promise"
    )
    return 1 if failing else 0


def _rulings(plan: list[Point], jobs: int) -> Iterator[Ruling]:
    if jobs == 1:
        yield from map(rule_on, plan)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap_unordered(rule_on, plan)


if __name__ == "__main__":
    sys.exit(main())
