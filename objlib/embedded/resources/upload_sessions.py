"""Sessions of the resumable upload protocol: their rows, and the documents and files they end in.

Received bytes are committed before the answer goes out, so a session survives the end of the process. It
expires after seven days. See :mod:`objlib.embedded.api.upload_protocol` for the commands on the wire.
"""

import json
import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from objlib.core.remote import SessionState
from objlib.embedded.options import Writer
from objlib.embedded.resources import blobs, documents, files, stores
from objlib.embedded.resources.records import FileRecord
from objlib.embedded.wire.errors import ApiError, not_found
from objlib.embedded.wire.json import Json, dump

if TYPE_CHECKING:
    import hashlib

KEPT_FINAL: Final = 10_000
"""Sessions that are over, at most, that still answer a client which lost its answer."""
SESSION_LIFETIME: Final = 7 * 24 * 3600.0
"""Seconds for which a session may be resumed."""
_COLUMNS: Final = "upload_id, store_id, status, wanted, declared, received, blob_id, final_body"

Created = FileRecord | tuple[str, documents.DocumentDraft, int]
"""The result of a session: a file, or a document's name, draft and size."""


@dataclass(frozen=True, slots=True)
class UploadSession:
    """The current state of a session.

    It makes a document of a store, or without ``store_id`` a file, with the fields in ``target``. The start
    announced ``declared`` bytes, if any number; ``received`` ones are committed. Every query of an ended
    session repeats ``final_body``.
    """

    upload_id: str
    store_id: int | None
    status: SessionState
    target: Json
    declared: int | None
    received: int
    blob_id: int | None
    final_body: bytes | None


class SessionError(ApiError):
    """A command that a session cannot follow; its state comes along, so that the client can go on from there."""

    def __init__(self, session: UploadSession, message: str) -> None:
        super().__init__("INVALID_ARGUMENT", message)
        self.session = session


def start(
    db: sqlite3.Connection, target: Json, *, store: str | None, declared: int | None, writer: Writer
) -> str:
    """Begin a session in a store, or for the files API (None); the caller holds a transaction.

    Returns:
        The upload id, which authorises the commands of the session without a key.

    Raises:
        ApiError: no such store, too large, or the storage is full.
    """
    store_id = None if store is None else stores.store_row(db, store)
    documents.check_size(declared or 0, writer.options, in_store=store is not None)
    if store is not None:
        documents.check_storage(db, declared or 0, writer.options)
        documents.check_picture(db, target["mime_type"], store=store)
    upload_id = secrets.token_urlsafe(32)
    db.execute(
        "INSERT INTO uploads(upload_id, store_id, status, wanted, declared, expires_at)"
        " VALUES (?, ?, 'active', ?, ?, ?)",
        (upload_id, store_id, json.dumps(target), declared, writer.now + SESSION_LIFETIME),
    )
    return upload_id


def get(db: sqlite3.Connection, upload_id: str, now: float) -> UploadSession:
    """A session; ApiError if there is none, or it has expired."""
    row: tuple[Any, ...] | None = db.execute(
        f"SELECT {_COLUMNS} FROM uploads WHERE upload_id = ? AND expires_at > ?", (upload_id, now)
    ).fetchone()
    if row is None:
        raise not_found("The upload session was not found or has expired.")
    upload_id, store_id, status, target, *rest = row
    return UploadSession(upload_id, store_id, SessionState(status), json.loads(target), *rest)


def active(
    db: sqlite3.Connection, upload_id: str, *, offset: int, length: int, writer: Writer
) -> UploadSession:
    """A session that can take ``length`` bytes at ``offset``.

    Raises:
        SessionError: it has ended, the offset is not the number of received bytes, or the bytes are too many.
        ApiError: there is none, or the document is too large.
    """
    session = get(db, upload_id, writer.now)
    if session.status is not SessionState.ACTIVE:
        raise SessionError(session, "Upload has already been terminated.")
    if offset != session.received:
        raise SessionError(
            session, f"The offset {offset} is not the number of bytes received, {session.received}."
        )
    end = offset + length
    if session.declared is not None and end > session.declared:
        raise SessionError(session, f"{end} bytes are more than the {session.declared} that were announced.")
    documents.check_size(end, writer.options, in_store=session.store_id is not None)
    return session


def append(
    db: sqlite3.Connection, upload_id: str, offset: int, data: bytes, *, writer: Writer
) -> UploadSession:
    """Add bytes that are not the last, or raise like :func:`active`."""
    session = active(db, upload_id, offset=offset, length=len(data), writer=writer)
    if data:
        blob_id = blobs.create(db) if session.blob_id is None else session.blob_id
        blobs.append(db, blob_id, data)
        db.execute(
            "UPDATE uploads SET received = received + ?, blob_id = ? WHERE upload_id = ?",
            (len(data), blob_id, upload_id),
        )
    return get(db, upload_id, writer.now)


def digest(db: sqlite3.Connection, upload_id: str, now: float) -> "tuple[int, hashlib._Hash] | None":
    """The number of received bytes and their hash; None when there are none yet.

    To be called before the transaction that ends the session: hashing 100 MB takes a while, and no other
    writer should wait for it.
    """
    session = get(db, upload_id, now)
    if session.blob_id is None:
        return None
    return session.received, blobs.hash_so_far(db, session.blob_id)


def finalize(
    db: sqlite3.Connection,
    upload_id: str,
    offset: int | None,
    data: bytes,
    *,
    hashed: "tuple[int, hashlib._Hash] | None",
    writer: Writer,
    answer: Callable[[Created], Json],
) -> UploadSession:
    """Add the last bytes and make the document or file; the caller holds a transaction.

    Args:
        offset: the offset of ``data``; None for a bare ``finalize``.
        data: the last bytes, perhaps none.
        hashed: the result of :func:`digest`.
        answer: makes the JSON body that the session keeps as its answer.

    Raises:
        ApiError: see :func:`active`; or fewer bytes came than were announced, or the storage is full.
    """
    start = get(db, upload_id, writer.now).received if offset is None else offset
    session = active(db, upload_id, offset=start, length=len(data), writer=writer)
    size = session.received + len(data)
    if session.declared is not None and size != session.declared:
        raise SessionError(
            session, f"Only {size} of the {session.declared} bytes that were announced have been received."
        )
    blob_id, sha256 = _complete(db, session, data, hashed)
    created: Created
    if session.store_id is None:
        file = files.FileDraft(*(session.target[key] for key in ("name", "displayName", "mimeType")))
        created = files.create(db, file, blob_id=blob_id, size=size, sha256=sha256, writer=writer)
    else:
        draft = documents.DocumentDraft(**session.target, kind="upload")
        created = documents.create(db, draft, blob_id=blob_id, size=size, writer=writer), draft, size
    db.execute(
        "UPDATE uploads SET status = 'final', received = ?, blob_id = NULL, final_body = ?"
        " WHERE upload_id = ?",
        (size, dump(answer(created)), upload_id),
    )
    return get(db, upload_id, writer.now)


def _complete(
    db: sqlite3.Connection, session: UploadSession, data: bytes, hashed: "tuple[int, hashlib._Hash] | None"
) -> tuple[int, str]:
    """Add the last bytes to a session's blob: the blob to refer to, and its hash."""
    if session.blob_id is None:
        return blobs.keep(db, data)
    if hashed is None or hashed[0] != session.received:
        raise SessionError(session, "Another request was sending to this upload at the same time.")
    whole = hashed[1].copy()
    whole.update(data)
    sha256 = whole.hexdigest()
    blobs.append(db, session.blob_id, data)
    # The session drops its reference first: sealing deletes the blob where an older one has the same bytes.
    db.execute("UPDATE uploads SET blob_id = NULL WHERE upload_id = ?", (session.upload_id,))
    return blobs.seal(db, session.blob_id, sha256), sha256


def cancel(db: sqlite3.Connection, upload_id: str, now: float) -> UploadSession:
    """End a session without a result and delete its bytes; a cancelled one stays as it is.

    Raises:
        ApiError: there is no such session, or it has its result already.
    """
    session = get(db, upload_id, now)
    if session.status is SessionState.FINAL:
        raise SessionError(session, "Upload has already been terminated.")
    db.execute("UPDATE uploads SET status = 'cancelled', blob_id = NULL WHERE upload_id = ?", (upload_id,))
    if session.blob_id is not None:
        blobs.discard(db, session.blob_id)
    return get(db, upload_id, now)


def expire(db: sqlite3.Connection, now: float) -> None:
    """Delete the sessions that have expired, with the bytes of the unfinished ones."""
    _delete(db, "expires_at <= ?", now)
    row = db.execute(
        "SELECT expires_at FROM uploads WHERE status = 'final' ORDER BY expires_at DESC LIMIT 1 OFFSET ?",
        (KEPT_FINAL,),
    ).fetchone()
    if row is not None:
        _delete(db, "status = 'final' AND expires_at < ?", row[0])


def delete_of_store(db: sqlite3.Connection, store_id: int) -> None:
    """Delete the sessions of a deleted store, with the bytes of the unfinished ones."""
    _delete(db, "store_id = ?", store_id)


def _delete(db: sqlite3.Connection, condition: str, value: float) -> None:
    rows = db.execute(f"DELETE FROM uploads WHERE {condition} RETURNING blob_id", (value,)).fetchall()
    for (blob_id,) in rows:
        if blob_id is not None:
            blobs.discard(db, blob_id)
