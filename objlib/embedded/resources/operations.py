"""Long-running operations: what became of an upload or an import.

An operation carries its document's id. It says nothing but its name while it runs, then ``done`` with a
``response`` or an ``error``; documents themselves have no field for a reason.
"""

import sqlite3
from typing import Final

from objlib.embedded.resources.stores import find as find_store
from objlib.embedded.wire.json import GRPC, Json, compact, int64, not_found
from objlib.embedded.wire.names import last_part

_TYPE: Final = "type.googleapis.com/google.ai.generativelanguage.v1main."
_PLACE: Final = {"upload": "upload/operations", "import": "operations"}


def name_of(document: str, kind: str) -> str:
    """Resource name of the operation that made a document."""
    store, _, doc = document.partition("/documents/")
    return f"{store}/{_PLACE[kind]}/{doc}"


def create(
    db: sqlite3.Connection, document: str, *, kind: str, store_id: int, mime_type: str, size: int, now: float
) -> None:
    """Record a running operation."""
    db.execute(
        "INSERT INTO operations(name, kind, store_id, document, mime_type, size, create_time)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (name_of(document, kind), kind, store_id, document, mime_type, size, now),
    )


def succeed(db: sqlite3.Connection, document: str) -> None:
    """The document is ACTIVE."""
    db.execute("UPDATE operations SET done = 1 WHERE document = ? AND NOT done", (document,))


def fail(db: sqlite3.Connection, document: str, status: str, reason: str) -> None:
    """The document will never be ACTIVE; nothing happens if the operation was over already."""
    db.execute(
        "UPDATE operations SET done = 1, error_code = ?, error_message = ? WHERE document = ? AND NOT done",
        (GRPC[status], reason, document),
    )


def response(kind: str, document: str, *, mime_type: str, size: int, full_names: bool) -> Json:
    """The ``response`` of a finished operation.

    The real service names parent and document of an import by bare ids, those of an upload in full.
    """
    store = document.partition("/documents/")[0]
    if kind == "upload":
        return compact(
            **{"@type": f"{_TYPE}UploadToFileSearchStoreResponse"},
            parent=store,
            documentName=document,
            mimeType=mime_type,
            sizeBytes=int64(size),
        )
    return {
        "@type": f"{_TYPE}ImportFileResponse",
        "parent": store if full_names else last_part(store),
        "documentName": document if full_names else last_part(document),
    }


def get(db: sqlite3.Connection, name: str, *, full_names: bool) -> tuple[Json, bool]:
    """An operation, and whether it still runs.

    Raises:
        ApiError: there is no such operation, or its store is gone.
    """
    parts = name.split("/")
    find_store(db, "/".join(parts[:2]))
    row = db.execute(
        "SELECT kind, document, mime_type, size, done, error_code, error_message FROM operations"
        " WHERE name = ?",
        (name,),
    ).fetchone()
    if row is None:
        raise not_found(f"The operation {name} was not found.")
    kind, document, mime_type, size, done, code, message = row
    if not done:
        return {"name": name}, True
    if code is not None:
        return {"name": name, "done": True, "error": {"code": code, "message": message}}, False
    answer = response(kind, document, mime_type=mime_type, size=size, full_names=full_names)
    return {"name": name, "done": True, "response": answer}, False
