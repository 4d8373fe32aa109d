"""Index a document, and drop it again. The caller holds the transaction."""

import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from objlib.core.library.decode import without_surrogates
from objlib.embedded.extraction.frames import (
    DEFAULT_CHUNKING,
    Chunking,
    ExtractedPassage,
    Outline,
    passages_of,
)
from objlib.embedded.index.lexical import indexed_form
from objlib.embedded.index.schema import POSITION_BITS, POSITION_MASK
from objlib.embedded.index.vectors import drop_vectors, head
from objlib.embedded.text.extracted import Extracted

FUNCTIONS: Mapping[str, Callable[..., str]] = {"indexed_form": indexed_form, "passage_head": head}
"""Functions that the migrations of the word index call."""
_SEPARATOR = re.compile(r"[\W_]+")
_MEANINGFUL = re.compile(r"[^\W\d]+|[12]\d{3}")
"""Meaningful words of a file name: letters, or a year; not serial numbers or the names of a camera."""


def index_document(
    db: sqlite3.Connection,
    *,
    doc_id: int,
    extracted: Extracted,
    display_name: str,
    metadata: Mapping[str, Any],
    chunking: Chunking = DEFAULT_CHUNKING,
) -> int:
    """Put a document's passages into the word index and queue them for vectors; older ones are replaced.

    Returns:
        The number of passages.
    """
    outline, passages = passages_of(extracted, chunking)
    text = begin_document(db, doc_id=doc_id, outline=outline, display_name=display_name, metadata=metadata)
    add_passages(db, text, 0, passages)
    return outline.passages


class IndexedText(NamedTuple):
    """A document in the index: its number there, and what stands over each of its passages."""

    text_id: int
    title: str
    author: str


def begin_document(
    db: sqlite3.Connection, *, doc_id: int, outline: Outline, display_name: str, metadata: Mapping[str, Any]
) -> IndexedText:
    """Put a document without its passages into the index; an older one of the same document is dropped.

    Title and author are those of the text, else of the metadata; the last resort for a title is the name.
    """
    drop_document(db, doc_id)
    title = without_surrogates(outline.title or _text(metadata.get("title")) or _name_as_title(display_name))
    author = without_surrogates(outline.author or _text(metadata.get("author")))
    row = db.execute(
        "INSERT INTO texts(doc_id, store_id, title, author, chunks)"
        " SELECT doc_id, store_id, ?, ?, ? FROM documents WHERE doc_id = ? RETURNING text_id",
        (title, author, outline.passages, doc_id),
    ).fetchone()
    if row is None:
        raise LookupError(f"no document {doc_id} to index")
    return IndexedText(row[0], title, author)


def add_passages(
    db: sqlite3.Connection, text: IndexedText, start: int, passages: Iterable[ExtractedPassage]
) -> int:
    """Put passages into the word index and queue them for vectors, the first as number ``start``.

    Returns:
        The number of the passage that follows.
    """
    number = start
    for passage in passages:
        chunk_id = text.text_id << POSITION_BITS | number
        db.execute(
            "INSERT INTO chunks VALUES(?, ?, ?, ?, ?, ?)",
            (chunk_id, passage.start, passage.stop, passage.page, passage.heading, passage.body),
        )
        above = indexed_form(head(text.title, text.author, passage.heading))
        db.execute(
            "INSERT INTO fts(rowid, head, body) VALUES(?, ?, ?)",
            (chunk_id, above, indexed_form(passage.body)),
        )
        db.execute("INSERT INTO pending VALUES(?, ?)", (number, chunk_id))
        number += 1
    return number


def drop_document(db: sqlite3.Connection, doc_id: int) -> None:
    """Remove everything that the index holds for a document, if anything.

    To be called before the row of ``documents`` is deleted: the foreign key refuses the other order.
    """
    row = db.execute(
        "SELECT text_id, title, author, chunks FROM texts WHERE doc_id = ?", (doc_id,)
    ).fetchone()
    if row is None:
        return
    text_id, title, author, count = row
    span = (text_id << POSITION_BITS, text_id << POSITION_BITS | POSITION_MASK)
    # A contentless FTS5 table deletes by the very text that was inserted.
    db.executemany(
        "INSERT INTO fts(fts, rowid, head, body) VALUES('delete', ?, ?, ?)",
        (
            (chunk_id, indexed_form(head(title, author, heading)), indexed_form(body))
            for chunk_id, heading, body in db.execute(
                "SELECT chunk_id, heading, body FROM chunks WHERE chunk_id BETWEEN ? AND ?", span
            ).fetchall()
        ),
    )
    db.executemany(
        "DELETE FROM pending WHERE position = ? AND chunk_id = ?",
        ((n, text_id << POSITION_BITS | n) for n in range(count)),
    )
    drop_vectors(db, span)
    db.execute("DELETE FROM chunks WHERE chunk_id BETWEEN ? AND ?", span)
    db.execute("DELETE FROM texts WHERE text_id = ?", (text_id,))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _name_as_title(name: str) -> str:
    """``a/01-the-village-1854.md`` becomes ``the village 1854``; ``IMG00123.txt`` becomes empty."""
    return " ".join(
        word for word in _SEPARATOR.split(PurePosixPath(name).stem) if _MEANINGFUL.fullmatch(word)
    )
