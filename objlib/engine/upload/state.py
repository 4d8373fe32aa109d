"""The state of one upload run: which files have a task, which are due again, and why it takes in nothing more."""

import math
import sys
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Final

import trio

from objlib.core.events import EventKind
from objlib.core.ids import AttemptId, FileId, new_attempt_id
from objlib.core.lifecycle.table import State
from objlib.core.stop_reason import StopReason
from objlib.engine.app import App
from objlib.gemini import ErrorKind, GeminiError
from objlib.ledger import FileRow

LONGEST_SLEEP: Final = 3600.0
"""Seconds that the pump sleeps at most while no file is due; each task that ends wakes it earlier."""
SHORTEST_SLEEP: Final = 0.02
"""Seconds that the pump sleeps at least before a file that is due, whatever the clocks' difference."""


@dataclass(slots=True)
class UploadRun:
    """One upload run, as its pump and its tasks share it.

    Attributes:
        limit: bound of the files that the run begins; None for no bound.
        root: the library's folder as the scan found it; None where that is not known.
        recent: seconds that the last documents took to become ACTIVE.
        active: tasks of each file; one whose task is about to end may be claimed again.
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
    root: tuple[int, int] | None = None
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=32))
    active: Counter[FileId] = field(default_factory=Counter)
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

    @property
    def room(self) -> int:
        """Files that the run may claim now. Once the limit is reached, those of them that are due again."""
        if self.limit is None:
            return sys.maxsize
        return len(self._due()) if self.limit_reached else self.limit - len(self.begun)

    def begin(self, file_id: FileId) -> None:
        """A task takes this file."""
        self.active[file_id] += 1
        if self.limit is not None:
            self.begun.add(file_id)
            self.due_again.pop(file_id, None)

    def end(self, file_id: FileId) -> None:
        """The task of this file is over."""
        self.active[file_id] -= 1
        self.active += Counter()  # drops what is zero
        self.changed.set()

    def count_upload(self, row: FileRow) -> None:
        """The bytes of this file are in the store."""
        self.uploaded += 1
        self.sent_bytes += row.size

    async def claim(self, limit: int) -> list[tuple[FileRow, AttemptId]]:
        """Claim at most ``limit`` files; each with its attempt, and its row in UPLOADING."""
        app, among = self.app, None
        if self.limit_reached:
            among = await self._still_due()
        if not limit or among == []:
            return []
        attempts = [new_attempt_id(app.now()) for _ in range(limit)]
        return await app.ledger.claim(app.run_id, attempts, among=among)

    async def any_due(self) -> bool:
        """Whether a file may be claimed now."""
        if self.limit_reached:
            return bool(self._due())
        # Asked once for each wait for a token, so it reads one row, and does not count the library.
        return bool(await self.app.ledger.files.claimable(now=self.app.now(), limit=1))

    async def any_left(self) -> bool:
        """Whether a file is due now or will be; one that another session is claiming counts until that is done."""
        if self.limit_reached:
            return bool(self.due_again)
        return bool(await self.app.ledger.files.claimable(now=math.inf, limit=1))

    def _due(self) -> list[FileId]:
        now = self.app.now()
        return [file_id for file_id, due in self.due_again.items() if due <= now]

    async def _still_due(self) -> list[FileId]:
        """The begun files that are due again; those are forgotten that another run took, or that are gone."""
        due = self._due()
        for file_id in due:
            row = await self.app.ledger.files.get(file_id)
            if row is None or row.state is not State.UNTRACKED or row.missing_since is not None:
                del self.due_again[file_id]
        return [file_id for file_id in due if file_id in self.due_again]

    async def next_due(self) -> float | None:
        """When the next file that has to go again is due, as Unix time; None when there is none."""
        if self.limit_reached:
            return min(self.due_again.values(), default=None)
        return await self.app.ledger.files.next_retry_at()

    async def wait(self) -> None:
        """Wait until a task ends or the next file is due again."""
        due = await self.next_due()
        if due is None:
            pause = LONGEST_SLEEP if self.active else SHORTEST_SLEEP
        else:
            pause = max(SHORTEST_SLEEP, due - self.app.now())
        with trio.move_on_after(pause):
            await self.changed.wait()
