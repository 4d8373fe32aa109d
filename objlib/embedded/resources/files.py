"""The files API: bytes that stay for 48 hours, so that they can be imported into stores."""

import base64
import re
import sqlite3
from typing import Any, Final

from objlib.embedded.resources import blobs
from objlib.embedded.wire.json import ApiError, Json, compact, int64, invalid, page_token, timestamp
from objlib.embedded.wire.names import ID, last_part, random_part

LIFETIME: Final = 48 * 3600.0
"""Seconds until a file expires."""

MOST_PER_PAGE: Final = 100

_COLUMNS: Final = (
    "file_id, name, display_name, mime_type, size, sha256, create_time, ready_at, expires_at, blob_id"
)


def check_name(name: str) -> None:
    """Check a name that the caller chose.

    Raises:
        ApiError: it is not ``files/<id>`` with a legal id.
    """
    if not re.fullmatch(f"files/{ID}", name):
        raise invalid(
            "File name must be of the format files/{id}, with lower-case letters, digits and inner hyphens."
        )


def create(
    db: sqlite3.Connection, wanted: Json, *, blob_id: int, size: int, sha256: str, now: float, settle: float
) -> str:
    """Make a file of complete bytes.

    Args:
        db: the file; the caller holds a transaction.
        wanted: ``name`` (may be empty), ``displayName`` and ``mimeType``.
        blob_id: its bytes.
        size: how many they are.
        sha256: their hash in hex.
        now: Unix time.
        settle: seconds until it is ACTIVE.

    Raises:
        ApiError: the chosen name is taken.
    """
    name = wanted["name"] or f"files/{random_part()}"
    if wanted["name"] and _find(db, name, now) is not None:
        raise ApiError("ALREADY_EXISTS", f"The file {name} already exists.")
    _remove(db, name)  # an expired one may still be there
    now = max(now, db.execute("SELECT max(create_time) FROM files").fetchone()[0] or now)
    db.execute(
        "INSERT INTO files(name, display_name, mime_type, size, sha256, create_time, ready_at, expires_at,"
        " blob_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            name,
            wanted["displayName"],
            wanted["mimeType"],
            size,
            sha256,
            now,
            now + settle,
            now + LIFETIME,
            blob_id,
        ),
    )
    return name


def _find(db: sqlite3.Connection, name: str, now: float) -> tuple[Any, ...] | None:
    row: tuple[Any, ...] | None = db.execute(
        f"SELECT {_COLUMNS} FROM files WHERE name = ? AND expires_at > ?", (name, now)
    ).fetchone()
    return row


def _require(db: sqlite3.Connection, name: str, now: float) -> tuple[Any, ...]:
    row = _find(db, name, now)
    if row is None:  # 403 and not 404: the service does not tell a stranger's file from none
        raise ApiError(
            "PERMISSION_DENIED",
            f"You do not have permission to access the File {last_part(name)} or it may not exist.",
        )
    return row


def get(db: sqlite3.Connection, name: str, *, now: float, base: str) -> Json:
    """A file. ``base`` is the URL up to and including the version, for ``uri``.

    Raises:
        ApiError: it does not exist, or not any more.
    """
    return _write(_require(db, name, now), now, base)


def page(db: sqlite3.Connection, size: int, after: tuple[float, int], *, now: float, base: str) -> Json:
    """A page of the files that have not expired, in ascending createTime."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM files WHERE expires_at > ? AND (create_time, file_id) > (?, ?)"
        " ORDER BY create_time, file_id LIMIT ?",
        (now, *after, size + 1),
    ).fetchall()
    token = page_token(rows[size - 1][6], rows[size - 1][0]) if len(rows) > size else None
    return compact(files=[_write(row, now, base) for row in rows[:size]], nextPageToken=token)


def delete(db: sqlite3.Connection, name: str, *, now: float) -> Json:
    """Delete a file; what was imported from it stays.

    Raises:
        ApiError: it does not exist, or not any more.
    """
    _require(db, name, now)
    _remove(db, name)
    return {}


def _remove(db: sqlite3.Connection, name: str) -> None:
    for (blob_id,) in db.execute("DELETE FROM files WHERE name = ? RETURNING blob_id", (name,)).fetchall():
        blobs.release(db, blob_id)


def expire(db: sqlite3.Connection, now: float) -> None:
    """Delete the files whose time is over."""
    for (blob_id,) in db.execute(
        "DELETE FROM files WHERE expires_at <= ? RETURNING blob_id", (now,)
    ).fetchall():
        blobs.release(db, blob_id)


def for_import(db: sqlite3.Connection, name: str, *, now: float) -> tuple[int, int, str]:
    """Blob, size and mime type of a file that is to be imported.

    Raises:
        ApiError: it does not exist (any more), or is not ACTIVE yet.
    """
    row = _require(db, name, now)
    if now < row[7]:
        raise ApiError(
            "FAILED_PRECONDITION",
            f"The File {last_part(name)} is not in an ACTIVE state and usage is not allowed.",
        )
    return int(row[9]), int(row[4]), str(row[3])


def _write(row: tuple[Any, ...], now: float, base: str) -> Json:
    _, name, display_name, mime_type, size, sha256, created, ready_at, expires_at, _ = row
    return compact(
        name=name,
        displayName=display_name,
        mimeType=mime_type,
        sizeBytes=int64(size),
        createTime=timestamp(created),
        updateTime=timestamp(max(created, min(now, ready_at))),
        expirationTime=timestamp(expires_at),
        # Base64 of the 64 hex digits, not of the 32 bytes: so the service answers.
        sha256Hash=base64.b64encode(sha256.encode()).decode(),
        uri=f"{base}/{name}",
        state="ACTIVE" if now >= ready_at else "PROCESSING",
        source="UPLOADED",
    )
