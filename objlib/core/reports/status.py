"""Reports on ledger and set-up: status, the history of a file, the checks of doctor."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from objlib.core.reports.failed_files import FailedFile


@dataclass(frozen=True, slots=True)
class StatusReport:
    """The state of the ledger.

    Attributes:
        service: ``embedded``, or the base URL of the service.
        states: files by state; ``skipped`` ones apart from ``failed`` ones.
        removable: files among ``missing`` whose document may be removed, because their grace is over.
        removable_from: when the next one may be, in Unix seconds; None where there is none.
        stale_names: documents with the name or metadata from before a rename, which is no fault.
        last_success: Unix time of the last upload that left nothing to do; None before the first.
    """

    library: str
    ledger: str
    backend: str
    store: str
    states: Mapping[str, int]
    missing: int
    changed: int
    waiting: int
    next_retry: float | None
    superseded: int
    intents: int
    runs_alive: int
    governor: Mapping[str, Any]
    failures: tuple[FailedFile, ...] = ()
    failures_total: int = 0
    skips: tuple[FailedFile, ...] = ()
    last_success: float | None = None
    service: str = ""
    removable: int = 0
    removable_from: float | None = None
    stale_names: int = 0


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One event in a file's history."""

    timestamp: float
    event: str
    from_state: str
    to_state: str
    outcome: str
    error: str | None
    run_id: str | None
    attempt_id: str | None


@dataclass(frozen=True, slots=True)
class ExplainReport:
    """The whole history of one file; without a ``file_id``, why the ledger does not know it.

    ``earlier_moves`` are the transitions before those in ``events``, whose events are no longer on record.
    ``explanation`` says why it is in this state and what happens next, and ``removable_from`` from when on, in Unix
    seconds, a prune removes the document of a missing file.
    """

    path: str
    state: str
    explanation: str
    file_id: str = ""
    version: int = 0
    size: int = 0
    content_hash: str = ""
    indexed_hash: str | None = None
    document: str | None = None
    superseded: str | None = None
    missing_since: float | None = None
    removable_from: float | None = None
    attempts: int = 0
    retry_at: float | None = None
    last_error: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    events: tuple[HistoryLine, ...] = ()
    earlier_moves: int = 0
    left_out: tuple[str, ...] = ()
    """Parts of the file of today that are not kept as metadata or not searchable, with the reason."""


class Health(StrEnum):
    """How one thing is that ``doctor`` checked."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of ``doctor``: the thing that was checked, how it is, and what to do about it."""

    name: str
    health: Health
    found: str
    advice: str = ""
