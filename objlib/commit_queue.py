"""Group commit: callers queue, and one task carries all that wait to the database as one transaction.

A transaction that is durable against power loss costs one flush of the disk, however much it holds. So
no operation commits alone while others wait: those that queued up during the last batch are the next
batch. An idle database has no queue, and a single operation goes out in the tick it came in.

An operation is either *waiting* (its caller may be cancelled, and then it never happens) or *taken* (it
happens, and its caller, cancelled or not, gets the result first: the rule of ``trio.to_thread.run_sync``). So
Cancelled means "was not done", and returned means "is on disk".

The queue knows no database; how a batch is carried out is the business of its ``perform``.
"""

from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Generic, TypeVar

import trio
from outcome import Error, Outcome, Value, acapture

from objlib.capture import CapturedError
from objlib.threads import Runner

T = TypeVar("T")
C = TypeVar("C")
C_co = TypeVar("C_co", covariant=True)

BATCH: Final = 256
"""Operations per transaction at most: above it the gain is small, and everyone waits for the slowest."""

Work = Callable[[C], T]
"""A function of the connection, run inside a transaction that is not its own: it never ends that.

A database that undid a transaction may run it once more, so it must not use up what it is given.
"""

Rescue = Callable[[C, Exception], None]
"""Runs in the same transaction after the work of its operation raised and was undone."""


@dataclass(slots=True, eq=False)
class Op(Generic[C, T]):
    """One operation, and the task that waits for it where it is queued.

    Attributes:
        writes: whether it changes something.
        alone: whether no other write may run beside it, and it is run once more only where its database undid the
            transaction: it reads what it then writes by.
    """

    work: Work[C, T]
    writes: bool
    rescue: Rescue[C] | None = None
    task: trio.lowlevel.Task | None = None
    alone: bool = True
    taken: bool = False
    withdrawn: bool = False


Perform = Callable[[Sequence[Op[C, Any]]], list[Outcome[Any]]]
"""Carries out a batch, and gives back the result of each operation; it blocks."""


class CommitQueue(Generic[C_co]):
    """The queue before one connection; :func:`serve_queue` opens one."""

    def __init__(
        self, perform: Perform[C_co], runner: Runner, closed: Callable[[], Exception], batch: int = BATCH
    ) -> None:
        self._perform = perform
        self._runner = runner
        self._error_when_closed = closed
        self._batch = batch
        self._queue: deque[Op[C_co, Any]] = deque()
        self._idle = trio.lowlevel.ParkingLot()
        self._closed = False

    def start(self, nursery: trio.Nursery) -> None:
        """Serve in ``nursery``, which is its opener's: it ends by :meth:`close`, never by cancellation."""
        nursery.start_soon(self.serve)

    async def submit(
        self, work: Work[C_co, T], *, writes: bool, rescue: Rescue[C_co] | None = None, alone: bool = True
    ) -> T:
        """Queue ``work`` and give back what it returns, once that is committed.

        Raises:
            Exception: an error of the database as the ledger's or the store's own, or that of a closed queue.
            Exception: whatever ``work`` raised; what it had written is undone, the rest of its batch is not.
        """
        if self._closed:
            await trio.lowlevel.checkpoint()
            raise self._error_when_closed()
        op = Op(work, writes, rescue, trio.lowlevel.current_task(), alone)

        def abort(_: object) -> trio.lowlevel.Abort:
            if op.taken:
                return trio.lowlevel.Abort.FAILED
            op.withdrawn = True
            return trio.lowlevel.Abort.SUCCEEDED

        self._queue.append(op)
        if self._idle:  # looked at first, since most of the time nothing is parked
            self._idle.unpark()
        # It is rescheduled with its outcome, which this returns or raises.
        value: T = await trio.lowlevel.wait_task_rescheduled(abort)
        return value

    async def read(self, work: Work[C_co, T]) -> T:
        """Return the value of ``work``, which sees only committed data and must change nothing."""
        return await self.submit(work, writes=False)

    async def write(self, work: Work[C_co, T]) -> T:
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

    def _next_batch(self) -> list[Op[C_co, Any]]:
        """The next batch. Whatever is in it can no longer be withdrawn."""
        batch: list[Op[C_co, Any]] = []
        while self._queue and len(batch) < self._batch:
            op = self._queue.popleft()
            if not op.withdrawn:
                op.taken = True
                batch.append(op)
        return batch

    async def _commit(self, batch: list[Op[C_co, Any]]) -> None:
        job = partial(self._perform, batch)
        done = await acapture(
            self._runner, job
        )  # every caller of the batch waits for a result, whatever happens
        results = done.value if isinstance(done, Value) else [Error(done.error) for _ in batch]
        for op, result in zip(batch, results, strict=True):
            assert op.task is not None, "it was queued by one"
            trio.lowlevel.reschedule(op.task, result)


@asynccontextmanager
async def serve_queue(
    perform: Perform[C], runner: Runner, closed: Callable[[], Exception], batch: int = BATCH
) -> AsyncIterator[CommitQueue[C]]:
    """Serve a connection for the length of the block; what is queued at its end is still done.

    An error of the block leaves it as it is, not inside a group: the only other task here hands every error
    to the caller that it concerns, so there is never a second one.

    Args:
        perform: carries out a batch; its connection stays open afterwards.
        runner: where it blocks; it must run one function at a time.
        closed: makes the error of a caller that comes too late.
        batch: operations per transaction at most.
    """
    body = CapturedError()
    async with trio.open_nursery() as nursery:
        commit = CommitQueue(perform, runner, closed, batch)
        commit.start(nursery)
        with body:
            yield commit
        commit.close()
    body.reraise()
