"""An observer that keeps what it is told."""

from typing import Any

from objlib.core.events import EventKind, GovernorStatistics, Observer, Phase


class RecordingObserver(Observer):
    """Keeps everything.

    Attributes:
        phases: ``begin upload``, ``end upload``, … in order.
        files: files that all phases advanced by.
        size: bytes that all phases advanced by.
        pressures: what the governor reported, in order.
        events: (kind, fields) in order.
        notes: the lines for the user.
    """

    def __init__(self) -> None:
        self.phases: list[str] = []
        self.files = 0
        self.size = 0
        self.pressures: list[GovernorStatistics] = []
        self.events: list[tuple[EventKind, dict[str, Any]]] = []
        self.notes: list[str] = []

    def begin(
        self, phase: Phase, files: int | None, size: int | None, *, seconds: float | None = None
    ) -> None:
        """Keep that ``phase`` began."""
        self.phases.append(f"begin {phase}")

    def advance(self, phase: Phase, files: int, size: int) -> None:
        """Add up."""
        self.files += files
        self.size += size

    def end(self, phase: Phase) -> None:
        """Keep that ``phase`` ended."""
        self.phases.append(f"end {phase}")

    def pressure(self, now: GovernorStatistics) -> None:
        """Keep ``now``."""
        self.pressures.append(now)

    def event(self, kind: EventKind, /, **fields: Any) -> None:
        """Keep the event."""
        self.events.append((kind, fields))

    def note(self, message: str) -> None:
        """Keep the line."""
        self.notes.append(message)

    def fields_of(self, kind: EventKind) -> list[dict[str, Any]]:
        """The fields of each event of a kind, in order."""
        return [fields for event, fields in self.events if event is kind]
