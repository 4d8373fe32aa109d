"""The child process of ``just crash``: a whole run and the embedded service in it, in virtual time.

The number of the run seeds everything random and sets the start of its clock. So a run is a function of its
number and of the state of the disk, and of nothing else.
"""

import json
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from unittest import mock

import trio
from starlette.middleware import Middleware

from objlib.core.config.settings import Backend, Settings
from objlib.embedded import Options
from objlib.engine.app import Overrides
from objlib.engine.bootstrap.open_app import Command, StoreNeed, open_app
from objlib.engine.recover import recover
from objlib.engine.upload.run import upload
from objlib.testing.checker import Checker
from objlib.testing.failpoints import EXIT_STATUS, Failpoints, die_for_real
from objlib.testing.faults import Faults
from objlib.testing.history import CHANGES, Request
from objlib.testing.library import LibraryFiles
from objlib.testing.nemesis import Nemesis
from objlib.testing.snapshot import LEDGER, LIBRARY, STORE
from objlib.testing.virtual import EPOCH, run_virtual

GAP: Final = 100.0
"""Virtual seconds between the starts of two runs."""
FIRST_PID: Final = 2**24
"""Base of the pids, which follow the number of the run, since both databases keep them.

They are above those of real systems, so that the system reports each process as gone.
"""
EDITS_BEFORE: Final = ("change", "same size", "new", "new", "rename", "delete")
"""Edits before the runs: there is something to replace, to add, to rename and to leave alone."""


def settings_of(folder: Path) -> Settings:
    """Return the settings of every run in ``folder``."""
    return Settings(
        library=folder / LIBRARY,
        ledger=folder / LEDGER,
        embedded=folder / STORE,
        store="crashed",
        backend=Backend.EMBEDDED,
        embed_seconds=0,
        settle_seconds=60,
    )


def prepare_library(folder: Path, edits: Sequence[str] = EDITS_BEFORE) -> LibraryFiles:
    """Make a library, index it, and edit it."""
    library = LibraryFiles(folder / LIBRARY)
    for number in range(6):
        library.edit("new", number)
    run = ChildRun(folder, 0)
    run.play(run.upload)
    if run.broken:
        raise RuntimeError(f"a library cannot be indexed without faults: {run.broken}")
    for seed, kind in enumerate(edits):
        library.edit(kind, seed)
    return library


@dataclass(frozen=True, slots=True)
class ChildReport:
    """The report of a child process to its parent.

    Attributes:
        broken: every broken promise that it saw.
        story: the requests that its service saw, for the user.
    """

    died: bool
    points: int
    broken: tuple[str, ...]
    story: tuple[str, ...]


@dataclass
class ChildRun:
    """The run of one child process.

    Attributes:
        folder: holds the library, the ledger and the store.
        density: share of requests with a fault.
        die_at: number of the point at which it dies; None to live.
    """

    folder: Path
    run: int
    density: float = 0.0
    die_at: int | None = None
    broken: list[str] = field(default_factory=list, init=False)
    failpoints: Failpoints = field(init=False)
    _histories: list[tuple[str, list[Request]]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.failpoints = Failpoints(self.die_at)

    async def upload(self) -> None:
        """Upload once."""
        await self._play("upload")

    async def settle(self, library: LibraryFiles) -> None:
        """Upload, rule on the result, then check that recovery and upload are idle."""
        await self._play("upload")
        checker = Checker(self.folder / LEDGER, self.folder / STORE, self.broken)
        checker.rule_on_edges()
        checker.rule_on_quiescence(library.contents(), library.written)
        for command in ("recover", "upload"):
            history = await self._play(command)
            changes = [request.kind for request in history if request.kind in CHANGES]
            self.broken += [f"a second {command} was not idle: it sent {kind}" for kind in changes]

    async def _play(self, command: str) -> list[Request]:
        settings = settings_of(self.folder)

        def now() -> float:
            return EPOCH + GAP * self.run + trio.current_time()

        watch = Checker(settings.ledger_file, settings.embedded, self.broken).watch
        faults = Faults(script=Nemesis(self.run, self.density, now), watch=watch)
        self._histories.append((command, faults.history))
        overrides = Overrides(
            now=now,
            runner=self.failpoints.run,
            options=Options(middleware=(Middleware(self.failpoints.app), Middleware(faults.around))),
        )
        needs = Command(command, records=True, store=StoreNeed.CREATE)
        async with faults.acting_late():
            async with open_app(settings, needs, overrides=overrides) as app:
                await (recover(app) if command == "recover" else upload(app, retry_failed=True))
        return faults.history

    def play(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do ``work`` in virtual time, in this process."""
        with mock.patch.object(os, "getpid", return_value=FIRST_PID + self.run):
            run_virtual(work, seed=self.run)

    def play_in_child(self, work: Callable[[], Awaitable[None]]) -> ChildReport:
        """Do ``work`` in a child process, to the end or to its point of death."""
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            status = 1

            def die() -> None:
                self._report(writer)
                die_for_real()

            self.failpoints.on_death = die
            try:
                self.play(work)
                self._report(writer)
                status = 0
            except BaseException:
                sys.excepthook(*sys.exc_info())
                raise
            finally:
                os._exit(status)
        os.close(writer)
        with os.fdopen(reader) as pipe:
            report = pipe.read()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        points, broken, story = json.loads(report or '[0, [], ["no report"]]')
        if status not in {0, EXIT_STATUS} or not report:
            broken.append(f"run {self.run} ended with status {status}")
        return ChildReport(status == EXIT_STATUS, points, tuple(broken), tuple(story))

    def _report(self, pipe: int) -> None:
        """Report to the parent alone, so that nothing in the folder changes."""
        story: list[str] = []
        for command, history in self._histories:
            story.append(f"run {self.run}: {command}, faults {self.density:.0%}")
            story += [request.line() for request in history]
        if self.failpoints.dead:
            story.append(f"run {self.run} dies {self.failpoints.where}, point {self.failpoints.passed}")
        with os.fdopen(pipe, "w") as out:
            json.dump([self.failpoints.passed, self.broken, story], out)
