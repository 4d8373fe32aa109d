"""What a command found or did, as plain values: the engine fills them, the command line renders them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

MetadataValue = str | float
"""A metadata value as the service keeps it: text, or a 32-bit float."""


class FailureKind(StrEnum):
    """Why one file did not get in; decides whether trying again can help."""

    UNREADABLE = "unreadable"
    EMPTY = "empty"
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"
    CHANGED = "changed"
    REFUSED = "refused"
    TRANSIENT = "transient"
    RATE_LIMIT = "rate_limit"
    PROCESSING = "processing"
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class Failure:
    """One file's failure, as data: a reason a person can act on.

    Attributes:
        kind: the class of the failure.
        message: one line: what happened and what to do.
        retryable: whether trying the same bytes again may succeed.
    """

    kind: FailureKind
    message: str
    retryable: bool


@dataclass(frozen=True, slots=True)
class FailedFile:
    """A row of ``failures`` in the JSON output."""

    path: str
    state: str
    error: str
    retryable: bool


@dataclass(frozen=True, slots=True)
class ScanReport:
    """How disk and ledger differed.

    Attributes:
        scanned: files looked at on disk.
        bytes: their size together.
        hashed: how many had to be read, because size, mtime or inode differed from the ledger.
        new, changed, renamed, missing, returned, unchanged: files by what happened to them.
        skipped: (path, reason) of what was not taken in, such as a dangling link or an unreadable folder.
        changes: (kind, path) of each difference when they were asked for (dry run), at most 1,000.
    """

    scanned: int = 0
    bytes: int = 0
    hashed: int = 0
    new: int = 0
    changed: int = 0
    renamed: int = 0
    missing: int = 0
    returned: int = 0
    unchanged: int = 0
    skipped: tuple[tuple[str, str], ...] = ()
    changes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class RecoverReport:
    """What was left by dead runs, and what became of it.

    Attributes:
        found: rows in a transient state, open intents and superseded documents that were looked at.
        adopted, requeued, completed, failed: rows by verdict.
        deleted: surplus or superseded documents that were removed, each with an intent.
        left: rows that could not be settled now, since the service did not answer.
        postponed: documents whose removal is on record, and that could not be removed now.
        elsewhere: rows that a living run has in hand; they were not touched.
        stopped: why it ended before its end, as in :class:`UploadReport`; empty where it did not.
        advice: what to do about that.
        actions: (path, action, why), in order.
    """

    found: int = 0
    adopted: int = 0
    requeued: int = 0
    completed: int = 0
    failed: int = 0
    deleted: int = 0
    left: int = 0
    postponed: int = 0
    elsewhere: int = 0
    listings: int = 0
    stopped: str = ""
    advice: str = ""
    actions: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class VectorReport:
    """How far the embedded store's second pass (search by meaning) has come.

    Attributes:
        done, total: passages with a vector, and all passages.
        available: whether vectors can be made here at all.
        reason: why not, or an empty string.
    """

    done: int = 0
    total: int = 0
    available: bool = True
    reason: str = ""


@dataclass(frozen=True, slots=True)
class UploadReport:
    """The result of an upload run; the fields of the JSON object are these, plus ``schema``.

    ``throttled`` counts requests that the service pushed back: answered with 429 or a server error, or broken off.
    ``pending`` are the files that are not in and did not fail; of these, ``elsewhere`` were in the
    hands of another run at the end. ``postponed`` documents were to be removed, and could not be now.
    """

    run_id: str
    backend: str
    store: str
    library: str
    scan: ScanReport
    scanned: int = 0
    uploaded: int = 0
    indexed: int = 0
    unchanged: int = 0
    failed: int = 0
    pending: int = 0
    elsewhere: int = 0
    postponed: int = 0
    renamed: int = 0
    missing: int = 0
    deleted: int = 0
    requests: int = 0
    throttled: int = 0
    bytes: int = 0
    seconds: float = 0.0
    dry_run: bool = False
    stopped: str = ""
    """Why the run ended before quiescence: '' | 'interrupted' | 'daily_quota' | 'store_full' | 'limit'."""
    advice: str = ""
    store_documents: int | None = None
    """Of a full store, as the service counts them; None otherwise, or where it does not say."""
    store_bytes: int | None = None
    """The same, embeddings included."""
    recovered: RecoverReport = field(default_factory=RecoverReport)
    vectors: VectorReport | None = None
    failures: tuple[FailedFile, ...] = ()


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What the ledger says right now."""

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


@dataclass(frozen=True, slots=True)
class Citation:
    """One passage and where it is.

    Attributes:
        path: the file's current path in the library, or the document's title when the ledger has no such file.
        text: the passage.
        line_start, line_stop: 1-based lines in the file on disk where the passage was found again; None if not.
        page: the page, for paginated documents.
        heading: the nearest heading above the passage, when the file is text.
        score: rank score when the service gives one.
        metadata: the document's metadata, without our own marks.
    """

    path: str
    text: str
    file_id: str | None = None
    line_start: int | None = None
    line_stop: int | None = None
    page: int | None = None
    heading: str | None = None
    score: float | None = None
    known: bool = True
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Support:
    """A span of an answer's text and the citations that carry it.

    Attributes:
        start, stop: character offsets in the answer.
        citations: indices into :attr:`AnswerReport.citations`.
    """

    start: int
    stop: int
    citations: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AnswerReport:
    """An answer (or, for a search, only the passages) with its citations."""

    question: str
    backend: str
    store: str
    model: str
    text: str
    citations: tuple[Citation, ...]
    supports: tuple[Support, ...] = ()
    notice: str = ""
    """Something the person should know, such as 'search by words only: …'."""
    seconds: float = 0.0


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
    """The whole history of one file."""

    path: str
    file_id: str
    state: str
    version: int
    size: int
    content_hash: str
    indexed_hash: str | None
    document: str | None
    superseded: str | None
    missing_since: float | None
    attempts: int
    retry_at: float | None
    last_error: str | None
    metadata: Mapping[str, Any]
    events: tuple[HistoryLine, ...]
    explanation: str
    """One sentence: why it is in this state and what happens next."""


class Health(StrEnum):
    """How one thing that ``doctor`` looked at is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of ``doctor``: what was looked at, how it is, and what to do about it."""

    name: str
    health: Health
    found: str
    advice: str = ""
