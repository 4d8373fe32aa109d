"""The progress of a run, counted from what the run reports, for the record that its heartbeat writes."""

from dataclasses import dataclass
from typing import Any, Final

from objlib.core.events import EventKind, GovernorStatistics, Observer, Phase
from objlib.core.reports.runs import RunProgress
from objlib.core.totals import RunTotals

COUNTED: Final = frozenset(
    {
        EventKind.RECOVERED,
        EventKind.REQUEUED,
        EventKind.INDEXED,
        EventKind.FAILED,
        EventKind.UNKNOWN,
        EventKind.TAKEN_OVER,
        EventKind.DELETED,
    }
)
"""Events of single files that the totals count."""


@dataclass(slots=True)
class _OpenPhase:
    """A phase that goes on: what is done of it, and its totals."""

    total_files: int | None
    total_bytes: int | None
    files: int = 0
    bytes: int = 0


class ProgressTally(Observer):
    """Counts what a run reports, and passes it on to the observer of its user.

    Attributes:
        totals: events of files by their kind, and the bytes of documents that were sent.
    """

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._open: dict[Phase, _OpenPhase] = {}
        self._done: dict[str, int] = {}
        self._sent = 0
        self._stopping = self._advice = ""
        self.totals = RunTotals()

    def progress(self, *, requests: int, now: GovernorStatistics) -> RunProgress:
        """The progress so far, with what the client and the governor count; of nested phases that of the inner one."""
        phase, current = next(reversed(self._open.items()), ("", _OpenPhase(None, None)))
        return RunProgress(
            phase=str(phase),
            files=current.files,
            bytes=current.bytes,
            total_files=current.total_files,
            total_bytes=current.total_bytes,
            done=dict(self._done),
            sent_bytes=self._sent,
            requests=requests,
            throttled=now.throttled,
            requests_per_second=now.requests_per_second,
            paused_for=now.paused_for,
            in_flight=now.in_flight,
            stopping=self._stopping,
            advice=self._advice,
        )

    def begin(
        self, phase: Phase, files: int | None, size: int | None, *, seconds: float | None = None
    ) -> None:
        """A phase begins."""
        self._open[phase] = _OpenPhase(files, size)
        self._observer.begin(phase, files, size, seconds=seconds)

    def total(self, phase: Phase, files: int | None, size: int | None) -> None:
        """The totals are known now."""
        if phase in self._open:
            self._open[phase].total_files, self._open[phase].total_bytes = files, size
        self._observer.total(phase, files, size)

    def advance(self, phase: Phase, files: int, size: int) -> None:
        """That many more files and bytes are done."""
        self._done[str(phase)] = self._done.get(str(phase), 0) + files
        if phase is Phase.UPLOAD:
            self._sent += size
            self.totals.add("sent_bytes", by=size)
        if phase in self._open:
            self._open[phase].files += files
            self._open[phase].bytes += size
        self._observer.advance(phase, files, size)

    def end(self, phase: Phase) -> None:
        """The phase is over."""
        self._open.pop(phase, None)
        self._observer.end(phase)

    def pressure(self, now: GovernorStatistics) -> None:
        """The governor changed; the record asks it itself."""
        self._observer.pressure(now)

    def event(self, kind: EventKind, /, **fields: Any) -> None:
        """Something happened; the reason of a stop is kept."""
        if kind is EventKind.STOPPING:
            self._stopping, self._advice = str(fields.get("reason", "")), str(fields.get("advice", ""))
        if kind in COUNTED:
            self.totals.add("events", kind)
        self._observer.event(kind, **fields)

    def note(self, message: str) -> None:
        """One line for the user."""
        self._observer.note(message)
