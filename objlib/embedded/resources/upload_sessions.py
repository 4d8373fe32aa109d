"""Sessions of the resumable upload protocol: what the file knows of them, and what becomes of their bytes.

Received bytes are committed before the answer goes out, so a session survives the end of the process. It
expires after seven days. See :mod:`objlib.embedded.api.upload_protocol` for the commands on the wire.
"""

import json
import secrets
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from objlib.embedded.options import MAX_FILE, Options
from objlib.embedded.resources import blobs, documents, files, operations, stores
from objlib.embedded.resources.leases import LEASE
from objlib.embedded.wire.json import ApiError, Json, compact, dump, invalid, not_found

if TYPE_CHECKING:
    import hashlib

LIFETIME: Final = 7 * 24 * 3600.0
"""Seconds that a session may be resumed."""

_COLUMNS: Final = "upload_id, store_id, status, wanted, declared, received, blob_id, final_body, expires_at"


@dataclass(frozen=True, slots=True)
class UploadSession:
    """A session as it stands.

    Attributes:
        upload_id: its secret.
        store_id: row of the store, or None for the files API.
        status: ``active``, ``final`` or ``cancelled``.
        wanted: what to make of the bytes.
        declared: total size that the start announced, or None.
        received: bytes that are safe.
        blob_id: where they are, or None.
        final_body: the answer that ended it, which every later query repeats.
    """

    upload_id: str
    store_id: int | None
    status: str
    wanted: Json
    declared: int | None
    received: int
    blob_id: int | None
    final_body: bytes | None

    @property
    def headers(self) -> dict[str, str]:
        """The protocol's headers about the session."""
        return {"X-Goog-Upload-Status": self.status, "X-Goog-Upload-Size-Received": str(self.received)}

    def error(self, message: str) -> ApiError:
        """A 400 that says where the session stands, so that the client can go on from there."""
        return ApiError("INVALID_ARGUMENT", message, headers=self.headers)


def start(
    db: sqlite3.Connection,
    wanted: Json,
    *,
    store: str | None,
    declared: int | None,
    now: float,
    options: Options,
) -> str:
    """Begin a session.

    Args:
        db: the file; the caller holds a transaction.
        wanted: what to make of the bytes: the document's or the file's fields.
        store: resource name of the store, or None for the files API.
        declared: total size in bytes, if the client said it.
        now: Unix time.
        options: how the service behaves.

    Returns:
        The upload id; whoever has it may send bytes without a key.

    Raises:
        ApiError: no such store, too large, or the storage is full.
    """
    store_id = None if store is None else stores.find(db, store)
    _check_size(declared or 0, store_id, options)
    if store_id is not None:
        check_storage(db, declared or 0, options)
    upload_id = secrets.token_urlsafe(32)
    db.execute(
        "INSERT INTO uploads(upload_id, store_id, status, wanted, declared, expires_at)"
        " VALUES (?, ?, 'active', ?, ?, ?)",
        (upload_id, store_id, json.dumps(wanted), declared, now + LIFETIME),
    )
    return upload_id


def get(db: sqlite3.Connection, upload_id: str, now: float) -> UploadSession:
    """A session.

    Raises:
        ApiError: there is none, or it has expired.
    """
    row: tuple[Any, ...] | None = db.execute(
        f"SELECT {_COLUMNS} FROM uploads WHERE upload_id = ? AND expires_at > ?", (upload_id, now)
    ).fetchone()
    if row is None:
        raise not_found("The upload session was not found or has expired.")
    return UploadSession(row[0], row[1], row[2], json.loads(row[3]), row[4], row[5], row[6], row[7])


def active(
    db: sqlite3.Connection, upload_id: str, *, offset: int, length: int, now: float, options: Options
) -> UploadSession:
    """A session that can take ``length`` bytes at ``offset``.

    Raises:
        ApiError: it is over, the offset is not where it stands, or the bytes would be too many.
    """
    session = get(db, upload_id, now)
    if session.status != "active":
        raise session.error("Upload has already been terminated.")
    if offset != session.received:
        raise session.error(f"The offset {offset} is not the number of bytes received, {session.received}.")
    end = offset + length
    if session.declared is not None and end > session.declared:
        raise session.error(f"{end} bytes are more than the {session.declared} that were announced.")
    _check_size(end, session.store_id, options)
    return session


def append(
    db: sqlite3.Connection, upload_id: str, offset: int, data: bytes, *, now: float, options: Options
) -> UploadSession:
    """Add bytes that are not the last.

    Raises:
        ApiError: see :func:`active`.
    """
    session = active(db, upload_id, offset=offset, length=len(data), now=now, options=options)
    if data:
        blob_id = blobs.new(db) if session.blob_id is None else session.blob_id
        blobs.append(db, blob_id, data)
        db.execute(
            "UPDATE uploads SET received = received + ?, blob_id = ? WHERE upload_id = ?",
            (len(data), blob_id, upload_id),
        )
    return get(db, upload_id, now)


def digest(db: sqlite3.Connection, upload_id: str, now: float) -> "tuple[int, hashlib._Hash] | None":
    """Bytes received so far and their hash, to be taken before the transaction that ends the session.

    None when there are none yet. Hashing 100 MB takes a while, and no other writer should wait for it.
    """
    with_blob = get(db, upload_id, now)
    if with_blob.blob_id is None:
        return None
    return with_blob.received, blobs.hash_so_far(db, with_blob.blob_id)


def finalize(
    db: sqlite3.Connection,
    upload_id: str,
    offset: int | None,
    data: bytes,
    *,
    before: "tuple[int, hashlib._Hash] | None",
    now: float,
    options: Options,
    claim: str,
    base: str,
) -> UploadSession:
    """Add the last bytes and make the document or file, in the caller's transaction.

    Args:
        db: the file.
        upload_id: the session.
        offset: where ``data`` begins; None for a bare ``finalize``.
        data: the last bytes, perhaps none.
        before: what :func:`digest` said.
        now: Unix time.
        options: how the service behaves.
        claim: the open service that will index the document.
        base: URL up to and including the version, for a file's ``uri``.

    Raises:
        ApiError: see :func:`active`; or fewer bytes came than were announced, or the storage is full.
    """
    at = get(db, upload_id, now).received if offset is None else offset
    session = active(db, upload_id, offset=at, length=len(data), now=now, options=options)
    size = session.received + len(data)
    if session.declared is not None and size != session.declared:
        raise session.error(
            f"Only {size} of the {session.declared} bytes that were announced have been received."
        )
    if session.blob_id is None:
        blob_id, sha256 = blobs.keep(db, data)
    else:
        if before is None or before[0] != session.received:
            raise session.error("Another request was sending to this upload at the same time.")
        hashed = before[1].copy()
        hashed.update(data)
        sha256 = hashed.hexdigest()
        blobs.append(db, session.blob_id, data)
        # The session lets go of its bytes first: where the same are there already, sealing deletes them.
        db.execute("UPDATE uploads SET blob_id = NULL WHERE upload_id = ?", (upload_id,))
        blob_id = blobs.seal(db, session.blob_id, sha256)
    wanted = session.wanted
    if session.store_id is None:
        name = files.create(
            db, wanted, blob_id=blob_id, size=size, sha256=sha256, now=now, settle=options.settle_seconds
        )
        body: Json = {"file": files.get(db, name, now=now, base=base)}
    else:
        check_storage(db, size, options)
        draft = documents.Draft(**wanted, kind="upload")
        name = documents.create(
            db,
            draft,
            blob_id=blob_id,
            size=size,
            now=now,
            ready_at=now + options.settle_seconds,
            claim=claim,
            until=now + options.settle_seconds + LEASE,
        )
        # As the service does it: the response is there already, but no "done".
        body = compact(
            name=operations.name_of(name, "upload"),
            response=operations.response(
                "upload", name, mime_type=draft.mime_type, size=size, full_names=True
            ),
        )
    db.execute(
        "UPDATE uploads SET status = 'final', received = ?, blob_id = NULL, final_body = ?"
        " WHERE upload_id = ?",
        (size, dump(body), upload_id),
    )
    return get(db, upload_id, now)


def cancel(db: sqlite3.Connection, upload_id: str, now: float) -> UploadSession:
    """End a session without a result; its bytes are deleted. Doing it again changes nothing.

    Raises:
        ApiError: there is no such session, or it has its result already.
    """
    session = get(db, upload_id, now)
    if session.status == "final":
        raise session.error("Upload has already been terminated.")
    db.execute("UPDATE uploads SET status = 'cancelled', blob_id = NULL WHERE upload_id = ?", (upload_id,))
    if session.blob_id is not None:
        blobs.discard(db, session.blob_id)
    return get(db, upload_id, now)


def expire(db: sqlite3.Connection, now: float) -> None:
    """Delete the sessions whose time is over, with the bytes of those that never ended."""
    gone = db.execute("DELETE FROM uploads WHERE expires_at <= ? RETURNING blob_id", (now,)).fetchall()
    for (blob_id,) in gone:
        if blob_id is not None:
            blobs.discard(db, blob_id)


def forget_store(db: sqlite3.Connection, store_id: int) -> None:
    """Delete the sessions of a store that is gone."""
    gone = db.execute("DELETE FROM uploads WHERE store_id = ? RETURNING blob_id", (store_id,)).fetchall()
    for (blob_id,) in gone:
        if blob_id is not None:
            blobs.discard(db, blob_id)


def _check_size(size: int, store_id: int | None, options: Options) -> None:
    most = MAX_FILE if store_id is None else options.max_document
    if size > most:
        raise invalid(f"The file is too large: {size} bytes. At most {most} bytes are allowed.")


def check_storage(db: sqlite3.Connection, size: int, options: Options) -> None:
    """Refuse so many more bytes if all stores together may not hold them.

    Raises:
        ApiError: the storage 429, which never heals by waiting.
    """
    limit = options.storage_limit
    if limit is not None and stores.bytes_held(db) + size > limit:
        raise ApiError("RESOURCE_EXHAUSTED", f"Corpus has reached the storage limit of {limit} bytes.")
