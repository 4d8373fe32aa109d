"""Documents of a store: immutable once their bytes are complete, deleted with all that hangs on them."""

import json
import sqlite3
from dataclasses import dataclass
from typing import Any, Final

from objlib.embedded import index
from objlib.embedded.resources import blobs, operations
from objlib.embedded.resources.stores import find as find_store
from objlib.embedded.wire.json import ApiError, Json, compact, int64, not_found, page_token, timestamp
from objlib.embedded.wire.metadata import write_metadata
from objlib.embedded.wire.names import last_part, new_resource_id

MOST_PER_PAGE: Final = 20

_COLUMNS: Final = "doc_id, name, display_name, mime_type, size, state, create_time, update_time, metadata"


@dataclass(frozen=True, slots=True)
class Draft:
    """A document about to be made.

    Attributes:
        store: resource name of its store.
        display_name: title; for an import the id of the file.
        mime_type: type of the bytes, without parameters.
        metadata: the JSON object that is stored.
        kind: ``upload`` or ``import``; decides where its operation lives.
    """

    store: str
    display_name: str
    mime_type: str
    metadata: str
    kind: str


def create(
    db: sqlite3.Connection,
    draft: Draft,
    *,
    blob_id: int,
    size: int,
    now: float,
    ready_at: float,
    claim: str,
    until: float,
) -> str:
    """Make a PENDING document and its operation, claimed for indexing by the open service.

    Args:
        db: the file; the caller holds a transaction.
        draft: what it is.
        blob_id: its bytes.
        size: how many they are.
        now: Unix time.
        ready_at: not indexed before this Unix time.
        claim: name of the open service that means to index it.
        until: Unix time after which others may take it over.

    Returns:
        The full resource name. The operation's id is the document's id, as in the service.

    Raises:
        ApiError: the store is gone.
    """
    store_id = find_store(db, draft.store)
    name = f"{draft.store}/documents/{new_resource_id(draft.display_name)}"
    last = db.execute("SELECT max(create_time) FROM documents WHERE store_id = ?", (store_id,)).fetchone()[0]
    now = max(now, last or now)
    db.execute(
        "INSERT INTO documents(store_id, name, display_name, mime_type, size, state, create_time,"
        " update_time, metadata, blob_id, ready_at, claim, claim_until)"
        " VALUES (?, ?, ?, ?, ?, 'PENDING', ?, ?, ?, ?, ?, ?, ?)",
        (
            store_id,
            name,
            draft.display_name or last_part(name),
            draft.mime_type,
            size,
            now,
            now,
            draft.metadata,
            blob_id,
            ready_at,
            claim,
            until,
        ),
    )
    operations.create(
        db, name, kind=draft.kind, store_id=store_id, mime_type=draft.mime_type, size=size, now=now
    )
    return name


def get(db: sqlite3.Connection, name: str) -> Json:
    """A document.

    Raises:
        ApiError: there is no such document, or its store is gone.
    """
    return _write(_row(db, name))


def _row(db: sqlite3.Connection, name: str) -> tuple[Any, ...]:
    find_store(db, name.rpartition("/documents/")[0])
    row: tuple[Any, ...] | None = db.execute(
        f"SELECT {_COLUMNS} FROM documents WHERE name = ?", (name,)
    ).fetchone()
    if row is None:
        raise not_found(f"The document {name} was not found.")
    return row


def page(db: sqlite3.Connection, store: str, size: int, after: tuple[float, int]) -> Json:
    """A page of a store's documents in ascending createTime.

    Args:
        db: the file.
        store: resource name of the store.
        size: at most so many.
        after: time and row of the last document of the page before; it need not exist any more.

    Raises:
        ApiError: there is no such store.
    """
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM documents WHERE store_id = ? AND (create_time, doc_id) > (?, ?)"
        " ORDER BY create_time, doc_id LIMIT ?",
        (find_store(db, store), *after, size + 1),
    ).fetchall()
    token = page_token(rows[size - 1][6], rows[size - 1][0]) if len(rows) > size else None
    return compact(documents=[_write(row) for row in rows[:size]], nextPageToken=token)


def delete(db: sqlite3.Connection, name: str, *, force: bool) -> Json:
    """Delete a document, its passages and, if nothing else refers to them, its bytes.

    Raises:
        ApiError: there is no such document, or it has passages and ``force`` is not set.
    """
    doc_id = int(_row(db, name)[0])
    if not force and db.execute("SELECT chunks FROM documents WHERE doc_id = ?", (doc_id,)).fetchone()[0]:
        raise ApiError("FAILED_PRECONDITION", "Cannot delete non-empty Document.")
    remove(db, doc_id)
    return {}


def remove(db: sqlite3.Connection, doc_id: int) -> None:
    """Take a document out of every table; an operation that still ran ends as NOT_FOUND."""
    name, blob_id = db.execute("SELECT name, blob_id FROM documents WHERE doc_id = ?", (doc_id,)).fetchone()
    index.drop_document(db, doc_id)
    operations.fail(db, name, "NOT_FOUND", "The document was deleted while it was processed.")
    db.execute("DELETE FROM documents WHERE doc_id = ?", (doc_id,))
    blobs.release(db, blob_id)


def _write(row: tuple[Any, ...]) -> Json:
    _, name, display_name, mime_type, size, state, created, updated, metadata = row
    return compact(
        name=name,
        displayName=display_name,
        customMetadata=write_metadata(json.loads(metadata)),
        createTime=timestamp(created),
        updateTime=timestamp(updated),
        state=f"STATE_{state}",
        sizeBytes=int64(size),
        mimeType=mime_type,
    )
