"""Bytes, kept in parts so that a large document never has to be in memory twice.

During an upload a blob has no hash and belongs to its session. A complete blob gets one, and identical bytes
are kept once, however many documents and files refer to them.
"""

import hashlib
import io
import sqlite3
from typing import Final

MAX_PART: Final = 1024 * 1024
"""Most bytes of one row."""


def create(db: sqlite3.Connection) -> int:
    """Make an empty blob."""
    return int(db.execute("INSERT INTO blobs DEFAULT VALUES RETURNING blob_id").fetchone()[0])


def append(db: sqlite3.Connection, blob_id: int, data: bytes) -> None:
    """Add bytes at the end."""
    end = db.execute("SELECT size FROM blobs WHERE blob_id = ?", (blob_id,)).fetchone()[0]
    view = memoryview(data)
    db.executemany(
        "INSERT INTO blob_parts(blob_id, start, data) VALUES (?, ?, ?)",
        ((blob_id, end + start, view[start : start + MAX_PART]) for start in range(0, len(data), MAX_PART)),
    )
    db.execute("UPDATE blobs SET size = size + ? WHERE blob_id = ?", (len(data), blob_id))


def hash_so_far(db: sqlite3.Connection, blob_id: int) -> "hashlib._Hash":
    """SHA-256 of the bytes received so far, to be updated with the next ones."""
    digest = hashlib.sha256()
    for (data,) in db.execute("SELECT data FROM blob_parts WHERE blob_id = ? ORDER BY start", (blob_id,)):
        digest.update(data)
    return digest


def seal(db: sqlite3.Connection, blob_id: int, sha256: str) -> int:
    """Give a complete blob its hash.

    Returns:
        The blob to refer to: an older one with the same bytes if there is one; then this one is deleted.
    """
    same = db.execute("SELECT blob_id FROM blobs WHERE sha256 = ?", (sha256,)).fetchone()
    if same is not None:
        discard(db, blob_id)
        return int(same[0])
    db.execute("UPDATE blobs SET sha256 = ? WHERE blob_id = ?", (sha256, blob_id))
    return blob_id


def keep(db: sqlite3.Connection, data: bytes) -> tuple[int, str]:
    """Keep bytes that came in one piece: their blob, perhaps an older one, and their hash."""
    sha256 = hashlib.sha256(data).hexdigest()
    same = db.execute("SELECT blob_id FROM blobs WHERE sha256 = ?", (sha256,)).fetchone()
    if same is not None:
        return int(same[0]), sha256
    blob_id = create(db)
    append(db, blob_id, data)
    return seal(db, blob_id, sha256), sha256


def parts(db: sqlite3.Connection, blob_id: int) -> list[bytes]:
    """All bytes of a blob, a megabyte in each part."""
    rows = db.execute("SELECT data FROM blob_parts WHERE blob_id = ? ORDER BY start", (blob_id,))
    return [data for (data,) in rows]


def read(db: sqlite3.Connection, blob_id: int) -> bytes:
    """All bytes of a blob, in memory once."""
    buffer = io.BytesIO()
    for (data,) in db.execute("SELECT data FROM blob_parts WHERE blob_id = ? ORDER BY start", (blob_id,)):
        buffer.write(data)
    return buffer.getvalue()


def discard(db: sqlite3.Connection, blob_id: int) -> None:
    """Delete a blob without references."""
    db.execute("DELETE FROM blobs WHERE blob_id = ?", (blob_id,))


def release(db: sqlite3.Connection, blob_id: int) -> None:
    """Delete a blob unless a document or a file still refers to it."""
    db.execute(
        "DELETE FROM blobs WHERE blob_id = :blob"
        " AND NOT EXISTS (SELECT 1 FROM documents WHERE blob_id = :blob)"
        " AND NOT EXISTS (SELECT 1 FROM files WHERE blob_id = :blob)",
        {"blob": blob_id},
    )
