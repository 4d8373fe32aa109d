"""The work behind the answers: index what was uploaded, and empty stores that were deleted.

PENDING documents are read and split outside any transaction, several are then indexed in one, and with the
passages comes ACTIVE (or FAILED, with the reason in the operation). Killed at any instant, the worker leaves
documents that are PENDING with no passage, or ACTIVE with all of them; the next open goes on.
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

from objlib.embedded import index
from objlib.embedded.context import Context
from objlib.embedded.resources import documents, files, leases, operations, upload_sessions
from objlib.embedded.resources.blobs import read
from objlib.embedded.text.extract import extract
from objlib.embedded.text.extracted import Extracted, UnreadableError
from objlib.sqlite.errors import disk_is_full, is_fatal

_log = logging.getLogger(__name__)

BATCH: Final = 16
"""Most documents of one indexing transaction: requests that write wait for it."""

BATCH_BYTES: Final = 1024 * 1024
"""A batch ends with the document that takes it past so many bytes."""

BATCH_SECONDS: Final = 0.25
"""A batch ends with the document whose reading takes it past so many seconds."""

PURGE_BATCH: Final = 10
"""Documents of a deleted store that one transaction removes."""

SWEEP_SECONDS: Final = 3600.0
"""How often what has expired is deleted, beginning with the open; expired things are never shown anyway."""

RETRY_SECONDS: Final = 5.0
"""How long the worker waits after the file could not be written (a full disk, say)."""

OPERATION_LIFETIME: Final = 7 * 24 * 3600.0
"""Seconds that an operation is remembered once its document is gone."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A document's text, or the reason why there is none."""

    doc_id: int
    name: str
    display_name: str
    metadata: dict[str, Any]
    extracted: Extracted | None
    reason: str
    status: str = "INVALID_ARGUMENT"


class Worker:
    """One task per open service."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._swept = -inf

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self._context.work.clear()
            try:
                delay = await self._round()
                self._context.disk.full = False
            except sqlite3.Error as error:
                self._context.disk.full = disk_is_full(error)
                _log.warning("the store file cannot be used just now: %s", error)
                delay = RETRY_SECONDS
            if delay > 0:
                with trio.move_on_after(delay):
                    await self._context.work.wait()

    async def _round(self) -> float:
        """Do some of everything.

        Returns:
            Seconds until there is more to do; infinite if only a wake-up can bring it.
        """
        database, claim, now = self._context.database, self._context.claim, self._context.now()
        if now - self._swept >= SWEEP_SECONDS:
            await database.write(partial(_prepare, now=now))
            self._swept = now
        # Few crossings into threads, each with much to do: they are dear while other threads compute.
        found = await database.bulk.run(partial(_gather, claim=claim, now=now))
        if found.abandoned:
            await database.write(partial(leases.take_over, claim=claim, now=now))
        if found.batch:
            now = self._context.now()
            later = now + self._context.options.searchable_seconds
            await database.write(partial(_index, batch=found.batch, now=now, searchable_at=later))
            self._context.passages.ring()
        if found.deleted:
            await database.write(purge)
        return 0.0 if found.abandoned or found.batch or found.deleted else found.delay


@dataclass(frozen=True, slots=True)
class _Found:
    """What there is to do.

    Attributes:
        abandoned: documents are claimed by someone who is dead or late.
        deleted: a store waits to be emptied.
        batch: documents that have been read and are to be indexed.
        delay: seconds until the next document is due.
    """

    abandoned: bool
    deleted: bool
    batch: list[_Read]
    delay: float


def _gather(db: sqlite3.Connection, claim: str, now: float) -> _Found:
    abandoned, deleted = bool(leases.free(db, claim, now)), _deleted_store(db) is not None
    rows = db.execute(
        "SELECT doc_id, name, display_name, mime_type, metadata, blob_id, size FROM documents"
        " WHERE state = 'PENDING' AND claim = ? AND ready_at <= ? ORDER BY doc_id LIMIT ?",
        (claim, now, BATCH),
    ).fetchall()
    batch: list[_Read] = []
    size, stop = 0, time.monotonic() + BATCH_SECONDS
    for row in rows:
        batch.append(_extract(db, row))
        size += row[6]
        if size >= BATCH_BYTES or time.monotonic() >= stop:
            break
    query = "SELECT min(ready_at) FROM documents WHERE state = 'PENDING' AND claim = ?"
    first = db.execute(query, (claim,)).fetchone()[0]
    return _Found(abandoned, deleted, batch, inf if first is None else max(0.0, first - now))


def _extract(db: sqlite3.Connection, row: tuple[Any, ...]) -> _Read:
    doc_id, name, display_name, mime_type, metadata, blob_id, _ = row
    values = json.loads(metadata)
    try:
        extracted = extract(read(db, blob_id), mime_type=mime_type, name=display_name)
    except UnreadableError as error:
        return _Read(doc_id, name, display_name, values, None, str(error))
    except sqlite3.Error:
        raise
    except Exception as error:  # one document's bytes must not stop all the others
        _log.exception("reading %s failed", name)
        return _Read(doc_id, name, display_name, values, None, f"reading it failed: {error!r}", "INTERNAL")
    return _Read(doc_id, name, display_name, values, extracted, "")


def _index(db: sqlite3.Connection, batch: list[_Read], now: float, searchable_at: float) -> None:
    for item in batch:
        row = db.execute("SELECT state FROM documents WHERE doc_id = ?", (item.doc_id,)).fetchone()
        if row is None or row[0] != "PENDING":
            continue  # deleted meanwhile, or another process was quicker
        reason, status, chunks = item.reason, item.status, 0
        if item.extracted is not None:
            db.execute("SAVEPOINT document")
            try:
                chunks = index.index_document(
                    db,
                    doc_id=item.doc_id,
                    extracted=item.extracted,
                    display_name=item.display_name,
                    metadata=item.metadata,
                )
            except Exception as error:
                # A full-text table reports much of what is wrong with the file as an error of the statement.
                if is_fatal(error) or isinstance(error, sqlite3.OperationalError):
                    raise
                _log.exception("indexing %s failed", item.name)
                reason, status = f"indexing it failed: {error!r}", "INTERNAL"
                db.execute("ROLLBACK TO document")
            db.execute("RELEASE document")
        if reason:
            operations.fail(db, item.name, status, reason)
        else:
            operations.succeed(db, item.name)
        db.execute(
            "UPDATE documents SET state = ?, chunks = ?, update_time = ?, searchable_at = ?, claim = NULL,"
            " claim_until = NULL WHERE doc_id = ?",
            ("FAILED" if reason else "ACTIVE", chunks, now, searchable_at, item.doc_id),
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
        upload_sessions.forget_store(db, store_id)
        db.execute("DELETE FROM operations WHERE store_id = ?", (store_id,))
        db.execute("DELETE FROM stores WHERE store_id = ?", (store_id,))


def _prepare(db: sqlite3.Connection, now: float) -> None:
    """Delete what has expired (files, sessions, operations whose document is long gone), and foreign vectors."""
    index.adopt_model(db)
    files.expire(db, now)
    upload_sessions.expire(db, now)
    db.execute(
        "DELETE FROM operations WHERE done AND create_time < ?"
        " AND NOT EXISTS (SELECT 1 FROM documents WHERE name = operations.document)",
        (now - OPERATION_LIFETIME,),
    )
