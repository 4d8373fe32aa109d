"""Index a document, and drop it again. The caller holds the transaction."""

import re
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

from objlib.core.library.decode import without_surrogates
from objlib.embedded.index.lexical import indexed_form
from objlib.embedded.index.schema import POSITION_BITS, POSITION_MASK
from objlib.embedded.index.vectors import drop_vectors, head
from objlib.embedded.text.chunk import chunks
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
) -> int:
    """Put a document's passages into the word index and queue them for vectors; older ones are replaced.

    Title and author are those of the text, else of the metadata; the last resort for a title is the name.

    Returns:
        The number of passages.
    """
    drop_document(db, doc_id)
    title = without_surrogates(
        extracted.title or _text(metadata.get("title")) or _name_as_title(display_name)
    )
    author = without_surrogates(extracted.author or _text(metadata.get("author")))
    passages = chunks(extracted)
    row = db.execute(
        "INSERT INTO texts(doc_id, store_id, title, author, chunks)"
        " SELECT doc_id, store_id, ?, ?, ? FROM documents WHERE doc_id = ? RETURNING text_id",
        (title, author, len(passages), doc_id),
    ).fetchone()
    if row is None:
        raise LookupError(f"no document {doc_id} to index")
    first = row[0] << POSITION_BITS
    text = extracted.text
    db.executemany(
        "INSERT INTO chunks VALUES(?, ?, ?, ?, ?, ?)",
        (
            (first + n, c.start, c.stop, c.page, c.heading, text[c.start : c.stop])
            for n, c in enumerate(passages)
        ),
    )
    db.executemany(
        "INSERT INTO fts(rowid, head, body) VALUES(?, ?, ?)",
        (
            (first + n, indexed_form(head(title, author, c.heading)), indexed_form(text[c.start : c.stop]))
            for n, c in enumerate(passages)
        ),
    )
    db.executemany("INSERT INTO pending VALUES(?, ?)", ((n, first + n) for n in range(len(passages))))
    return len(passages)


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
