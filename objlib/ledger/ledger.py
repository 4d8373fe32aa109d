"""The ledger: one open file, and everything the engine may ask of it."""

import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import trio

from objlib.core.ids import AttemptId, FileId, RunId
from objlib.core.lifecycle.table import State
from objlib.ledger import attempts, files, intents, runs, settings, transition_sql
from objlib.ledger.aside import CapturedError
from objlib.ledger.commit import GroupCommit
from objlib.ledger.connection import connect, disconnect
from objlib.ledger.rows import AttemptRow, Counts, EventRow, FileRow, IntentRow, RunRow
from objlib.ledger.transitions import Transition
from objlib.threads import Runner, thread_runner

T = TypeVar("T")

CLOSE_SECONDS: Final = 30.0
"""How long closing waits for its turn on the runner before it closes the connection by itself."""

PAGE: Final = 500
"""Rows per page where the caller does not say."""


class Ledger:
    """An open ledger; :func:`open_ledger` makes one. Times are Unix seconds."""

    def __init__(self, path: Path, commit: GroupCommit, now: Callable[[], float]) -> None:
        self.path = path
        self.now = now
        self._commit = commit

    async def read(self, fn: Callable[[sqlite3.Connection], T]) -> T:
        """What ``fn`` returns; all its queries see the same moment, and only what is committed.

        ``fn`` runs outside the event loop. It may fill temporary tables, but must not change the ledger.
        """
        return await self._commit.submit(fn, writes=False)

    async def write(self, fn: Callable[[sqlite3.Connection], T]) -> T:
        """What ``fn`` returns, once what it wrote is on disk.

        ``fn`` runs outside the event loop, in a transaction that it may share with others, and must neither
        commit nor roll back (``with conn`` and ``executescript`` do). If it raises, what it wrote is undone.
        """
        return await self._commit.submit(fn, writes=True)

    async def apply(self, t: Transition) -> FileRow:
        """Take a transition by compare-and-set; the row after it, once that is on disk.

        Whatever comes of it, the same transaction holds the event row that says so.

        Raises:
            StaleTransitionError: someone else moved the row first.
            TransitionNotAllowedError: the lifecycle has no such edge.
            GuardRejectedError: the guard said no.
            Exception: whatever the guard raised.
            LedgerError: the database failed; nothing happened.
        """
        now = self.now()
        taken = await self._commit.submit(
            partial(transition_sql.take, t=t, now=now),
            writes=True,
            rescue=lambda conn, error: transition_sql.record_failure(conn, t, error, now=now),
        )
        if isinstance(taken, Exception):
            raise taken
        return taken

    async def claimable(self, *, now: float, limit: int) -> list[FileRow]:
        """At most ``limit`` files to upload now: those never put off by id, then those that are due by time."""
        return await self.read(partial(files.claimable, now=now, limit=limit))

    async def claimable_totals(self, *, now: float | None = None) -> tuple[int, int]:
        """How many files are to be uploaded and their bytes: all, or with ``now`` those that are due."""
        return await self.read(partial(files.claimable_totals, now=now))

    async def next_retry_at(self) -> float | None:
        """The earliest time at which a file that was put off may be tried again."""
        return await self.read(files.next_retry_at)

    async def file(self, file_id: FileId) -> FileRow | None:
        """The file with this id."""
        return await self.read(partial(files.file, file_id=file_id))

    async def file_by_path(self, path: str) -> FileRow | None:
        """The file at ``path`` on disk; if there is none, the one that went missing from there last."""
        return await self.read(partial(files.file_by_path, path=path))

    async def files_page(
        self, state: State | None = None, *, after: str = "", limit: int = PAGE
    ) -> list[FileRow]:
        """A page, by ``file_id``, of the files in ``state``, or of all."""
        return await self.read(partial(files.files_page, state=state, after=after, limit=limit))

    async def failed_page(
        self, after: str = "", limit: int = PAGE, retryable_only: bool = False
    ) -> list[FileRow]:
        """A page of the files that failed; with ``retryable_only`` those that trying again may get in."""
        return await self.read(
            partial(files.failed_page, after=after, limit=limit, retryable_only=retryable_only)
        )

    async def superseded_page(self, after: str = "", limit: int = PAGE) -> list[FileRow]:
        """A page of the files with an older document that is still to be deleted."""
        return await self.read(partial(files.superseded_page, after=after, limit=limit))

    async def transient_page(
        self, after: str = "", limit: int = PAGE
    ) -> list[tuple[FileRow, AttemptRow | None, RunRow | None]]:
        """A page of the files in a transient state, each with its last attempt and the run that owns it."""
        return await self.read(partial(files.transient_page, after=after, limit=limit))

    async def paths_of(self, file_ids: Iterable[FileId]) -> dict[FileId, str]:
        """The current path of each of ``file_ids`` that the ledger knows."""
        return await self.read(partial(files.paths_of, file_ids=tuple(file_ids)))

    async def counts(self) -> Counts:
        """How many files there are of each kind now."""
        return await self.read(partial(files.counts, now=self.now()))

    async def history(self, file_id: FileId) -> tuple[list[EventRow], list[AttemptRow]]:
        """Everything that was ever tried with a file, oldest first."""
        return await self.read(partial(files.history, file_id=file_id))

    async def session_started(self, attempt_id: AttemptId, session_url: str) -> None:
        """Record the upload session of an attempt: from now on bytes may have been sent.

        Raises:
            AttemptOverError: the attempt was ended by someone else; nothing may be sent for it.
        """
        await self.write(
            partial(attempts.session_started, attempt_id=attempt_id, session_url=session_url, now=self.now())
        )

    async def attempt_found(
        self,
        row: FileRow,
        attempt_id: AttemptId,
        *,
        expected: str | None,
        document: str,
        surplus: Iterable[str],
        run_id: RunId,
    ) -> None:
        """Record which document an attempt under way turned out to have; the ``surplus`` is to be deleted.

        Raises:
            StaleTransitionError: the attempt is over, or has another document than ``expected`` by now.
        """
        await self.write(
            partial(
                attempts.attempt_found,
                row=row,
                attempt_id=attempt_id,
                expected=expected,
                document=document,
                surplus=tuple(surplus),
                run_id=run_id,
                now=self.now(),
            )
        )

    async def last_attempt(self, file_id: FileId) -> AttemptRow | None:
        """The latest try at a file."""
        return await self.read(partial(attempts.last_attempt, file_id=file_id))

    async def open_intent(
        self, file_id: FileId | None, document: str, reason: str, run_id: RunId | None
    ) -> str:
        """Record that ``document`` is to be deleted; the id of its open intent, an older one if there is."""
        return await self.write(
            partial(
                intents.open_intent,
                file_id=file_id,
                document=document,
                reason=reason,
                run_id=run_id,
                now=self.now(),
            )
        )

    async def open_intents(self, after: str = "", limit: int = PAGE) -> list[IntentRow]:
        """A page, by ``intent_id``, of the documents that are to be deleted."""
        return await self.read(partial(intents.open_intents, after=after, limit=limit))

    async def start_run(self, run_id: RunId, pid: int, host: str, command: str) -> None:
        """Record that a run begins."""
        await self.write(
            partial(runs.start_run, run_id=run_id, pid=pid, host=host, command=command, now=self.now())
        )

    async def heartbeat(self, run_id: RunId) -> None:
        """Record that a run is alive."""
        await self.write(partial(runs.heartbeat, run_id=run_id, now=self.now()))

    async def end_run(self, run_id: RunId) -> None:
        """Record that a run is over: whatever it left in a transient state may be recovered at once."""
        await self.write(partial(runs.end_run, run_id=run_id, now=self.now()))

    async def run(self, run_id: RunId) -> RunRow | None:
        """The run with this id."""
        return await self.read(partial(runs.run, run_id=run_id))

    async def runs(self) -> list[RunRow]:
        """All runs, oldest first."""
        return await self.read(runs.runs)

    async def pin(self, store: str, display: str) -> None:
        """Make this the ledger of ``store``, once and for all; RefusedError if it belongs to another."""
        await self.write(partial(settings.pin, path=self.path, store=store, display=display))

    async def pinned(self) -> tuple[str, str] | None:
        """The store (resource name, display name) that this ledger belongs to."""
        return await self.read(settings.pinned)

    async def get_setting(self, key: str) -> str | None:
        """The value kept under ``key``."""
        return await self.read(partial(settings.get_setting, key=key))

    async def set_setting(self, key: str, value: str) -> None:
        """Keep ``value`` under ``key``."""
        await self.write(partial(settings.set_setting, key=key, value=value))


@asynccontextmanager
async def open_ledger(
    path: Path,
    *,
    runner: Runner | None = None,
    now: Callable[[], float] = time.time,
    create: bool = True,
    busy_timeout: float = 10.0,
) -> AsyncIterator[Ledger]:
    """Open the ledger at ``path`` for the length of the block.

    An error of the block leaves it as it is, not inside a group: the only other task here hands every error
    to the caller that it concerns, so there is never a second one.

    Args:
        path: the SQLite file.
        runner: where the database is used; it must run one function at a time. A thread when absent.
        now: the clock (Unix seconds) of every record.
        create: whether a ledger that is not there may be made.
        busy_timeout: seconds to wait for another program's lock.

    Raises:
        LedgerError: it cannot be used; the message says why and what to do.
    """
    run = thread_runner(1) if runner is None else runner
    conn = await run(partial(connect, path, create=create, busy_timeout=busy_timeout, now=now()))
    body = CapturedError()
    try:
        commit = GroupCommit(conn, run, path, busy_timeout)
        async with trio.open_nursery() as nursery:
            commit.start(nursery)
            with body:
                yield Ledger(path, commit, now)
            commit.close()
    finally:
        try:
            with trio.move_on_after(CLOSE_SECONDS, shield=True):
                await run(partial(disconnect, conn))
        finally:
            conn.close()
    body.reraise()
