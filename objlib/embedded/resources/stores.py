"""File search stores: functions over the connection, one per call of the API."""

import sqlite3
from typing import Any, Final

from objlib.core.limits import MAX_DISPLAY_NAME
from objlib.embedded.wire.json import (
    ApiError,
    Json,
    compact,
    int64,
    invalid,
    not_found,
    page_token,
    text_field,
    timestamp,
)
from objlib.embedded.wire.names import new_resource_id

MOST_PER_PAGE: Final = 20

_DEFAULT_MODEL: Final = "models/gemini-embedding-001"
_COLUMNS: Final = "store_id, name, display_name, embedding_model, create_time, update_time"


def create(db: sqlite3.Connection, body: Json, now: float) -> Json:
    """Make a store.

    Raises:
        ApiError: the display name is too long or the embedding model no model name.
    """
    display_name = text_field(body, "displayName", longest=MAX_DISPLAY_NAME)
    model = text_field(body, "embeddingModel") or _DEFAULT_MODEL
    if not model.startswith("models/"):
        raise invalid("embedding_model must be of the format models/{model}.")
    name = f"fileSearchStores/{new_resource_id(display_name)}"
    # Lists go by createTime: a clock that steps back must not put a newcomer before others.
    now = max(now, db.execute("SELECT max(create_time) FROM stores").fetchone()[0] or now)
    db.execute(
        "INSERT INTO stores(name, display_name, embedding_model, create_time, update_time)"
        " VALUES (?, ?, ?, ?, ?)",
        (name, display_name, model, now, now),
    )
    return get(db, name)


def find(db: sqlite3.Connection, name: str) -> int:
    """The row number of a store.

    Raises:
        ApiError: there is no such store.
    """
    row = db.execute("SELECT store_id FROM stores WHERE name = ? AND NOT deleted", (name,)).fetchone()
    if row is None:
        raise not_found(f"The file search store {name} was not found.")
    return int(row[0])


def get(db: sqlite3.Connection, name: str) -> Json:
    """A store with its counts.

    Raises:
        ApiError: there is no such store.
    """
    row = db.execute(f"SELECT {_COLUMNS} FROM stores WHERE name = ? AND NOT deleted", (name,)).fetchone()
    if row is None:
        raise not_found(f"The file search store {name} was not found.")
    return _write(db, row)


def page(db: sqlite3.Connection, size: int, after: tuple[float, int]) -> Json:
    """A page of stores in ascending createTime.

    Args:
        db: the file.
        size: at most so many.
        after: time and row of the last store of the page before.
    """
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM stores WHERE NOT deleted AND (create_time, store_id) > (?, ?)"
        " ORDER BY create_time, store_id LIMIT ?",
        (*after, size + 1),
    ).fetchall()
    token = page_token(rows[size - 1][4], rows[size - 1][0]) if len(rows) > size else None
    return compact(fileSearchStores=[_write(db, row) for row in rows[:size]], nextPageToken=token)


def delete(db: sqlite3.Connection, name: str, *, force: bool) -> Json:
    """Make a store disappear. Its documents go in steps afterwards (see the worker): there may be many.

    Raises:
        ApiError: there is no such store, or it has documents and ``force`` is not set.
    """
    store_id = find(db, name)
    if not force and db.execute("SELECT 1 FROM documents WHERE store_id = ? LIMIT 1", (store_id,)).fetchone():
        raise ApiError("FAILED_PRECONDITION", "Cannot delete non-empty FileSearchStore.")
    db.execute("UPDATE stores SET deleted = 1 WHERE store_id = ?", (store_id,))
    return {}


def bytes_held(db: sqlite3.Connection) -> int:
    """Bytes of all documents of all stores."""
    return int(db.execute("SELECT coalesce(sum(size), 0) FROM documents").fetchone()[0])


def _write(db: sqlite3.Connection, row: tuple[Any, ...]) -> Json:
    store_id, name, display_name, model, created, updated = row
    counts: dict[str, int] = {}
    size = 0
    for state, number, held in db.execute(
        "SELECT state, count(*), sum(size) FROM documents WHERE store_id = ? GROUP BY state", (store_id,)
    ):
        counts[state] = number
        size += held
    return compact(
        name=name,
        displayName=display_name,
        createTime=timestamp(created),
        updateTime=timestamp(updated),
        activeDocumentsCount=int64(counts.get("ACTIVE", 0)),
        pendingDocumentsCount=int64(counts.get("PENDING", 0)),
        failedDocumentsCount=int64(counts.get("FAILED", 0)),
        sizeBytes=int64(size),
        embeddingModel=model,
    )
