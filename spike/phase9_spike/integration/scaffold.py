"""A machine in its place: one file at a time under a lock, a machine for each transition, nothing believed twice."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import trio

from objlib.core.errors import GuardRejectedError, TransitionError
from objlib.core.ids import FileId
from objlib.core.lifecycle.table import TABLE
from objlib.ledger import FileRow, Ledger
from spike.phase9_spike.candidates import Make
from spike.phase9_spike.event_log import EventCollector, emit_event

Then = Callable[[FileRow], Awaitable[None]]
"""Called with the row after its transition was committed."""


@dataclass(slots=True)
class _Counted:
    lock: trio.Lock = field(default_factory=trio.Lock)
    users: int = 0


class FileLockManager:
    """A lock for each file in use; dropped with its last user."""

    def __init__(self) -> None:
        self._locks: dict[str, _Counted] = {}

    def __len__(self) -> int:
        return len(self._locks)

    @asynccontextmanager
    async def hold(self, file_id: str) -> AsyncIterator[None]:
        """Be the only one at this file."""
        counted = self._locks.setdefault(file_id, _Counted())
        counted.users += 1
        try:
            async with counted.lock:
                yield
        finally:
            counted.users -= 1
            if not counted.users:
                del self._locks[file_id]


class FileTransitionManager:
    """Takes transitions: lock, read the state, make a machine, trigger, read back.

    Args:
        ledger: where the files are.
        make: makes the machine.
        collector: gets one event for each attempt.
        locks: None lets compare-and-set alone decide between rivals.
    """

    def __init__(
        self, ledger: Ledger, make: Make, collector: EventCollector, locks: FileLockManager | None = None
    ) -> None:
        self._ledger = ledger
        self._make = make
        self._collector = collector
        self._locks = locks

    async def trigger(
        self, file_id: FileId, event: str, *, then: Then | None = None, **kwargs: Any
    ) -> FileRow:
        """Take one transition; the row as it is read back, never as it was computed.

        Raises:
            LookupError: there is no such file.
            TransitionError: as the machine says.
            Exception: what a callback raised. After the commit (``then``) the file *has* moved all the same, and
                the event says success with the error beside it.
        """
        if self._locks is None:
            return await self._trigger(file_id, event, then, kwargs)
        async with self._locks.hold(file_id):
            return await self._trigger(file_id, event, then, kwargs)

    async def _trigger(
        self, file_id: FileId, event: str, then: Then | None, kwargs: dict[str, Any]
    ) -> FileRow:
        before = await self._read(file_id)
        machine = self._make(self._ledger, before)
        error: Exception | None = None
        try:
            await machine.trigger(event, **kwargs)
        except Exception as caught:
            error = caught
        after = await self._read(file_id)
        if error is None and then is not None:
            try:
                await then(after)
            except Exception as caught:
                error = caught
        self._emit(before, after, event, error, guarded="guard" in kwargs or "inside" in kwargs)
        if error is not None:
            raise error
        return after

    async def _read(self, file_id: FileId) -> FileRow:
        row = await self._ledger.files.get(file_id)
        if row is None:
            raise LookupError(f"no file {file_id}")
        return row

    def _emit(
        self, before: FileRow, after: FileRow, event: str, error: Exception | None, *, guarded: bool
    ) -> None:
        goals = [edge.target for edge in TABLE if (edge.event, edge.source) == (event, before.state)]
        # A refusal is the machine's own word. Any other error says nothing about the commit: the row does.
        refused = isinstance(error, TransitionError)
        advanced = after.version == before.version + 1 and [after.state] == goals
        moved = error is None or (advanced and not refused)
        judged = "rejected" if isinstance(error, GuardRejectedError) else "passed" if moved else None
        emit_event(
            self._collector,
            file_id=before.file_id,
            event=event,
            from_state=before.state,
            to_state=(goals or [before.state])[0],
            guard_result=judged if guarded else None,
            outcome="success" if moved else "rejected" if refused else "failed",
            error=None if error is None else f"{type(error).__name__}: {error}",
        )
