"""Shared by the scan's tests: a library on disk, a ledger beside it, and rows in any state."""

import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import trio

from objlib.core.config.ledger_url import LedgerUrl
from objlib.core.config.settings import Backend, Settings
from objlib.core.ids import RunId
from objlib.core.lifecycle.table import State
from objlib.core.reports.upload import ScanReport
from objlib.engine.scan.scan import scan
from objlib.ledger import FileRow, Ledger, open_ledger
from objlib.testing import RecordingObserver
from objlib.threads import Runner, inline_runner
from tests.support.clock import Clock
from tests.support.ledger import bring

RUN = RunId("scan-1")
LONG_AGO = 1_500_000_000
"""Unix seconds; files of the tests are that old, so that their time stamps can be trusted."""
NOBODY = 65534


@dataclass
class Desk:
    """A library, its ledger, and what can be done to them."""

    root: Path
    ledger: Ledger
    clock: Clock
    runner: Runner = inline_runner
    observer: RecordingObserver = field(default_factory=RecordingObserver)
    _age: int = 0

    def write(self, path: str, text: str | bytes) -> Path:
        """Write a file with a time stamp of its own from long ago."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode() if isinstance(text, str) else text)
        self.age(target)
        return target

    def age(self, target: Path) -> None:
        """Give a file a new time stamp from long ago."""
        self._age += 1
        os.utime(target, (LONG_AGO, LONG_AGO + self._age))

    def app(self, **settings: Any) -> Any:
        """The parts of an application that a scan uses."""
        places = {"ledger": self.root / "ledger.db", "embedded": self.root / "store.db"}
        return SimpleNamespace(
            settings=Settings(
                library=self.root, store="s", backend=Backend.EMBEDDED, **{**places, **settings}
            ),
            ledger=self.ledger,
            observer=self.observer,
            run_id=RUN,
            files=self.runner,
            embedding_model="",
            now=self.clock,
        )

    async def scan(
        self,
        *,
        dry_run: bool = False,
        checksum: bool = False,
        clock: Callable[[], int] = time.time_ns,
        **settings: Any,
    ) -> ScanReport:
        """Scan the library."""
        self.clock.time += 1
        return await scan(self.app(**settings), dry_run=dry_run, checksum=checksum, clock=clock)

    async def rows(self) -> dict[str, FileRow]:
        """The live rows, by path."""
        return {
            row.file_path: row
            for row in await self.ledger.files.page(limit=10**6)
            if row.missing_since is None
        }

    async def row(self, path: str) -> FileRow:
        """The row at a path."""
        row = await self.ledger.files.by_path(path)
        assert row is not None, f"the ledger knows no {path}"
        return row

    async def bring(self, path: str, state: State) -> FileRow:
        """Take an untracked row to ``state``, without a word to any service."""
        row, _ = await bring(self.ledger, await self.row(path), state)
        return row

    async def index_all(self) -> None:
        """Take every untracked file on disk to indexed."""
        # All at once, so that they share their commits.
        async with trio.open_nursery() as nursery:
            for row in await self.ledger.files.page(State.UNTRACKED, limit=10**6):
                if row.missing_since is None:
                    nursery.start_soon(self.bring, row.file_path, State.INDEXED)

    async def events(self, path: str) -> list[str]:
        """Names of the events in a file's history."""
        events, _ = await self.ledger.files.history((await self.row(path)).file_id)
        return [str(event.event) for event in events]


@asynccontextmanager
async def open_desk(
    folder: Path, runner: Runner = inline_runner, place: Path | LedgerUrl | None = None
) -> AsyncIterator[Desk]:
    """An empty library in ``folder`` and a ledger beside it, or at ``place``."""
    root = folder / "library"
    root.mkdir(exist_ok=True)
    clock = Clock()
    async with open_ledger(place or folder / "ledger.db", runner=runner, now=clock) as ledger:
        yield Desk(root, ledger, clock, runner)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Drop the superuser's right to read everything; the files must belong to another user."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


class CancelAt:
    """A runner that cancels ``scope`` when it is called for the k-th time, instead of, or after, running."""

    def __init__(self, number: int, *, after: bool) -> None:
        self.left = number
        self.after = after
        self.scope = trio.CancelScope()

    async def __call__(self, fn: Any, /) -> Any:
        """Run ``fn``, or do not."""
        self.left -= 1
        if self.left == 0 and not self.after:
            self.scope.cancel()
        await trio.lowlevel.checkpoint()
        value = fn()
        if self.left == 0:
            self.scope.cancel()
        return value
