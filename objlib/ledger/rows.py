"""The ledger's rows as plain values, and how they are read from SQLite."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar, Final, NamedTuple, Self

from objlib.core.failures import Failure, FailureKind
from objlib.core.ids import AttemptId, FileId, RunId
from objlib.core.library.metadata import MetadataValue
from objlib.core.lifecycle.table import Event, State
from objlib.ledger.database import LedgerConnection

SqlValue = str | bytes | int | float | None

Metadata = dict[str, MetadataValue]
"""Metadata of a document in the store: text, a number, or a list of texts by key."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row as a plain value, with a field for each column of its table.

    Attributes:
        table: the table.
        renamed: the columns that have another name than their field.
    """

    table: ClassVar[str]
    renamed: ClassVar[Mapping[str, str]] = {}

    @classmethod
    @cache
    def columns(cls, alias: str = "") -> str:
        """The columns as a select list, each with the prefix ``alias`` where one is given."""
        prefix = f"{alias}." if alias else ""
        return ", ".join(prefix + cls.renamed.get(field.name, field.name) for field in fields(cls))

    @classmethod
    def read(cls, cells: Sequence[Any]) -> Self:
        """The row of these cells, which are in the order of :meth:`columns`."""
        return cls(*cells)

    @classmethod
    def all(cls, conn: LedgerConnection, rest: str, *parameters: SqlValue) -> list[Self]:
        """The rows of the table that ``rest`` of a SELECT names, from WHERE or INDEXED BY on."""
        cursor = conn.execute(f"SELECT {cls.columns()} FROM {cls.table} {rest}", parameters)
        return [cls.read(cells) for cells in cursor]

    @classmethod
    def first(cls, conn: LedgerConnection, rest: str, *parameters: SqlValue) -> Self | None:
        """The first of these rows; None where there is none."""
        return next(iter(cls.all(conn, f"{rest} LIMIT 1", *parameters)), None)


@dataclass(frozen=True, slots=True)
class FileRow(Row):
    """One file of the library as the ledger knows it.

    Attributes:
        file_id: our identity of the file, whatever its path.
        file_path: relative POSIX path, always valid Unicode.
        path_bytes: the exact name where it is not valid Unicode, else None.
        content_hash: SHA-256 (hex) of the bytes that the last scan saw.
        size: bytes.
        mtime_ns: modification time in nanoseconds.
        inode: inode number, 0 where the file system has none.
        metadata: keys derived from the path, without our own tags.
        state_updated_at: Unix time of the last transition.
        version: number of transitions so far, for compare-and-set.
        attempts: tries since it was last indexed, reset or retried.
        retry_at: Unix time before which it is not tried again.
        failure: the reason of ``failed``.
        document: full resource name of the document that answers searches, of this or an older version.
        indexed_hash: the content hash of that document.
        superseded: full resource name of the older document that is still to be deleted.
        missing_since: Unix time at which a scan no longer found it.
        ctime_ns: time of the last change of content or status in nanoseconds; None until a scan fills it in.
    """

    table = "files"
    renamed: ClassVar = {
        "metadata": "metadata_json",
        "state": "gemini_state",
        "state_updated_at": "gemini_state_updated_at",
        "failure": "failure_info",
        "document": "gemini_document",
        "superseded": "superseded_document",
    }

    file_id: FileId
    file_path: str
    path_bytes: bytes | None
    content_hash: str
    size: int
    mtime_ns: int
    inode: int
    mime_type: str
    metadata: Metadata
    state: State
    state_updated_at: float
    version: int
    attempts: int
    retry_at: float | None
    last_error: str | None
    failure: Failure | None
    document: str | None
    indexed_hash: str | None
    superseded: str | None
    missing_since: float | None
    ctime_ns: int | None = None

    @property
    def documents(self) -> tuple[str, ...]:
        """Its documents in the store: the one that answers searches, and an older one if it is still there."""
        return tuple(name for name in (self.document, self.superseded) if name is not None)

    def moved(self, state: State) -> Self:
        """The row after a move to ``state`` that was not read back: all else is as it was before."""
        cells = list(_CELLS(self))
        cells[_STATE] = state
        cells[_VERSION] += 1
        return type(self)(*cells)

    @classmethod
    def read(cls, cells: Sequence[Any]) -> Self:
        """The row, its metadata and its failure decoded."""
        values = list(cells)
        values[8] = {} if values[8] == "{}" else json.loads(values[8])
        values[_STATE] = _STATES[values[_STATE]]
        if values[15] is not None:
            values[15] = decode_failure(values[15])
        return cls(*values)


_FIELDS: Final = [field.name for field in fields(FileRow)]
_STATE, _VERSION = _FIELDS.index("state"), _FIELDS.index("version")
_CELLS: Final = attrgetter(*_FIELDS)
"""All values of a row in their order: ``dataclasses.replace`` takes three times as long as a row made of these."""

_STATES: Final[Mapping[str, State]] = {state: state for state in State}
"""States by text: calling an enum takes four times as long as a look into a table."""


@dataclass(frozen=True, slots=True)
class FolderRow:
    """A folder of the library: its name, and how many files and bytes are in it, with those in its subfolders."""

    name: str
    files: int
    size: int
    indexed: int
    failed: int


@dataclass(frozen=True, slots=True)
class AttemptRow(Row):
    """One try at getting one version of one file into the store.

    ``session_url`` is a secret, since it authorises its holder: it is kept out of the repr and wiped when the
    attempt is over. ``outcome`` is 'indexed', 'failed', 'requeued', or None while the attempt goes on.
    """

    table = "attempts"

    attempt_id: AttemptId
    file_id: FileId
    content_hash: str
    session_url: str | None = field(repr=False)
    operation_name: str | None
    document_name: str | None
    run_id: RunId | None
    started_at: float
    updated_at: float
    outcome: str | None


@dataclass(frozen=True, slots=True)
class RunRow(Row):
    """One run of a command. ``ended`` is None while it lives, and when it was killed."""

    table = "runs"

    run_id: RunId
    pid: int
    host: str
    started: float
    heartbeat: float
    ended: float | None
    command: str


@dataclass(frozen=True, slots=True)
class EventRow(Row):
    """The record of one attempt at a transition.

    ``to_state`` is the requested state; the row reached it only where ``outcome`` is 'success'. ``error`` holds
    the reason of a transition that succeeded, or the error of one that did not.
    """

    table = "events"

    event_id: int
    attempt_id: AttemptId | None
    timestamp: float
    file_id: FileId
    event: Event
    from_state: State
    to_state: State
    guard_result: str | None
    outcome: str
    error: str | None
    run_id: RunId | None

    @classmethod
    def read(cls, cells: Sequence[Any]) -> Self:
        """The row, with event and states as what they are."""
        values = list(cells)
        values[4:7] = Event(values[4]), State(values[5]), State(values[6])
        return cls(*values)


@dataclass(frozen=True, slots=True)
class IntentRow(Row):
    """A document that is to be deleted remotely; ``done_at`` and ``outcome`` are None while it is open."""

    table = "intents"

    intent_id: str
    file_id: FileId | None
    document_name: str
    reason: str
    run_id: RunId | None
    created_at: float
    done_at: float | None
    outcome: str | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many files there are of each kind.

    Attributes:
        states: files on disk by state; every state is a key.
        missing: files that a scan no longer found, in whatever state, unless they were pruned.
        changed: indexed files on disk whose bytes are no longer those that were indexed.
        skipped: failed files on disk among ``states`` that no store takes as they are.
        waiting: untracked files on disk that are not to be tried yet.
        superseded: files with an older document that is still to be deleted.
        open_intents: documents that are to be deleted.
        stale_names: indexed files on disk whose document was sent with another path.
    """

    states: Mapping[State, int]
    missing: int
    changed: int
    skipped: int
    waiting: int
    superseded: int
    open_intents: int
    stale_names: int


class Backlog(NamedTuple):
    """The files in one state: their bytes, and since when (Unix time) the longest has been in it."""

    size: int
    oldest: float


def count(conn: LedgerConnection, source: str, *parameters: SqlValue) -> int:
    """How many rows ``source`` has: a FROM clause, with its conditions."""
    return int(conn.execute(f"SELECT count(*) {source}", parameters).fetchone()[0])


_SORTED: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True)
"""Made once: ``json.dumps`` makes an encoder for each call that asks for anything but its defaults."""


def encode_metadata(metadata: Mapping[str, MetadataValue]) -> str:
    """``metadata`` as the JSON that ``metadata_json`` holds: keys sorted, so equal values are equal text."""
    return _SORTED.encode(metadata) if metadata else "{}"


def encode_failure(failure: Failure) -> str:
    """``failure`` as the JSON that ``failure_info`` holds."""
    info = {"kind": str(failure.kind), "message": failure.message, "retryable": failure.retryable}
    return json.dumps(info, ensure_ascii=False)


def decode_failure(text: str | None) -> Failure | None:
    """The failure that :func:`encode_failure` wrote; None for NULL."""
    if text is None:
        return None
    info = json.loads(text)
    return Failure(FailureKind(info["kind"]), info["message"], info["retryable"])
