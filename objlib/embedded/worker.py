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
from typing import Final

import trio

from objlib.core.library.decode import UnreadableError
from objlib.embedded import index
from objlib.embedded.context import Context
from objlib.embedded.extraction.frames import Chunking, passages_of
from objlib.embedded.extraction.process import KILL_SECONDS, needs_reader
from objlib.embedded.indexing import PendingDocument, ReadDocument, index_whole
from objlib.embedded.reading import RETRY_SECONDS, Readers
from objlib.embedded.resources import blobs, documents, files, leases, upload_sessions
from objlib.embedded.text.extract import UnindexableError, extract
from objlib.sqlite.errors import disk_is_full

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
LOOK_AHEAD: Final = 2000
"""PENDING documents that are looked through for short texts, while others wait for a reader."""
TIDY_SECONDS: Final = 1.0
"""Seconds without work after which the index is tidied: a command that only searches is over by then."""
OPERATION_LIFETIME: Final = 7 * 24 * 3600.0
"""Seconds for which an operation outlives its document."""


@dataclass(frozen=True, slots=True)
class _Work:
    """The work of one round: leases to take over, a deleted store to empty, documents to index.

    After ``delay`` seconds the next document is due; infinite without one. ``for_readers`` are to be read in
    processes of their own.
    """

    abandoned: bool
    deleted: bool
    batch: list[ReadDocument]
    for_readers: list[PendingDocument]
    delay: float


class Worker:
    """The one task of an open service that changes documents after their upload."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._last_sweep = -inf
        self._readers = Readers(context)
        self._untidy = True
        self._tidy_at = inf

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with trio.open_nursery() as nursery:
                await self._work(nursery)
        finally:
            with trio.move_on_after(2 * KILL_SECONDS, shield=True):
                await self._readers.close()

    async def _work(self, nursery: trio.Nursery) -> None:
        """Work round by round; documents that need a reader are indexed in tasks of ``nursery``, beside the rest."""
        self._tidy_at = trio.current_time() + TIDY_SECONDS
        while True:
            self._context.work.clear()
            try:
                delay = await self._round(nursery)
                self._context.disk_full = self._readers.disk_full
            except sqlite3.Error as error:
                self._context.disk_full = disk_is_full(error)
                _log.warning("the store file cannot be used just now: %s", error)
                delay = RETRY_SECONDS
            if delay > 0:
                with trio.move_on_after(delay):
                    await self._context.work.wait()

    async def _round(self, nursery: trio.Nursery) -> float:
        """Do a part of each kind of work.

        Returns:
            Seconds until there is more to do; infinite if only a wake-up can bring it.
        """
        database, claim, now = self._context.database, self._context.claim, self._context.now()
        if now - self._last_sweep >= SWEEP_SECONDS:
            await database.write(partial(_sweep, now=now))
            self._last_sweep = now
        # Few crossings into threads, each with much to do: a crossing is slow while other threads compute.
        busy = frozenset(self._readers.under_way)
        rooms = self._readers.free if self._context.isolated else None
        work = await database.bulk.run(partial(_gather, claim=claim, now=now, busy=busy, rooms=rooms))
        for document in work.for_readers:
            self._readers.under_way.add(document.doc_id)
            nursery.start_soon(self._readers.index, document)
        if work.abandoned:
            await database.write(partial(leases.take_over, claim=claim, now=now))
        if work.batch:
            now = self._context.now()
            searchable_at = now + self._context.options.searchable_seconds
            await database.write(partial(index_whole, batch=work.batch, now=now, searchable_at=searchable_at))
            self._context.note_indexed()
            self._untidy = True
        if work.deleted:
            await database.write(purge)
        if work.abandoned or work.batch or work.deleted:
            self._tidy_at = trio.current_time() + TIDY_SECONDS
            return 0.0
        if not self._untidy:
            return work.delay
        wait = self._tidy_at - trio.current_time()
        if wait > 0:
            return min(wait, work.delay)
        return 0.0 if await self._tidy() else work.delay

    async def _tidy(self) -> bool:
        """Do a step of what an index needs after bulk work, or after an older objlib, while there is nothing else."""
        write = self._context.database.write
        self._untidy = await write(index.move_older) or await write(index.merge_next)
        return self._untidy


def _gather(db: sqlite3.Connection, claim: str, now: float, busy: frozenset[int], rooms: int | None) -> _Work:
    """Look for work, and read short texts; ``rooms`` readers are free, or None if there are no readers."""
    abandoned = bool(leases.abandoned_owners(db, claim, now))
    deleted = _deleted_store(db) is not None
    rows = db.execute(
        "SELECT doc_id, name, display_name, mime_type, metadata, blob_id, size,"
        " chunk_words, chunk_overlap FROM documents"
        " WHERE state = 'PENDING' AND claim = ? AND ready_at <= ? ORDER BY doc_id LIMIT ?",
        (claim, now, LOOK_AHEAD),
    )
    batch: list[ReadDocument] = []
    for_readers: list[PendingDocument] = []
    size, stop = 0, time.monotonic() + INDEX_BATCH_SECONDS
    for *row, words, overlap in rows:
        document = PendingDocument._make((*row, Chunking(words, overlap)))
        if document.doc_id in busy:
            continue
        if rooms is not None and _reader_for(document):
            if len(for_readers) < rooms:
                for_readers.append(document)
        elif size < INDEX_BATCH_BYTES and len(batch) < INDEX_BATCH and time.monotonic() < stop:
            batch.append(_read(db, document))
            size += document.size
    query = "SELECT ready_at, doc_id FROM documents WHERE state = 'PENDING' AND claim = ? AND ready_at > ?"
    due = db.execute(f"SELECT min(ready_at) FROM ({query})", (claim, now)).fetchone()[0]
    return _Work(abandoned, deleted, batch, for_readers, inf if due is None else max(0.0, due - now))


def _reader_for(document: PendingDocument) -> bool:
    return needs_reader(document.mime_type, document.display_name, document.size, document.chunking)


def _read(db: sqlite3.Connection, document: PendingDocument) -> ReadDocument:
    read = partial(
        ReadDocument, document.doc_id, document.name, document.display_name, json.loads(document.metadata)
    )
    try:
        data = blobs.read(db, document.blob_id)
        extracted = extract(data, mime_type=document.mime_type, name=document.display_name)
        outline, passages = passages_of(extracted, document.chunking)
        return read(outline=outline, passages=list(passages))
    except UnindexableError as error:
        return read(reason=str(error), status="UNIMPLEMENTED")
    except UnreadableError as error:
        return read(reason=str(error))
    except sqlite3.Error:
        raise
    except Exception as error:  # one document's bytes must not stop all the others
        _log.exception("reading %s failed", document.name)
        return read(reason=f"reading it failed: {error!r}", status="INTERNAL")


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
    index.drop_outdated(db)
    files.expire(db, now)
    upload_sessions.expire(db, now)
    db.execute(
        "DELETE FROM operations WHERE done AND create_time < ?"
        " AND NOT EXISTS (SELECT 1 FROM documents WHERE name = operations.document)",
        (now - OPERATION_LIFETIME,),
    )
