"""File search stores."""

import sqlite3
from typing import Any, Final

from objlib.embedded.resources.records import RecordPage, StoreRecord, page_of
from objlib.embedded.wire.errors import ApiError, not_found
from objlib.embedded.wire.names import new_resource_id
from objlib.embedded.wire.paging import Position

_COLUMNS: Final = "store_id, name, display_name, embedding_model, create_time, update_time"


def create(db: sqlite3.Connection, *, display_name: str, model: str, now: float) -> StoreRecord:
    """Make a store."""
    name = f"fileSearchStores/{new_resource_id(display_name)}"
    # Lists go by createTime: a clock that steps back must not put a new store before older ones.
    now = max(now, db.execute("SELECT max(create_time) FROM stores").fetchone()[0] or now)
    db.execute(
        "INSERT INTO stores(name, display_name, embedding_model, create_time, update_time)"
        " VALUES (?, ?, ?, ?, ?)",
        (name, display_name, model, now, now),
    )
    return get(db, name)


def store_row(db: sqlite3.Connection, name: str) -> int:
    """The row number of a store; ApiError if there is none."""
    return int(_select(db, name)[0])


def get(db: sqlite3.Connection, name: str) -> StoreRecord:
    """A store with its counts; ApiError if there is none."""
    return _record(db, _select(db, name))


def page(db: sqlite3.Connection, size: int, after: Position) -> RecordPage[StoreRecord]:
    """A page of at most ``size`` stores."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM stores WHERE NOT deleted AND (create_time, store_id) > (?, ?)"
        " ORDER BY create_time, store_id LIMIT ?",
        (*after, size + 1),
    ).fetchall()
    return page_of([_record(db, row) for row in rows], size)


def delete(db: sqlite3.Connection, name: str, *, force: bool) -> None:
    """Hide a store. The worker removes its documents in steps afterwards: there may be many.

    Raises:
        ApiError: there is no such store, or it has documents and ``force`` is not set.
    """
    store_id = store_row(db, name)
    if not force and db.execute("SELECT 1 FROM documents WHERE store_id = ? LIMIT 1", (store_id,)).fetchone():
        raise ApiError("FAILED_PRECONDITION", "Cannot delete non-empty FileSearchStore.")
    db.execute("UPDATE stores SET deleted = 1 WHERE store_id = ?", (store_id,))


def bytes_held(db: sqlite3.Connection) -> int:
    """Bytes of all documents of all stores."""
    return int(db.execute("SELECT coalesce(sum(size), 0) FROM documents").fetchone()[0])


def _select(db: sqlite3.Connection, name: str) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = db.execute(
        f"SELECT {_COLUMNS} FROM stores WHERE name = ? AND NOT deleted", (name,)
    ).fetchone()
    if row is None:
        raise not_found(f"The file search store {name} was not found.")
    return row


def _record(db: sqlite3.Connection, row: tuple[Any, ...]) -> StoreRecord:
    counts: dict[str, int] = {}
    size = 0
    for state, count, state_size in db.execute(
        "SELECT state, count(*), sum(size) FROM documents WHERE store_id = ? GROUP BY state", (row[0],)
    ):
        counts[state] = count
        size += state_size
    return StoreRecord._make((*row, counts, size))
