"""Group commit: callers queue, and one task carries all that wait to the database as one transaction.

A transaction that is durable against power loss costs one flush of the disk, however much it holds. So
no operation commits alone while others wait: those that queued up during the last batch are the next
batch. An idle database has no queue, and a single operation goes out in the tick it came in.

An operation is either *waiting* (its caller may be cancelled, and then it never happens) or *taken* (it
happens, and its caller, cancelled or not, gets the result first: the rule of ``trio.to_thread.run_sync``). So
Cancelled means "was not done", and returned means "is on disk".
"""

import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Generic, TypeVar

import trio
from outcome import Error, Outcome, Value, acapture

from objlib.sqlite.capture import CapturedError
from objlib.sqlite.errors import ClosedError, is_fatal, roll_back
from objlib.threads import Runner

T = TypeVar("T")

BATCH: Final = 256
"""Operations per transaction at most: above it the gain is small, and everyone waits for the slowest."""

Translate = Callable[[sqlite3.Error], Exception]
"""Makes an error of the database what its callers get."""

Work = Callable[[sqlite3.Connection], T]
"""A function of the connection, run inside a transaction that is not its own: it never ends that."""

Rescue = Callable[[sqlite3.Connection, Exception], None]
"""Runs in the same transaction after the work of its operation raised and was undone."""


@dataclass(slots=True, eq=False)
class Op(Generic[T]):
    """One queued operation, and the task that waits for it."""

    work: Work[T]
    writes: bool
    rescue: Rescue | None
    task: trio.lowlevel.Task
    taken: bool = False
    withdrawn: bool = False


class GroupCommit:
    """The queue before one connection; :func:`group_commit` opens one."""

    def __init__(
        self, conn: sqlite3.Connection, runner: Runner, translate: Translate, batch: int = BATCH
    ) -> None:
        self._conn = conn
        self._runner = runner
        self._translate = translate
        self._batch = batch
        self._queue: deque[Op[Any]] = deque()
        self._idle = trio.lowlevel.ParkingLot()
        self._closed = False

    def start(self, nursery: trio.Nursery) -> None:
        """Serve in ``nursery``, which is its opener's: it ends by :meth:`close`, never by cancellation."""
        nursery.start_soon(self.serve)

    async def submit(self, work: Work[T], *, writes: bool, rescue: Rescue | None = None) -> T:
        """Queue ``work`` and give back what it returns, once that is committed.

        Raises:
            Exception: what ``translate`` made of an error of the database, or of :class:`ClosedError`.
            Exception: whatever ``work`` raised; what it had written is undone, the rest of its batch is not.
        """
        if self._closed:
            await trio.lowlevel.checkpoint()
            raise self._translate(ClosedError("is closed already; this is a mistake in the program"))
        op = Op(work, writes, rescue, trio.lowlevel.current_task())

        def abort(_: object) -> trio.lowlevel.Abort:
            if op.taken:
                return trio.lowlevel.Abort.FAILED
            op.withdrawn = True
            return trio.lowlevel.Abort.SUCCEEDED

        self._queue.append(op)
        self._idle.unpark()
        # It is rescheduled with its outcome, which this returns or raises.
        return await trio.lowlevel.wait_task_rescheduled(abort)  # type: ignore[no-any-return]

    async def read(self, work: Work[T]) -> T:
        """Return the value of ``work``, which sees only committed data and must change nothing."""
        return await self.submit(work, writes=False)

    async def write(self, work: Work[T]) -> T:
        """Return the value of ``work``, once its writes are on disk."""
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
                batch = self._next_batch()
                if batch:
                    await self._commit(batch)
                elif self._closed:
                    return
                else:
                    await self._idle.park()

    def _next_batch(self) -> list[Op[Any]]:
        """The next batch. Whatever is in it can no longer be withdrawn."""
        batch: list[Op[Any]] = []
        while self._queue and len(batch) < self._batch:
            op = self._queue.popleft()
            if not op.withdrawn:
                op.taken = True
                batch.append(op)
        return batch

    async def _commit(self, batch: list[Op[Any]]) -> None:
        job = partial(perform, self._conn, batch, self._translate)
        done = await acapture(
            self._runner, job
        )  # every caller of the batch waits for a result, whatever happens
        results = done.value if isinstance(done, Value) else [Error(done.error) for _ in batch]
        for op, result in zip(batch, results, strict=True):
            trio.lowlevel.reschedule(op.task, result)


@asynccontextmanager
async def group_commit(
    conn: sqlite3.Connection, runner: Runner, translate: Translate, batch: int = BATCH
) -> AsyncIterator[GroupCommit]:
    """Serve ``conn`` for the length of the block; what is queued at its end is still done.

    An error of the block leaves it as it is, not inside a group: the only other task here hands every error
    to the caller that it concerns, so there is never a second one.

    Args:
        conn: stays open afterwards.
        runner: where it is used; it must run one function at a time.
        translate: makes an error of the database what its callers get.
        batch: operations per transaction at most.
    """
    body = CapturedError()
    async with trio.open_nursery() as nursery:
        commit = GroupCommit(conn, runner, translate, batch)
        commit.start(nursery)
        with body:
            yield commit
        commit.close()
    body.reraise()


def perform(conn: sqlite3.Connection, batch: Sequence[Op[Any]], translate: Translate) -> list[Outcome[Any]]:
    """Carry out a batch: every read by itself, then all writes as one transaction.

    Reads come first, so that they see nothing that is not committed yet.
    """
    reads = {op: _read(conn, op.work, translate) for op in batch if not op.writes}
    writers = [op for op in batch if op.writes]
    writes = dict(zip(writers, _write_all(conn, writers, translate), strict=True))
    return [reads[op] if op in reads else writes[op] for op in batch]


def _read(conn: sqlite3.Connection, work: Work[Any], translate: Translate) -> Outcome[Any]:
    """One read, in a transaction so that all its queries see the same moment."""
    try:
        conn.execute("BEGIN")
        value = work(conn)
        conn.execute("COMMIT")
    except Exception as error:
        roll_back(conn)
        return Error(_for_caller(error, translate))
    except BaseException:
        roll_back(conn)
        raise
    return Value(value)


def _write_all(conn: sqlite3.Connection, ops: Sequence[Op[Any]], translate: Translate) -> list[Outcome[Any]]:
    """All writes as one transaction, each behind a savepoint, so that one may fail alone."""
    if not ops:
        return []
    try:
        conn.execute("BEGIN IMMEDIATE")
        results = [_write(conn, op, translate) for op in ops]
        conn.execute("COMMIT")
    except sqlite3.DatabaseError as error:
        roll_back(conn)
        return [Error(translate(error)) for _ in ops]
    except BaseException:
        roll_back(conn)
        raise
    return results


def _write(conn: sqlite3.Connection, op: Op[Any], translate: Translate) -> Outcome[Any]:
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
        return Error(_for_caller(error, translate))
    conn.execute("RELEASE op")
    return Value(value)


def _for_caller(error: Exception, translate: Translate) -> Exception:
    """``error`` as the caller of a failed operation gets it.

    An error about the values of a statement (a broken constraint, a type that SQLite does not know) stays as
    it is; one about the database is translated.
    """
    return translate(error) if is_fatal(error) or isinstance(error, sqlite3.OperationalError) else error


def _rescue(conn: sqlite3.Connection, rescue: Rescue, error: Exception) -> None:
    """Let ``rescue`` have its say after ``error``; where it fails too, that stands in a note on ``error``."""
    try:
        rescue(conn, error)
    except Exception as second:
        if is_fatal(second):
            raise
        conn.execute("ROLLBACK TO op")
        error.add_note(f"and it could not be recorded: {type(second).__name__}: {second}")
