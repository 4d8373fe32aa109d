"""The loop of ``objlib watch``: when the next run is due, and what its end means for the one after."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import trio

from objlib.api import Library
from objlib.core.counting import plural
from objlib.core.errors import Exit, ObjlibError
from objlib.core.events import Observer
from objlib.core.reports.upload import UploadReport
from objlib.core.stop_reason import StopReason

QUOTA_ZONE: Final = "America/Los_Angeles"
"""Daily quotas are counted anew at midnight there (https://ai.google.dev/gemini-api/docs/rate-limits)."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long the loop waits; seconds.

    Attributes:
        settle: quiet time after a change before a run begins, so that a burst is one run and a growing file waits.
        longest_settle: time after the first change at which a run begins whatever goes on.
        full: time after a run until the next one without a change, because watchers miss events.
        first_retry: wait after a run that failed; it doubles with each further one.
        longest_retry: bound of that wait.
        renewal: wait after midnight of the quota's zone until a daily quota is tried again.
    """

    settle: float = 10.0
    longest_settle: float = 300.0
    full: float = 3600.0
    first_retry: float = 5.0
    longest_retry: float = 600.0
    renewal: float = 60.0


TIMING: Final = Timing()
"""How long the loop waits where nothing else is said."""


class Watch:
    """One library that is kept in step.

    Args:
        library: the open library.
        prune: whether the documents of files that are gone are removed, after the grace of the settings.
        observer: hears of failures, in one line each.
        timing: how long the loop waits.
    """

    def __init__(self, library: Library, *, prune: bool, observer: Observer, timing: Timing = TIMING) -> None:
        self._library = library
        self._prune = prune
        self._observer = observer
        self._timing = timing
        self._wake = trio.Event()
        self._first_change: float | None = None
        self._last_change = 0.0
        self._failures = 0
        self._said = ""
        self.runs = 0
        self.stopping = False

    def changed(self) -> None:
        """Something in the library changed: a run is due once it is quiet."""
        self._last_change = trio.current_time()
        if self._first_change is None:
            self._first_change = self._last_change
        self._wake.set()

    def stop(self) -> None:
        """End the loop; a run in progress finishes what is in flight."""
        self.stopping = True
        self._library.stop()
        self._wake.set()

    async def run(self) -> None:
        """Run at once, then whenever a run is due, until a stop."""
        due, blocked_until = trio.current_time(), 0.0
        while True:
            await self._wait(due, blocked_until)
            if self.stopping:
                return
            # What changes from here on is for the next run.
            self._first_change = None
            pause = await self._run_once()
            now = trio.current_time()
            blocked_until = now + pause if self._failures else 0.0
            due = now + pause

    async def _wait(self, due: float, blocked_until: float) -> None:
        while (
            not self.stopping and (wait := max(self._ready_at(due), blocked_until) - trio.current_time()) > 0
        ):
            with trio.move_on_after(wait):
                await self._wake.wait()
            self._wake = trio.Event()

    def _ready_at(self, due: float) -> float:
        if self._first_change is None:
            return due
        timing = self._timing
        quiet = min(self._last_change + timing.settle, self._first_change + timing.longest_settle)
        return min(due, quiet)

    async def _run_once(self) -> float:
        """One run; the time until the next one, should nothing change. An error is said once while it lasts."""
        self.runs += 1
        try:
            report = await self._work()
        except ObjlibError as error:
            return self._end() if error.exit_code is Exit.INTERRUPTED else self._failed(str(error))
        if self.stopping:
            return 0.0
        if report.stopped is StopReason.INTERRUPTED:
            return self._end()
        if report.stopped is StopReason.DAILY_QUOTA:
            self._failed(report.advice or report.stopped.headline)
            now = datetime.fromtimestamp(self._library.now(), UTC)
            return until_renewal(now) + self._timing.renewal
        if report.stopped:
            return self._failed(report.advice or report.stopped.headline)
        self._failures, self._said = 0, ""
        if report.uploaded or report.deleted:
            self._observer.note(
                f"sent {plural(report.uploaded, 'file')}, removed {plural(report.deleted, 'document')}"
            )
        return await self._next_time()

    async def _work(self) -> UploadReport:
        if self._prune:
            return (await self._library.sync(prune=True)).upload
        return await self._library.upload()

    async def _next_time(self) -> float:
        """When something is due without a change: a postponed file, a document whose grace ends, or a full scan."""
        status = await self._library.status()
        waits = [self._timing.full]
        if status.next_retry is not None:
            waits.append(max(1.0, status.next_retry - self._library.now()))
        if self._prune and status.missing:
            waits.append(self._library.settings.prune_grace + 1)
        return min(waits)

    def _end(self) -> float:
        """The run was stopped, by another command or by us: another one right after it would undo that."""
        if not self.stopping:
            self._observer.note("another command stopped the run, so that watching ends too")
        self.stopping = True
        return 0.0

    def _failed(self, message: str) -> float:
        if message != self._said:
            self._observer.note(f"{message}; watching goes on, and tries again")
            self._said = message
        self._failures += 1
        pause: float = self._timing.first_retry * 2.0 ** min(self._failures - 1, 30)
        return min(self._timing.longest_retry, pause)


def until_renewal(now: datetime) -> float:
    """Seconds from ``now`` until daily quotas are counted anew."""
    local = now.astimezone(ZoneInfo(QUOTA_ZONE))
    midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight.astimezone(UTC) - now).total_seconds()
