"""Long-running operations of uploads and imports.

An operation carries its document's id. While it runs it has only its name, then ``done`` with a ``response``
or an ``error``; a document has no field for the reason of a failure.
"""

import sqlite3
from typing import Final

from objlib.embedded.resources.records import OperationRecord
from objlib.embedded.resources.stores import store_row
from objlib.embedded.wire.errors import GRPC_NUMBERS, not_found

_COLLECTION: Final = {"upload": "upload/operations", "import": "operations"}


def operation_name(document: str, kind: str) -> str:
    """Resource name of the operation that made a document."""
    store, _, document_id = document.partition("/documents/")
    return f"{store}/{_COLLECTION[kind]}/{document_id}"


def create(
    db: sqlite3.Connection, document: str, *, kind: str, store_id: int, mime_type: str, size: int, now: float
) -> None:
    """Record a running operation."""
    db.execute(
        "INSERT INTO operations(name, kind, store_id, document, mime_type, size, create_time)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (operation_name(document, kind), kind, store_id, document, mime_type, size, now),
    )


def succeed(db: sqlite3.Connection, document: str) -> None:
    """End the operation of a document that is ACTIVE."""
    db.execute("UPDATE operations SET done = 1 WHERE document = ? AND NOT done", (document,))


def fail(db: sqlite3.Connection, document: str, status: str, reason: str) -> None:
    """End the operation of a document that will never be ACTIVE; one that has ended stays as it is."""
    db.execute(
        "UPDATE operations SET done = 1, error_code = ?, error_message = ? WHERE document = ? AND NOT done",
        (GRPC_NUMBERS[status], reason, document),
    )


def get(db: sqlite3.Connection, name: str) -> OperationRecord:
    """An operation; ApiError if there is none, or its store is gone."""
    store_row(db, "/".join(name.split("/")[:2]))
    row = db.execute(
        "SELECT name, kind, document, mime_type, size, done, error_code, error_message FROM operations"
        " WHERE name = ?",
        (name,),
    ).fetchone()
    if row is None:
        raise not_found(f"The operation {name} was not found.")
    return OperationRecord(*row)
