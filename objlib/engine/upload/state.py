"""The state of one upload run: which files have a task, which are due again, and why it takes in nothing more."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

import trio

from objlib.core.events import EventKind
from objlib.core.ids import FileId
from objlib.core.lifecycle.table import State
from objlib.core.stop_reason import StopReason
from objlib.engine.app import App
from objlib.gemini import ErrorKind, GeminiError
from objlib.ledger import FileRow

CLAIM_PAGE: Final = 128
"""Rows that the pump reads at once: some tasks' worth, so that it sees early what became due meanwhile."""
LONGEST_SLEEP: Final = 3600.0
"""Seconds that the pump sleeps at most while no file is due; each task that ends wakes it earlier."""
SHORTEST_SLEEP: Final = 0.02
"""Seconds that the pump sleeps at least before a file that is due, whatever the clocks' difference."""


@dataclass(slots=True)
class UploadRun:
    """One upload run, as its pump and its tasks share it.

    Attributes:
        limit: bound of the files that the run begins; None for no bound.
        recent: seconds that the last documents took to become ACTIVE.
        active: files that have a task now.
        changed: set when a task ends; the pump waits for it.
        begun: files begun so far; kept only under a limit.
        due_again: begun files that wait for another attempt, and when (Unix time); kept only under a limit.
        throttles: consecutive throttled attempts of each file that is to be sent again.
        uploaded: files whose bytes this run brought into the store.
        sent_bytes: the size of these files.
        unreachable: consecutive requests without a connection.
        stopped: why nothing more is taken in.
        advice: what the user can do about that.
        postponed: deletes that the last recovery could not execute.
        feeding: the scope in which the pump takes files in.
    """

    app: App
    limit: int | None
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=32))
    active: set[FileId] = field(default_factory=set)
    changed: trio.Event = field(default_factory=trio.Event)
    begun: set[FileId] = field(default_factory=set)
    due_again: dict[FileId, float] = field(default_factory=dict)
    throttles: dict[FileId, int] = field(default_factory=dict)
    uploaded: int = 0
    sent_bytes: int = 0
    unreachable: int = 0
    stopped: StopReason = StopReason.NONE
    advice: str = ""
    postponed: int = 0
    feeding: trio.CancelScope = field(default_factory=trio.CancelScope)

    def stop(self, reason: StopReason, advice: str) -> None:
        """Take in nothing more; the files in flight finish."""
        if not self.stopped:
            self.stopped, self.advice = reason, advice
            self.app.observer.event(EventKind.STOPPING, reason=reason, advice=advice)
            self.feeding.cancel(reason=reason)  # it may wait for a token behind a closed gate

    def stop_for(self, error: GeminiError) -> None:
        """Take in nothing more, because of an answer that ends the run."""
        advice = str(error)
        if error.kind is ErrorKind.NOT_FOUND:
            advice = f"{advice}; check --store, or start over with another --ledger"
        self.stop(error.kind.stop_reason, advice)

    @property
    def limit_reached(self) -> bool:
        """Whether the limit has no room for another file."""
        return self.limit is not None and len(self.begun) >= self.limit

    def may_begin(self, file_id: FileId) -> bool:
        """Whether a task may take this file now: it has none yet, and the limit has room for it."""
        return file_id not in self.active and (file_id in self.begun or not self.limit_reached)

    def begin(self, file_id: FileId) -> None:
        """A task takes this file."""
        self.active.add(file_id)
        if self.limit is not None:
            self.begun.add(file_id)
            self.due_again.pop(file_id, None)

    def end(self, file_id: FileId) -> None:
        """The task of this file is over."""
        self.active.discard(file_id)
        self.changed.set()

    def count_upload(self, row: FileRow) -> None:
        """The bytes of this file are in the store."""
        self.uploaded += 1
        self.sent_bytes += row.size

    async def claimable(self) -> list[FileRow]:
        """The files to begin next. Once the limit is reached, only those of them that are due again."""
        ledger, now = self.app.ledger, self.app.now()
        if not self.limit_reached:
            rows = await ledger.files.claimable(now=now, limit=CLAIM_PAGE)
            return [row for row in rows if self.may_begin(row.file_id)]
        rows = []
        for file_id in [file_id for file_id, due in self.due_again.items() if due <= now]:
            row = await ledger.files.get(file_id)
            if row is not None and row.state is State.UNTRACKED and row.missing_since is None:
                rows.append(row)
            else:
                del self.due_again[file_id]  # another run took it, or it is gone: it never becomes claimable
        return [row for row in rows if self.may_begin(row.file_id)]

    async def next_due(self) -> float | None:
        """When the next file that has to go again is due, as Unix time; None when there is none."""
        if self.limit_reached:
            return min(self.due_again.values(), default=None)
        return await self.app.ledger.files.next_retry_at()

    async def wait(self) -> None:
        """Wait until a task ends or the next file is due again."""
        due = await self.next_due()
        pause = LONGEST_SLEEP if due is None else max(SHORTEST_SLEEP, due - self.app.now())
        with trio.move_on_after(pause):
            await self.changed.wait()
