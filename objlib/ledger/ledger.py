"""The ledger: one open file or database, and everything the engine may ask of it."""

import platform
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import trio

from objlib.commit_queue import CommitQueue, serve_queue
from objlib.core.config.ledger_url import LedgerUrl
from objlib.core.ids import AttemptId, FileId, RunId
from objlib.ledger.adoptions import AdoptionTable
from objlib.ledger.attempts import AttemptTable
from objlib.ledger.checks import CheckTable
from objlib.ledger.claims import claim_files
from objlib.ledger.closings import ClosingTable
from objlib.ledger.compaction import CompactionTable
from objlib.ledger.comparison import ComparisonTable
from objlib.ledger.connection import connect, ledger_error, server_driver
from objlib.ledger.database import LedgerConnection
from objlib.ledger.deletions import DeletionTable
from objlib.ledger.files import FileTable
from objlib.ledger.intents import IntentTable
from objlib.ledger.leases import LeaseTable
from objlib.ledger.listings import ListingTable
from objlib.ledger.rates import RateTable
from objlib.ledger.rebuild import RebuildTable
from objlib.ledger.rows import FileRow
from objlib.ledger.runs import RunTable
from objlib.ledger.scan.patterns import PatternTable
from objlib.ledger.scan.session import ScanTable
from objlib.ledger.settings import SettingTable
from objlib.ledger.store_deletions import StoreDeletionTable
from objlib.ledger.totals import TotalTable
from objlib.ledger.transition_sql import apply_only, apply_transition, record_failure
from objlib.ledger.transitions import Transition
from objlib.liveness import machine_name
from objlib.sqlite.connection import disconnect
from objlib.sqlite.group_commit import group_commit, rewrite
from objlib.threads import Runner, thread_runner

T = TypeVar("T")

CLOSE_SECONDS: Final = 30.0
"""Seconds that closing waits for its turn on the runner before it closes the connection without it."""


class Ledger:
    """An open ledger; :func:`open_ledger` makes one. Times are Unix seconds.

    Attributes:
        listen: has a function called when another session tells of a closing, where the database can do that.
    """

    def __init__(
        self,
        place: Path | LedgerUrl,
        database: CommitQueue[LedgerConnection],
        now: Callable[[], float],
        listen: Callable[[Callable[[], None]], None] = lambda _: None,
    ) -> None:
        self.place = place
        self.listen = listen
        self.now = now
        self._database = database
        self.files = FileTable(database, now)
        self.adoptions = AdoptionTable(database, now)
        self.attempts = AttemptTable(database, now)
        self.intents = IntentTable(database, now)
        self.runs = RunTable(database, now)
        self.leases = LeaseTable(database, now)
        self.closings = ClosingTable(database, now)
        self.settings = SettingTable(database, now)
        self.listings = ListingTable(database, now)
        self.comparison = ComparisonTable(database, now)
        self.deletions = DeletionTable(database, now)
        self.store_deletions = StoreDeletionTable(database, now)
        self.rebuild = RebuildTable(database, now)
        self.rates = RateTable(database, now)
        self.checks = CheckTable(database, now)
        self.scans = ScanTable(database, now)
        self.patterns = PatternTable(database, now)
        self.totals = TotalTable(database, now)
        self.compaction = CompactionTable(database, now)

    @property
    def path(self) -> Path:
        """The file of a ledger that is one."""
        assert isinstance(self.place, Path), "it is in a database"
        return self.place

    @property
    def machine(self) -> str:
        """The host of this process as its runs record it: a pid means something to runs of an equal host only."""
        return platform.node() if isinstance(self.place, Path) else machine_name()

    async def apply(self, t: Transition) -> FileRow:
        """Apply a transition by compare-and-set; the row after it, once that is on disk.

        Whatever comes of it, the same transaction holds the event row that says so.

        Raises:
            StaleTransitionError: another task or run moved the row first.
            TransitionNotAllowedError: the lifecycle has no such edge.
            GuardRejectedError: the guard rejected it.
            Exception: whatever the guard raised.
            LedgerError: the database failed; nothing happened.
        """
        row = await self._submit(t, apply_transition)
        if isinstance(row, Exception):
            raise row
        return row

    async def apply_only(self, t: Transition) -> None:
        """As :meth:`apply`, but the row is not read back, which is half of the work."""
        error = await self._submit(t, apply_only)
        if error is not None:
            raise error

    async def shrink(self) -> None:
        """Give the room of what was removed back to the disk, where the ledger is a file.

        A server does it by itself: its later rows go there. Nothing else can use the ledger meanwhile.

        Raises:
            LedgerError: there is no room for the copy that this takes, or another program uses the file.
        """
        if isinstance(self.place, Path):
            await self._database.read(rewrite)

    async def _submit(self, t: Transition, apply: Callable[[LedgerConnection, Transition, float], T]) -> T:
        now = self.now()
        return await self._database.submit(
            lambda conn: apply(conn, t, now),
            writes=True,
            rescue=lambda conn, error: record_failure(conn, t, error, now=now),
            alone=False,
        )

    async def claim(
        self, run_id: RunId, attempts: Sequence[AttemptId], *, among: Sequence[FileId] | None = None
    ) -> list[tuple[FileRow, AttemptId]]:
        """Claim the next files that are due, at most one for each attempt; their rows, once that is on disk.

        Args:
            run_id: whose the files are then.
            attempts: an id for each claim.
            among: the only files that may be claimed; None for all.

        Raises:
            LedgerError: the database failed; nothing happened.
        """
        now = self.now()
        return await self._database.submit(
            lambda conn: claim_files(conn, now, run_id, attempts, among=among), writes=True, alone=False
        )

    async def apply_each(self, transitions: Sequence[Transition]) -> int:
        """Apply transitions of many rows as one operation; how many rows moved, once that is on disk.

        Each is a compare-and-set of its own, with its event row: one that another run was faster with, or that is
        rejected, moves nothing and stops none of the others.

        Raises:
            LedgerError: the database failed; nothing happened.
        """
        now = self.now()
        errors = await self._database.submit(
            lambda conn: [apply_only(conn, t, now) for t in transitions], writes=True, alone=False
        )
        return errors.count(None)


@asynccontextmanager
async def open_ledger(
    place: Path | LedgerUrl,
    *,
    runner: Runner | None = None,
    now: Callable[[], float] | None = None,
    create: bool = True,
    busy_timeout: float = 10.0,
    private: bool = False,
) -> AsyncIterator[Ledger]:
    """Open the ledger at ``place``, a file or a database, for the length of the block.

    Args:
        runner: where the database is used; it must run one function at a time. A thread when absent.
        now: the clock (Unix seconds) of every record. When absent, the machine's for a file, and the server's for a
            database, which the machines of a fleet have in common.
        create: whether a ledger that is not there may be made.
        busy_timeout: seconds to wait for another program's lock.
        private: open a copy that is dropped at the end of the block; the ledger stays as it is, or absent.

    Raises:
        LedgerError: it cannot be used; the message says why and what to do.
    """
    run = thread_runner(1) if runner is None else runner
    if private and not isinstance(place, Path):
        opened = _open_copy(place, run, now, create=create, busy_timeout=busy_timeout)
    else:
        opened = (
            _open_file(
                place, run, now or time.time, create=create, busy_timeout=busy_timeout, private=private
            )
            if isinstance(place, Path)
            else _open_server(place, run, now, create=create, busy_timeout=busy_timeout)
        )
    async with opened as ledger:
        yield ledger


@asynccontextmanager
async def _open_file(
    path: Path, run: Runner, now: Callable[[], float], *, create: bool, busy_timeout: float, private: bool
) -> AsyncIterator[Ledger]:
    conn = await run(
        partial(connect, path, create=create, busy_timeout=busy_timeout, now=now(), private=private)
    )
    try:
        async with group_commit(
            conn, run, partial(ledger_error, path=path, busy_timeout=busy_timeout)
        ) as commit:
            yield Ledger(path, commit, now)
    finally:
        try:
            with trio.move_on_after(CLOSE_SECONDS, shield=True):
                await run(partial(disconnect, conn))
        finally:
            conn.close()


@asynccontextmanager
async def _open_server(
    url: LedgerUrl, run: Runner, now: Callable[[], float] | None, *, create: bool, busy_timeout: float
) -> AsyncIterator[Ledger]:
    with server_driver(url):
        from objlib.ledger.server import closed_error, open_session, server_error
        from objlib.postgres.transactions import perform
    session = await run(
        partial(open_session, url, create=create, busy_timeout=busy_timeout, now=now and now())
    )
    try:
        translate = partial(server_error, url=url, busy_timeout=busy_timeout)
        async with serve_queue(
            partial(perform, session, translate), run, partial(closed_error, url)
        ) as commit:
            token = trio.lowlevel.current_trio_token()

            def listen(hear: Callable[[], None]) -> None:
                session.on_news = partial(token.run_sync_soon, hear, idempotent=True)

            yield Ledger(url, commit, now or session.clock, listen)
    finally:
        with trio.move_on_after(CLOSE_SECONDS, shield=True):
            await run(session.drop)


@asynccontextmanager
async def _open_copy(
    url: LedgerUrl, run: Runner, now: Callable[[], float] | None, *, create: bool, busy_timeout: float
) -> AsyncIterator[Ledger]:
    """Open a private copy in an SQLite database of this process; nothing is made or locked in the server's."""
    with server_driver(url):
        from objlib.ledger.server import copy_privately

    conn, clock = await run(
        partial(copy_privately, url, create=create, busy_timeout=busy_timeout, now=now and now())
    )
    try:
        async with group_commit(
            conn, run, partial(ledger_error, path=Path("(a private copy)"), busy_timeout=busy_timeout)
        ) as commit:
            yield Ledger(url, commit, now or clock)
    finally:
        conn.close()
