"""Group commit: callers queue, and one task carries all that wait to the database as one transaction.

A transaction that is durable against power loss costs one flush of the disk, however much it holds. So
nobody commits alone while others wait: whatever queued up while the last batch was under way is the next
batch. An idle ledger has no queue, and a single operation goes out in the tick it came in.

An operation is either *waiting* (its caller may be cancelled, and then it never happens) or *taken* (it
happens, and its caller, cancelled or not, gets the result first: the rule of ``trio.to_thread.run_sync``). So
Cancelled means "was not done", and returned means "is on disk".
"""

import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import trio

from objlib.core.errors import LedgerError
from objlib.ledger.aside import CapturedError
from objlib.ledger.connection import roll_back
from objlib.ledger.problems import for_caller, is_fatal, ledger_error
from objlib.threads import Runner

T = TypeVar("T")

BATCH: Final = 256
"""Operations per transaction at most: above it the gain is small, and everyone waits for the slowest."""

Work = Callable[[sqlite3.Connection], T]
"""A function of the connection, run inside a transaction that is not its own: it never ends that."""

Rescue = Callable[[sqlite3.Connection, Exception], None]
"""Runs in the same transaction after the work of its operation raised and was undone."""


@dataclass(slots=True, eq=False)
class Op(Generic[T]):
    """One queued operation and, later, what became of it."""

    work: Work[T]
    writes: bool
    rescue: Rescue | None
    task: trio.lowlevel.Task
    taken: bool = False
    withdrawn: bool = False
    outcome: "Outcome | None" = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an operation returned or raised."""

    value: Any = None
    error: BaseException | None = None


class GroupCommit:
    """The queue before one connection. :meth:`serve` has to run for :meth:`submit` to return."""

    def __init__(self, conn: sqlite3.Connection, runner: Runner, path: Path, busy_timeout: float) -> None:
        self._conn = conn
        self._runner = runner
        self._path = path
        self._busy_timeout = busy_timeout
        self._queue: deque[Op[Any]] = deque()
        self._idle = trio.lowlevel.ParkingLot()
        self._closed = False

    def start(self, nursery: trio.Nursery) -> None:
        """Serve in ``nursery``, which is its opener's: it ends by :meth:`close`, never by cancellation."""
        nursery.start_soon(self.serve)

    async def submit(self, work: Work[T], *, writes: bool, rescue: Rescue | None = None) -> T:
        """Queue ``work`` and give back what it returns, once that is committed.

        Raises:
            LedgerError: the database failed, or the ledger is closed.
            Exception: whatever ``work`` raised; what it had written is undone, the rest of its batch is not.
        """
        if self._closed:
            await trio.lowlevel.checkpoint()
            raise LedgerError(f"the ledger {self._path} is closed already; this is a mistake in the program")
        op = Op(work, writes, rescue, trio.lowlevel.current_task())

        def abort(_: object) -> trio.lowlevel.Abort:
            if op.taken:
                return trio.lowlevel.Abort.FAILED
            op.withdrawn = True
            return trio.lowlevel.Abort.SUCCEEDED

        self._queue.append(op)
        self._idle.unpark()
        await trio.lowlevel.wait_task_rescheduled(abort)
        outcome = op.outcome
        assert outcome is not None, "an operation is rescheduled only with its outcome"
        if outcome.error is not None:
            raise outcome.error
        return outcome.value  # type: ignore[no-any-return]  # the queue holds operations of every type

    async def read(self, work: Work[T]) -> T:
        """What ``work`` returns; it sees only what is committed, and must change nothing."""
        return await self.submit(work, writes=False)

    async def write(self, work: Work[T]) -> T:
        """What ``work`` returns, once what it wrote is on disk."""
        return await self.submit(work, writes=True)

    def close(self) -> None:
        """Take no more operations; :meth:`serve` returns when those that wait are done."""
        self._closed = True
        self._idle.unpark()

    async def serve(self) -> None:
        """Carry batches until closed.

        Shielded, because callers that are being cancelled may still have to record, under shields of their
        own, what they leave behind; it ends soon after its opener's block has ended.
        """
        with trio.CancelScope(shield=True):
            while True:
                batch = self._take()
                if batch:
                    await self._carry(batch)
                elif self._closed:
                    return
                else:
                    await self._idle.park()

    def _take(self) -> list[Op[Any]]:
        """The next batch. Whatever is in it can no longer be withdrawn."""
        batch: list[Op[Any]] = []
        while self._queue and len(batch) < BATCH:
            op = self._queue.popleft()
            if not op.withdrawn:
                op.taken = True
                batch.append(op)
        return batch

    async def _carry(self, batch: list[Op[Any]]) -> None:
        job = partial(perform, self._conn, batch, self._path, self._busy_timeout)
        outcomes: list[Outcome] = []
        with (
            CapturedError() as aside
        ):  # all callers of the batch wait for an outcome, and none may wait for ever
            outcomes = await self._runner(job)
        if aside.error is not None:
            outcomes = [Outcome(error=aside.error)] * len(batch)
        for op, outcome in zip(batch, outcomes, strict=True):
            op.outcome = outcome
            trio.lowlevel.reschedule(op.task)


def perform(
    conn: sqlite3.Connection, batch: Sequence[Op[Any]], path: Path, busy_timeout: float
) -> list[Outcome]:
    """Carry out a batch: every read by itself, then all writes as one transaction.

    Reads come first, so that they see nothing that is not committed yet.
    """
    reads = {op: _read(conn, op.work, path, busy_timeout) for op in batch if not op.writes}
    writers = [op for op in batch if op.writes]
    writes = dict(zip(writers, _write_all(conn, writers, path, busy_timeout), strict=True))
    return [reads[op] if op in reads else writes[op] for op in batch]


def _read(conn: sqlite3.Connection, work: Work[Any], path: Path, busy_timeout: float) -> Outcome:
    """One read, in a transaction so that all its queries see the same moment."""
    try:
        conn.execute("BEGIN")
        value = work(conn)
        conn.execute("COMMIT")
    except Exception as error:
        roll_back(conn)
        return Outcome(error=for_caller(error, path, busy_timeout))
    except BaseException:
        roll_back(conn)
        raise
    return Outcome(value)


def _write_all(
    conn: sqlite3.Connection, ops: Sequence[Op[Any]], path: Path, busy_timeout: float
) -> list[Outcome]:
    """All writes as one transaction, each behind a savepoint, so that one may fail alone."""
    if not ops:
        return []
    try:
        conn.execute("BEGIN IMMEDIATE")
        outcomes = [_write(conn, op, path, busy_timeout) for op in ops]
        conn.execute("COMMIT")
    except sqlite3.DatabaseError as error:
        roll_back(conn)
        return [Outcome(error=ledger_error(error, path, busy_timeout)) for _ in ops]
    except BaseException:
        roll_back(conn)
        raise
    return outcomes


def _write(conn: sqlite3.Connection, op: Op[Any], path: Path, busy_timeout: float) -> Outcome:
    """One operation of a batch. Raises only what puts the whole batch in doubt."""
    conn.execute("SAVEPOINT op")
    try:
        value = op.work(conn)
    except Exception as error:
        if is_fatal(error) or not conn.in_transaction:
            raise
        conn.execute("ROLLBACK TO op")
        if op.rescue is not None:
            _rescue(conn, op.rescue, error)
        conn.execute("RELEASE op")
        return Outcome(error=for_caller(error, path, busy_timeout))
    conn.execute("RELEASE op")
    return Outcome(value)


def _rescue(conn: sqlite3.Connection, rescue: Rescue, error: Exception) -> None:
    """Let ``rescue`` have its say after ``error``; where it fails too, that stands in a note on ``error``."""
    try:
        rescue(conn, error)
    except Exception as second:
        if is_fatal(second):
            raise
        conn.execute("ROLLBACK TO op")
        error.add_note(f"and it could not be recorded: {type(second).__name__}: {second}")
