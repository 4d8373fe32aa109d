"""One process of ``just crash``: a child with a whole run and the embedded service in it, in virtual time.

Everything random in a life follows the number of its run, and its clock begins a fixed time after that of the
run before. So what it does is a function of that number and of what stands on the disk, and of nothing else.
"""

import json
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
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
from objlib.testing.history import CHANGES, Request, lines
from objlib.testing.library import Library
from objlib.testing.nemesis import Nemesis
from objlib.testing.snapshot import LEDGER, LIBRARY, STORE
from objlib.testing.virtual import EPOCH, run_virtual

GAP: Final = 100.0
"""Virtual seconds between a death and the next run."""
FIRST_PID: Final = 2**24
"""Pids follow the number of the run too, for they are kept in both databases. They are above what real systems
give, so that the system says of each what is true: there is no such process (any more)."""
EDITED: Final = ("change", "same size", "new", "new", "rename", "delete")
"""What a run finds to do: something to replace, to add, to rename and to leave alone."""


def settings_of(folder: Path) -> Settings:
    """The settings of every run in ``folder``."""
    return Settings(
        library=folder / LIBRARY,
        ledger=folder / LEDGER,
        embedded=folder / STORE,
        store="crashed",
        backend=Backend.EMBEDDED,
        embed_seconds=0,
        settle_seconds=60,
    )


def prepare_library(folder: Path, edits: Sequence[str] = EDITED) -> Library:
    """A library that is indexed, and then edited."""
    library = Library(folder / LIBRARY)
    for number in range(6):
        library.edit("new", number)
    life = ChildRun(folder, 0)
    life.live(life.upload)
    if life.broken:
        raise RuntimeError(f"a library that nothing happens to cannot be indexed: {life.broken}")
    for seed, kind in enumerate(edits):
        library.edit(kind, seed)
    return library


@dataclass(frozen=True, slots=True)
class ChildReport:
    """What a child process told of its life, the last of it right before its death.

    Attributes:
        died: whether it died at its point.
        points: how many points it passed.
        broken: every promise that it saw broken.
        story: what the service saw of it, for a person.
    """

    died: bool
    points: int
    broken: tuple[str, ...]
    story: tuple[str, ...]


@dataclass
class ChildRun:
    """What one process does.

    Attributes:
        folder: where library, ledger and store are.
        run: the number of the run.
        density: the share of requests that something happens to.
        die_at: the point at which it dies; None to live.
    """

    folder: Path
    run: int
    density: float = 0.0
    die_at: int | None = None
    broken: list[str] = field(default_factory=list, init=False)
    failpoints: Failpoints = field(init=False)
    _seen: list[tuple[str, list[Request]]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.failpoints = Failpoints(self.die_at)

    async def upload(self) -> None:
        """One upload."""
        await self._play("upload")

    async def settle(self, library: Library) -> None:
        """Upload until there is nothing left to do, then see that recovery and upload are idle."""
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

        watch = Checker(settings.ledger, settings.embedded, self.broken).watch
        faults = Faults(script=Nemesis(self.run, self.density, now), watch=watch)
        self._seen.append((command, faults.history))
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

    def live(self, what: Callable[[], Awaitable[None]]) -> None:
        """Do it in virtual time, in this process."""
        with mock.patch.object(os, "getpid", return_value=FIRST_PID + self.run):
            run_virtual(what, seed=self.run)

    def end(self) -> ChildReport:
        """Upload in a child process, to the end or to the point where it dies."""
        return self._in_child(self.upload)

    def end_well(self, library: Library) -> ChildReport:
        """Settle everything in a child process."""
        return self._in_child(partial(self.settle, library))

    def _in_child(self, what: Callable[[], Awaitable[None]]) -> ChildReport:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            status = 1

            def die() -> None:
                self._tell(writer)
                die_for_real()

            self.failpoints.on_death = die
            try:
                self.live(what)
                self._tell(writer)
                status = 0
            except BaseException:
                sys.excepthook(*sys.exc_info())
                raise
            finally:
                os._exit(status)
        os.close(writer)
        with os.fdopen(reader) as pipe:
            said = pipe.read()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        points, broken, story = json.loads(said or '[0, [], ["it said nothing"]]')
        if status not in {0, EXIT_STATUS} or not said:
            broken.append(f"run {self.run} ended with status {status}")
        return ChildReport(status == EXIT_STATUS, points, tuple(broken), tuple(story))

    def _tell(self, pipe: int) -> None:
        """The last words, which go to the parent alone: nothing in the folder knows of them."""
        story = [
            line
            for command, history in self._seen
            for line in (f"run {self.run}: {command}, faults {self.density:.0%}", *lines(history))
        ]
        if self.failpoints.dead:
            story.append(f"run {self.run} dies {self.failpoints.where}, point {self.failpoints.passed}")
        with os.fdopen(pipe, "w") as out:
            json.dump([self.failpoints.passed, self.broken, story], out)
