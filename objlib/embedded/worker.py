"""The worker behind the answers: it indexes uploaded documents, and empties deleted stores.

PENDING documents are read and split outside any transaction, then several are indexed in one. ACTIVE comes
with the passages, FAILED with the reason in the operation. A worker killed at any instant leaves documents
that are PENDING without passages, or ACTIVE with all of them; the next open goes on.
"""

import json
import logging
import sqlite3
import time
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any, Final

import trio

from objlib.core.library.decode import UnreadableError
from objlib.embedded import index
from objlib.embedded.context import Context
from objlib.embedded.resources import documents, files, leases, operations, upload_sessions
from objlib.embedded.resources.blobs import read
from objlib.embedded.text.extract import UnindexableError, extract
from objlib.embedded.text.extracted import Extracted
from objlib.sqlite.errors import disk_is_full, is_fatal

_log = logging.getLogger(__name__)

INDEX_BATCH: Final = 16
"""Most documents of one indexing transaction: requests that write wait for it."""
INDEX_BATCH_BYTES: Final = 1024 * 1024
"""Bytes after which a batch ends, with the document that reaches them."""
INDEX_BATCH_SECONDS: Final = 0.25
"""Seconds of reading after which a batch ends, with the document that reaches them."""
PURGE_BATCH: Final = 10
"""Documents of a deleted store that one transaction removes."""
SWEEP_SECONDS: Final = 3600.0
"""Seconds between two deletions of expired rows, the first at the open; reads never show expired rows."""
RETRY_SECONDS: Final = 5.0
"""Seconds that the worker waits after a failure to write the file, as on a full disk."""
OPERATION_LIFETIME: Final = 7 * 24 * 3600.0
"""Seconds for which an operation outlives its document."""


@dataclass(frozen=True, slots=True)
class _ReadDocument:
    """A document with its text, or with the status and the reason of a failure."""

    doc_id: int
    name: str
    display_name: str
    metadata: dict[str, Any]
    extracted: Extracted | None
    reason: str
    status: str = "INVALID_ARGUMENT"


@dataclass(frozen=True, slots=True)
class _Work:
    """The work of one round: leases to take over, a deleted store to empty, documents to index.

    After ``delay`` seconds the next document is due; infinite without one.
    """

    abandoned: bool
    deleted: bool
    batch: list[_ReadDocument]
    delay: float


class Worker:
    """The one task of an open service that changes documents after their upload."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._last_sweep = -inf

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self._context.work.clear()
            try:
                delay = await self._round()
                self._context.disk_full = False
            except sqlite3.Error as error:
                self._context.disk_full = disk_is_full(error)
                _log.warning("the store file cannot be used just now: %s", error)
                delay = RETRY_SECONDS
            if delay > 0:
                with trio.move_on_after(delay):
                    await self._context.work.wait()

    async def _round(self) -> float:
        """Do a part of each kind of work.

        Returns:
            Seconds until there is more to do; infinite if only a wake-up can bring it.
        """
        database, claim, now = self._context.database, self._context.claim, self._context.now()
        if now - self._last_sweep >= SWEEP_SECONDS:
            await database.write(partial(_sweep, now=now))
            self._last_sweep = now
        # Few crossings into threads, each with much to do: a crossing is slow while other threads compute.
        work = await database.bulk.run(partial(_gather, claim=claim, now=now))
        if work.abandoned:
            await database.write(partial(leases.take_over, claim=claim, now=now))
        if work.batch:
            now = self._context.now()
            searchable_at = now + self._context.options.searchable_seconds
            await database.write(partial(_index, batch=work.batch, now=now, searchable_at=searchable_at))
            self._context.passages.set()
        if work.deleted:
            await database.write(purge)
        return 0.0 if work.abandoned or work.batch or work.deleted else work.delay


def _gather(db: sqlite3.Connection, claim: str, now: float) -> _Work:
    abandoned = bool(leases.abandoned_owners(db, claim, now))
    deleted = _deleted_store(db) is not None
    rows = db.execute(
        "SELECT doc_id, name, display_name, mime_type, metadata, blob_id, size FROM documents"
        " WHERE state = 'PENDING' AND claim = ? AND ready_at <= ? ORDER BY doc_id LIMIT ?",
        (claim, now, INDEX_BATCH),
    ).fetchall()
    batch: list[_ReadDocument] = []
    size, stop = 0, time.monotonic() + INDEX_BATCH_SECONDS
    for row in rows:
        batch.append(_read(db, row))
        size += row[6]
        if size >= INDEX_BATCH_BYTES or time.monotonic() >= stop:
            break
    query = "SELECT min(ready_at) FROM documents WHERE state = 'PENDING' AND claim = ?"
    due = db.execute(query, (claim,)).fetchone()[0]
    return _Work(abandoned, deleted, batch, inf if due is None else max(0.0, due - now))


def _read(db: sqlite3.Connection, row: tuple[Any, ...]) -> _ReadDocument:
    doc_id, name, display_name, mime_type, metadata, blob_id, _ = row
    document = partial(_ReadDocument, doc_id, name, display_name, json.loads(metadata))
    try:
        extracted = extract(read(db, blob_id), mime_type=mime_type, name=display_name)
    except UnindexableError as error:
        return document(None, str(error), "UNIMPLEMENTED")
    except UnreadableError as error:
        return document(None, str(error))
    except sqlite3.Error:
        raise
    except Exception as error:  # one document's bytes must not stop all the others
        _log.exception("reading %s failed", name)
        return document(None, f"reading it failed: {error!r}", "INTERNAL")
    return document(extracted, "")


def _index(db: sqlite3.Connection, batch: list[_ReadDocument], now: float, searchable_at: float) -> None:
    for document in batch:
        row = db.execute("SELECT state FROM documents WHERE doc_id = ?", (document.doc_id,)).fetchone()
        if row is None or row[0] != "PENDING":
            continue  # deleted meanwhile, or indexed by another process
        reason, status, chunks = document.reason, document.status, 0
        if document.extracted is not None:
            db.execute("SAVEPOINT document")
            try:
                chunks = index.index_document(
                    db,
                    doc_id=document.doc_id,
                    extracted=document.extracted,
                    display_name=document.display_name,
                    metadata=document.metadata,
                )
            except Exception as error:
                # A full-text table reports much of what is wrong with the file as an error of the statement.
                if is_fatal(error) or isinstance(error, sqlite3.OperationalError):
                    raise
                _log.exception("indexing %s failed", document.name)
                reason, status = f"indexing it failed: {error!r}", "INTERNAL"
                db.execute("ROLLBACK TO document")
            db.execute("RELEASE document")
        if reason:
            operations.fail(db, document.name, status, reason)
        else:
            operations.succeed(db, document.name)
        db.execute(
            "UPDATE documents SET state = ?, chunks = ?, update_time = ?, searchable_at = ?, claim = NULL,"
            " claim_until = NULL WHERE doc_id = ?",
            ("FAILED" if reason else "ACTIVE", chunks, now, searchable_at, document.doc_id),
        )


def _deleted_store(db: sqlite3.Connection) -> int | None:
    row = db.execute("SELECT store_id FROM stores WHERE deleted LIMIT 1").fetchone()
    return None if row is None else int(row[0])


def purge(db: sqlite3.Connection) -> None:
    """Remove some documents of a deleted store; the store itself with the last of them."""
    store_id = _deleted_store(db)
    if store_id is None:
        return
    rows = db.execute(
        "SELECT doc_id FROM documents WHERE store_id = ? LIMIT ?", (store_id, PURGE_BATCH)
    ).fetchall()
    for (doc_id,) in rows:
        documents.remove(db, doc_id)
    if len(rows) < PURGE_BATCH:
        upload_sessions.delete_of_store(db, store_id)
        db.execute("DELETE FROM operations WHERE store_id = ?", (store_id,))
        db.execute("DELETE FROM stores WHERE store_id = ?", (store_id,))


def _sweep(db: sqlite3.Connection, now: float) -> None:
    """Delete expired files, sessions and operations, and the vectors of another model."""
    index.adopt_model(db)
    files.expire(db, now)
    upload_sessions.expire(db, now)
    db.execute(
        "DELETE FROM operations WHERE done AND create_time < ?"
        " AND NOT EXISTS (SELECT 1 FROM documents WHERE name = operations.document)",
        (now - OPERATION_LIFETIME,),
    )
