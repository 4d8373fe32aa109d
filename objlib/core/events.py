"""Progress as a port: the engine reports to an observer and never draws."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Phase(StrEnum):
    """A stretch of work long enough to deserve a bar."""

    SCAN = "scan"
    RECOVER = "recover"
    UPLOAD = "upload"
    VECTORS = "vectors"
    PRUNE = "prune"
    LISTING = "listing"
    REPAIR = "repair"
    VERIFY = "verify"


class EventKind(StrEnum):
    """The events of a run; the value is the name in NDJSON."""

    SCANNED = "scanned"
    RECOVERED = "recovered"
    """Recovery acted on a row, or left it; ``action`` says which."""
    LISTING_RESUMED = "listing_resumed"
    LISTING_FAILED = "listing_failed"
    REQUEUED = "requeued"
    INDEXED = "indexed"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """An answer was lost, and only a listing can tell what became of the attempt."""
    TAKEN_OVER = "taken_over"
    """Another run moved the row first."""
    TWO_STEP = "two_step"
    """The direct upload is broken for this file, so that it goes through the Files API."""
    CANCEL_FAILED = "cancel_failed"
    DELETED = "deleted"
    DELETE_POSTPONED = "delete_postponed"
    KEPT = "kept"
    """The file of a document that was to be deleted came back."""
    REPLACED_FIRST = "replaced_first"
    """The same, and the file gets another document before this one is deleted."""
    REPAIR_FAILED = "repair_failed"
    UNANSWERED = "unanswered"
    STOPPING = "stopping"
    """Nothing more is taken in; ``reason`` is a :class:`objlib.core.stop_reason.StopReason`."""
    THROTTLED = "push_back"
    """The service asked for less; the value is older than the name."""
    REQUEST = "request"
    """The embedded service answered a request."""


@dataclass(frozen=True, slots=True)
class GovernorStatistics:
    """A snapshot of the governor, for the progress line.

    Attributes:
        tokens: uploads that may be in flight now.
        in_flight: uploads in flight.
        paused_for: seconds until the gate opens again, 0 when it is open.
        throttled: requests so far that were answered with 429 or a server error, or broken off.
        requests_per_second: starts of all kinds now, or when the gate opens; None while no limit is known.
    """

    tokens: int
    in_flight: int
    paused_for: float
    throttled: int
    requests_per_second: float | None = None


class Observer:
    """Hears what happens; must return at once and must not raise.

    This one ignores everything; an observer that cares overrides some of the methods.
    """

    @contextmanager
    def phase(
        self,
        phase: Phase,
        files: int | None = None,
        size: int | None = None,
        *,
        seconds: float | None = None,
    ) -> Iterator[None]:
        """Tell of a phase that lasts for the block, whichever way that ends."""
        self.begin(phase, files, size, seconds=seconds)
        try:
            yield
        finally:
            self.end(phase)

    def begin(
        self, phase: Phase, files: int | None, size: int | None, *, seconds: float | None = None
    ) -> None:
        """A phase begins; ``files`` and ``size`` (bytes) are its totals where they are known.

        ``seconds`` is the time that it may take, where it ends after that with less than the totals.
        """

    def total(self, phase: Phase, files: int | None, size: int | None) -> None:
        """The totals of a phase that began without them are known now."""

    def advance(self, phase: Phase, files: int, size: int) -> None:
        """That many more files and bytes of the phase are done."""

    def end(self, phase: Phase) -> None:
        """The phase is over."""

    def pressure(self, now: GovernorStatistics) -> None:
        """The governor changed: told at each throttled request, otherwise at most once a beat."""

    def event(self, kind: EventKind, /, **fields: Any) -> None:
        """Something happened that deserves a line of NDJSON; holds neither a key nor a session URL."""

    def note(self, message: str) -> None:
        """One line for the user."""
