"""Documents that are read in processes of their own, some at once, beside the short texts of the worker."""

import json
import logging
import sqlite3
from functools import partial
from typing import Any, Final

import trio

from objlib.embedded.context import Context
from objlib.embedded.extraction.frames import BATCH
from objlib.embedded.extraction.process import KILL_SECONDS, ReaderProcess, ReadError
from objlib.embedded.indexing import PartialIndex, PendingDocument, ReadDocument, index_whole
from objlib.embedded.resources import blobs
from objlib.sqlite.errors import disk_is_full, is_fatal

_log = logging.getLogger(__name__)

READERS: Final = 2
"""Documents that are read at once; one that takes its whole time leaves the other reader to the rest."""
RETRY_SECONDS: Final = 5.0
"""Seconds until a document is tried again whose passages could not be written, as on a full disk."""


class Readers:
    """The reader processes of an open service.

    Attributes:
        under_way: the documents that are being read, by row.
        disk_full: whether the last document found no room.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._idle: list[ReaderProcess] = []
        self.under_way: set[int] = set()
        self.disk_full = False

    @property
    def free(self) -> int:
        """The number of documents that may be begun now."""
        return READERS - len(self.under_way)

    async def index(self, document: PendingDocument) -> None:
        """Read a document and index it; its failure is recorded, and one of the file leaves it PENDING.

        The caller has put it into ``under_way``.
        """
        reader = self._idle.pop() if self._idle else ReaderProcess()
        try:
            parts = await self._context.database.bulk.run(partial(blobs.parts, blob_id=document.blob_id))
            await self._index(reader, document, parts)
            self.disk_full = False
        except sqlite3.Error as error:
            self.disk_full = self._context.disk_full = disk_is_full(error)
            _log.warning("the store file cannot be used just now: %s", error)
            await reader.close()
            await trio.sleep(RETRY_SECONDS)
        except OSError as error:
            _log.warning("no reader can be started just now: %s", error)
            await trio.sleep(RETRY_SECONDS)
        except Exception as error:  # one document must not stop all the others
            _log.exception("reading %s failed", document.name)
            await reader.close()
            await self._whole(_failed(document, ReadError("INTERNAL", f"reading it failed: {error!r}")))
        finally:
            self._idle.append(reader)
            self.under_way.discard(document.doc_id)
            self._context.work.set()

    async def close(self) -> None:
        """End all readers."""
        while self._idle:
            await self._idle.pop().close()

    async def _index(self, reader: ReaderProcess, document: PendingDocument, parts: list[bytes]) -> None:
        context = self._context
        try:
            outline = await reader.begin(parts, document.mime_type, document.display_name, document.chunking)
            passages = await reader.batch()
            whole = len(passages) < BATCH and not (passages and await reader.batch())
        except ReadError as error:
            await self._whole(_failed(document, error))
            return
        read = ReadDocument(*_identity(document), outline=outline, passages=passages)
        if whole:
            await self._whole(read)
            return
        part = PartialIndex(read, context.claim)
        reason, status = "", "INVALID_ARGUMENT"
        try:
            while passages:
                added = await context.database.write(partial(part.add, passages=passages, now=context.now()))
                if not added:
                    await reader.close()  # the rest is of no use
                    return
                passages = await reader.batch()
        except ReadError as error:
            reason, status = str(error), error.status
        except Exception as error:
            with trio.move_on_after(KILL_SECONDS, shield=True):
                await reader.close()
            if is_fatal(error) or isinstance(error, sqlite3.OperationalError):
                raise
            _log.exception("indexing %s failed", document.name)
            reason, status = f"indexing it failed: {error!r}", "INTERNAL"
        now = context.now()
        at = now + context.options.searchable_seconds
        await context.database.write(partial(part.end, reason=reason, status=status, now=now, at=at))
        context.note_indexed()

    async def _whole(self, document: ReadDocument) -> None:
        now = self._context.now()
        at = now + self._context.options.searchable_seconds
        await self._context.database.write(partial(index_whole, batch=[document], now=now, searchable_at=at))
        self._context.note_indexed()


def _identity(document: PendingDocument) -> tuple[int, str, str, dict[str, Any]]:
    return document.doc_id, document.name, document.display_name, json.loads(document.metadata)


def _failed(document: PendingDocument, error: ReadError) -> ReadDocument:
    return ReadDocument(*_identity(document), reason=str(error), status=error.status)
