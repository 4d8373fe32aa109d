"""The files API: bytes that stay for 48 hours, so that they can be imported into stores."""

import re
import sqlite3
from typing import Final, NamedTuple

from objlib.embedded.options import Writer
from objlib.embedded.resources import blobs
from objlib.embedded.resources.records import FileRecord, RecordPage, page_of
from objlib.embedded.wire.errors import ApiError, invalid
from objlib.embedded.wire.names import ID, last_part, random_part
from objlib.embedded.wire.paging import Position

FILE_LIFETIME: Final = 48 * 3600.0
"""Seconds until a file expires."""
_COLUMNS: Final = (
    "file_id, name, display_name, mime_type, size, sha256, create_time, ready_at, expires_at, blob_id"
)


class FileDraft(NamedTuple):
    """A file to be made; an empty ``name`` lets the service choose one."""

    name: str
    display_name: str
    mime_type: str


def check_name(name: str) -> None:
    """Raise ApiError for a chosen name that is not ``files/<id>`` with a legal id."""
    if not re.fullmatch(f"files/{ID}", name):
        raise invalid(
            "File name must be of the format files/{id}, with lower-case letters, digits and inner hyphens."
        )


def create(
    db: sqlite3.Connection, draft: FileDraft, *, blob_id: int, size: int, sha256: str, writer: Writer
) -> FileRecord:
    """Make a file of complete bytes, which ``sha256`` names in hex; the caller holds a transaction.

    Raises:
        ApiError: the chosen name exists.
    """
    name = draft.name or f"files/{random_part()}"
    if draft.name and _find(db, name, writer.now) is not None:
        raise ApiError("ALREADY_EXISTS", f"The file {name} already exists.")
    _delete(db, "name = ?", name)  # an expired one may still be there
    last = db.execute("SELECT max(create_time) FROM files").fetchone()[0]
    now = max(writer.now, last or writer.now)
    ready_at = now + writer.options.settle_seconds
    db.execute(
        "INSERT INTO files(name, display_name, mime_type, size, sha256, create_time, ready_at, expires_at,"
        " blob_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            name,
            draft.display_name,
            draft.mime_type,
            size,
            sha256,
            now,
            ready_at,
            now + FILE_LIFETIME,
            blob_id,
        ),
    )
    return get(db, name, now=writer.now)


def _find(db: sqlite3.Connection, name: str, now: float) -> FileRecord | None:
    row = db.execute(
        f"SELECT {_COLUMNS} FROM files WHERE name = ? AND expires_at > ?", (name, now)
    ).fetchone()
    return None if row is None else FileRecord(*row)


def get(db: sqlite3.Connection, name: str, *, now: float) -> FileRecord:
    """A file.

    Raises:
        ApiError: it does not exist, or has expired. 403 and not 404: the service does not reveal whether
            another user's file exists.
    """
    file = _find(db, name, now)
    if file is None:
        raise ApiError(
            "PERMISSION_DENIED",
            f"You do not have permission to access the File {last_part(name)} or it may not exist.",
        )
    return file


def page(db: sqlite3.Connection, size: int, after: Position, *, now: float) -> RecordPage[FileRecord]:
    """A page of at most ``size`` files that have not expired."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM files WHERE expires_at > ? AND (create_time, file_id) > (?, ?)"
        " ORDER BY create_time, file_id LIMIT ?",
        (now, *after, size + 1),
    )
    return page_of([FileRecord(*row) for row in rows], size)


def delete(db: sqlite3.Connection, name: str, *, now: float) -> None:
    """Delete a file, or raise like :func:`get`; documents imported from it stay."""
    _delete(db, "name = ?", get(db, name, now=now).name)


def expire(db: sqlite3.Connection, now: float) -> None:
    """Delete the files that have expired."""
    _delete(db, "expires_at <= ?", now)


def _delete(db: sqlite3.Connection, condition: str, value: str | float) -> None:
    rows = db.execute(f"DELETE FROM files WHERE {condition} RETURNING blob_id", (value,)).fetchall()
    for (blob_id,) in rows:
        blobs.release(db, blob_id)


def get_active(db: sqlite3.Connection, name: str, *, now: float) -> FileRecord:
    """A file that can be imported.

    Raises:
        ApiError: it does not exist, has expired, or is not ACTIVE yet.
    """
    file = get(db, name, now=now)
    if now < file.ready_at:
        raise ApiError(
            "FAILED_PRECONDITION",
            f"The File {last_part(name)} is not in an ACTIVE state and usage is not allowed.",
        )
    return file
