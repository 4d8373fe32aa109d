"""The report for a monitor."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from objlib.core.reports.runs import RunEntry
from objlib.core.reports.status import StatusReport
from objlib.core.reports.upload import VectorReport


@dataclass(frozen=True, slots=True)
class MetricsReport:
    """The state of a library, and what all runs on its ledger did.

    Attributes:
        runs: the newest first.
        totals: what the runs did, by name and labels (:mod:`objlib.core.totals`).
        bytes: sizes of the files on disk by state.
        oldest: since when the longest of these files has been in its state, in Unix seconds.
        oldest_deletion: since when the longest waiting document has been to be deleted; None where there is none.
        compared: when store and ledger were last compared as a whole, in Unix seconds; None before the first time.
        drift: the differences that this found, by kind.
        vectors: passages, and those with a vector; None where the service keeps that to itself.
        searches: searches and answers of this process, as ``totals`` has them.
    """

    status: StatusReport
    runs: tuple[RunEntry, ...]
    totals: Mapping[str, float] = field(default_factory=dict)
    bytes: Mapping[str, int] = field(default_factory=dict)
    oldest: Mapping[str, float] = field(default_factory=dict)
    oldest_deletion: float | None = None
    compared: float | None = None
    drift: Mapping[str, int] = field(default_factory=dict)
    vectors: VectorReport | None = None
    searches: Mapping[str, float] = field(default_factory=dict)
