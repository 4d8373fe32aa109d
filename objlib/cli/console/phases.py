"""How far a run is: the phases under way, with their totals and the time that is left."""

from dataclasses import dataclass
from typing import Final

from objlib.core.events import Phase

TITLES: Final = {
    Phase.SCAN: "Scanning",
    Phase.RECOVER: "Recovering",
    Phase.UPLOAD: "Uploading",
    Phase.VECTORS: "Preparing search by meaning",
    Phase.PRUNE: "Removing documents",
    Phase.LISTING: "Listing the store",
    Phase.REPAIR: "Repairing",
    Phase.VERIFY: "Verifying",
}
UNITS: Final = {
    Phase.VECTORS: "passages",
    Phase.PRUNE: "documents",
    Phase.LISTING: "documents",
    Phase.REPAIR: "documents",
}
"""The things that a phase counts, where those are not files."""


@dataclass(slots=True)
class PhaseTally:
    """How far a phase is.

    Attributes:
        total: files that there are; None where that is not known.
        total_size: bytes that there are; None where a phase is measured in files.
        files: files that are done.
        size: bytes that are done.
        began: when it began, on a clock of the observer.
        ends: when it ends at the latest, on that clock; None if only its totals end it.
    """

    phase: Phase
    total: int | None
    total_size: int | None = None
    files: int = 0
    size: int = 0
    began: float = 0.0
    ends: float | None = None

    @property
    def by_bytes(self) -> bool:
        """Whether its bar measures bytes, not files."""
        return bool(self.total_size)

    @property
    def unit(self) -> str:
        """The things that it counts."""
        return UNITS.get(self.phase, "files")

    def seconds_left(self, now: float) -> float | None:
        """How long this run still works on it, at its pace until ``now``; None where that is not known."""
        done, total = (self.size, self.total_size) if self.by_bytes else (self.files, self.total)
        if not total or not done or now <= self.began:
            return None
        left = max(0, total - done) * (now - self.began) / done
        return left if self.ends is None else max(0.0, min(left, self.ends - now))
