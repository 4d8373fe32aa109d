"""Rows of the resources as plain values; ``api/render.py`` makes JSON of them."""

from typing import Generic, NamedTuple, TypeVar

from objlib.embedded.wire.paging import Position


class StoreRecord(NamedTuple):
    """A store; ``documents`` counts them by state, ``size`` is their bytes."""

    row: int
    name: str
    display_name: str
    embedding_model: str
    created: float
    updated: float
    documents: dict[str, int]
    size: int


class DocumentRecord(NamedTuple):
    """A document; ``metadata`` is its JSON object, ``chunks`` counts its passages."""

    row: int
    name: str
    display_name: str
    mime_type: str
    size: int
    state: str
    created: float
    updated: float
    metadata: str
    chunks: int


class FileRecord(NamedTuple):
    """A file of the files API; ACTIVE from ``ready_at`` on."""

    row: int
    name: str
    display_name: str
    mime_type: str
    size: int
    sha256: str
    created: float
    ready_at: float
    expires_at: float
    blob_id: int


class OperationRecord(NamedTuple):
    """A long-running operation; ``error_code`` is a gRPC number, None without an error."""

    name: str
    kind: str
    document: str
    mime_type: str
    size: int
    done: bool
    error_code: int | None
    error_message: str | None


R = TypeVar("R", StoreRecord, DocumentRecord, FileRecord)


class RecordPage(NamedTuple, Generic[R]):
    """A page of a list in ascending createTime, and the position after it; None on the last page."""

    records: list[R]
    after: Position | None


def page_of(records: list[R], size: int) -> RecordPage[R]:
    """The first ``size`` records of a query that asked for one more."""
    last = records[size - 1] if len(records) > size else None
    return RecordPage(records[:size], None if last is None else (last.created, last.row))
