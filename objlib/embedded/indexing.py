"""The transactions that make documents searchable: passages into the index, a state for the document."""

import logging
import sqlite3
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from objlib.embedded import index
from objlib.embedded.extraction.frames import DEFAULT_CHUNKING, Chunking, ExtractedPassage, Outline
from objlib.embedded.resources import operations
from objlib.sqlite.errors import is_fatal

_log = logging.getLogger(__name__)

STREAM_LEASE_SECONDS: Final = 120.0
"""Seconds for which each part of a document that is indexed in parts renews its lease."""
_HIDDEN: Final = 1e18
"""The ``searchable_at`` of a document that is indexed in parts, until the last of them."""


class PendingDocument(NamedTuple):
    """A document that waits to be read; ``metadata`` is a JSON object as text."""

    doc_id: int
    name: str
    display_name: str
    mime_type: str
    metadata: str
    blob_id: int
    size: int
    chunking: Chunking = DEFAULT_CHUNKING


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """A document with its passages, or with the status and the reason of a failure."""

    doc_id: int
    name: str
    display_name: str
    metadata: dict[str, Any]
    outline: Outline | None = None
    passages: list[ExtractedPassage] = field(default_factory=list)
    reason: str = ""
    status: str = "INVALID_ARGUMENT"


def is_pending(db: sqlite3.Connection, doc_id: int) -> bool:
    """Whether the document is still to be indexed: it may be deleted, or indexed by another process."""
    row = db.execute("SELECT state FROM documents WHERE doc_id = ?", (doc_id,)).fetchone()
    return row is not None and row[0] == "PENDING"


def index_whole(
    db: sqlite3.Connection, batch: list[ReadDocument], *, now: float, searchable_at: float
) -> None:
    """Index documents that are read, each as a whole or not at all."""
    for document in batch:
        if not is_pending(db, document.doc_id):
            continue
        reason, status, count = document.reason, document.status, 0
        if document.outline is not None:
            db.execute("SAVEPOINT document")
            try:
                text = index.begin_document(
                    db,
                    doc_id=document.doc_id,
                    outline=document.outline,
                    display_name=document.display_name,
                    metadata=document.metadata,
                )
                count = index.add_passages(db, text, 0, document.passages)
            except Exception as error:
                # A full-text table reports much of what is wrong with the file as an error of the statement.
                if is_fatal(error) or isinstance(error, sqlite3.OperationalError):
                    raise
                _log.exception("indexing %s failed", document.name)
                reason, status, count = f"indexing it failed: {error!r}", "INTERNAL", 0
                db.execute("ROLLBACK TO document")
            db.execute("RELEASE document")
        finish(
            db,
            document.doc_id,
            document.name,
            Outcome(count, reason, status),
            now=now,
            searchable_at=searchable_at,
        )


class Outcome(NamedTuple):
    """How the indexing of a document ended: its passages, or the reason and status of a failure."""

    passages: int
    reason: str = ""
    status: str = "INVALID_ARGUMENT"


def finish(
    db: sqlite3.Connection, doc_id: int, name: str, outcome: Outcome, *, now: float, searchable_at: float
) -> None:
    """Make a document ACTIVE, or FAILED with its reason in the operation."""
    if outcome.reason:
        operations.fail(db, name, outcome.status, outcome.reason)
    else:
        operations.succeed(db, name)
    db.execute(
        "UPDATE documents SET state = ?, chunks = ?, update_time = ?, searchable_at = ?, claim = NULL,"
        " claim_until = NULL WHERE doc_id = ?",
        ("FAILED" if outcome.reason else "ACTIVE", outcome.passages, now, searchable_at, doc_id),
    )


class PartialIndex:
    """A large document on its way into the index, some passages in each transaction, hidden until the last.

    A crash on the way leaves a PENDING document with some passages; its next indexing drops them first.
    """

    def __init__(self, document: ReadDocument, claim: str) -> None:
        self._document = document
        self._claim = claim
        self._text: index.IndexedText | None = None
        self._count = 0

    def add(self, db: sqlite3.Connection, passages: list[ExtractedPassage], *, now: float) -> bool:
        """Index the next passages; False, and nothing happens, if the document is no longer ours to index."""
        if not self._renew(db, now):
            return False
        document = self._document
        if self._text is None:
            assert document.outline is not None
            self._text = index.begin_document(
                db,
                doc_id=document.doc_id,
                outline=document.outline,
                display_name=document.display_name,
                metadata=document.metadata,
            )
        self._count = index.add_passages(db, self._text, self._count, passages)
        return True

    def end(self, db: sqlite3.Connection, *, reason: str, status: str, now: float, at: float) -> None:
        """End with a state: ACTIVE and searchable from ``at`` on, or FAILED with a reason and without passages."""
        if not self._renew(db, now):
            return
        document = self._document
        if reason:
            index.drop_document(db, document.doc_id)
            self._count = 0
        outcome = Outcome(self._count, reason, status)
        finish(db, document.doc_id, document.name, outcome, now=now, searchable_at=at)

    def _renew(self, db: sqlite3.Connection, now: float) -> bool:
        """Renew the lease, without which another process may index the document at the same time."""
        cursor = db.execute(
            "UPDATE documents SET claim_until = ?, searchable_at = ?"
            " WHERE doc_id = ? AND state = 'PENDING' AND claim = ?",
            (now + STREAM_LEASE_SECONDS, _HIDDEN, self._document.doc_id, self._claim),
        )
        return cursor.rowcount == 1
