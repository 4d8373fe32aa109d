"""Progress as a port: the engine reports to an Observer and never draws."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


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


@dataclass(frozen=True, slots=True)
class Pressure:
    """What the governor is doing, for the progress line.

    Attributes:
        tokens: how many uploads may be in flight now.
        in_flight: how many are.
        paused_for: seconds until the gate opens again, 0 when it is open.
        throttled: how many requests were pushed back so far: answered with 429 or a server error, or broken off.
        requests_per_second: so many start now, of all kinds, or will when the gate opens; None while no limit is known.
    """

    tokens: int
    in_flight: int
    paused_for: float
    throttled: int
    requests_per_second: float | None = None


class Observer(Protocol):
    """Told what happens; must return at once and must not raise."""

    def begin(self, phase: Phase, files: int | None, size: int | None) -> None:
        """A phase begins; ``files`` and ``size`` (bytes) are its totals where they are known."""

    def advance(self, phase: Phase, files: int, size: int) -> None:
        """So many more files and bytes of the phase are done."""

    def end(self, phase: Phase) -> None:
        """The phase is over."""

    def pressure(self, now: Pressure) -> None:
        """What the governor is doing now: at each push-back, and at every beat at which it is something else."""

    def event(self, name: str, **fields: Any) -> None:
        """Something worth a line in NDJSON or a verbose log (never holds a key or a session URL)."""

    def note(self, message: str) -> None:
        """One line for a person."""


class SilentObserver:
    """An observer that looks away."""

    def begin(self, phase: Phase, files: int | None, size: int | None) -> None:
        """Look away."""

    def advance(self, phase: Phase, files: int, size: int) -> None:
        """Look away."""

    def end(self, phase: Phase) -> None:
        """Look away."""

    def pressure(self, now: Pressure) -> None:
        """Look away."""

    def event(self, name: str, **fields: Any) -> None:
        """Look away."""

    def note(self, message: str) -> None:
        """Look away."""
