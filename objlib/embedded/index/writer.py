"""Index a document, and drop it again. The caller holds the transaction."""

import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
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
from objlib.embedded.index import legacy_words, postings
from objlib.embedded.index.legacy_words import indexed_form
from objlib.embedded.index.meta import meta_number, set_meta
from objlib.embedded.index.older_terms import term_counts_1
from objlib.embedded.index.schema import POSITION_BITS, POSITION_MASK
from objlib.embedded.index.sign_rows import write_sign_bits
from objlib.embedded.index.terms import term_counts
from objlib.embedded.index.vectors import HEADED_PASSAGES, drop_vectors, head, queue
from objlib.embedded.text.extracted import Extracted

FUNCTIONS: Mapping[str, Callable[..., str]] = {"indexed_form": indexed_form, "passage_head": head}
"""Functions that the migrations of the word index call."""
FORM = 2
"""The way in which documents are indexed now; one of a lower form is indexed again in the background.

Form 0 is in FTS5, and form 1 has terms of fewer scripts.
"""
_INDEXED_AT_ONCE = 200
"""Passages of one call of the word index, which keeps their postings in memory."""
_FOLDED = "folded"
"""The key of the last passage of form 1 that has the terms of now; documents are taken in the order of their ids."""
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
        "INSERT INTO texts(doc_id, store_id, title, author, chunks, form)"
        " SELECT doc_id, store_id, ?, ?, ?, ? FROM documents WHERE doc_id = ? RETURNING text_id",
        (title, author, outline.passages, FORM, doc_id),
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
    remaining = iter(passages)
    while group := list(islice(remaining, _INDEXED_AT_ONCE)):
        ids = [text.text_id << POSITION_BITS | n for n in range(number, number + len(group))]
        slots = postings.add(
            db,
            [
                postings.IndexedPassage(n, _searched(text.title, text.author, passage.heading, passage.body))
                for n, passage in zip(ids, group, strict=True)
            ],
        )
        db.executemany(
            "INSERT INTO chunks(chunk_id, start, stop, page, heading, body, slot) VALUES(?, ?, ?, ?, ?, ?, ?)",
            (
                (n, passage.start, passage.stop, passage.page, passage.heading, passage.body, slot)
                for n, slot, passage in zip(ids, slots, group, strict=True)
            ),
        )
        queue(db, ids)
        number += len(group)
    return number


def drop_document(db: sqlite3.Connection, doc_id: int) -> None:
    """Remove everything that the index holds for a document, if anything.

    To be called before the row of ``documents`` is deleted: the foreign key refuses the other order.
    """
    row = db.execute(
        "SELECT text_id, title, author, chunks, form FROM texts WHERE doc_id = ?", (doc_id,)
    ).fetchone()
    if row is None:
        return
    text_id, title, author, count, form = row
    span = (text_id << POSITION_BITS, text_id << POSITION_BITS | POSITION_MASK)
    passages = db.execute(
        "SELECT chunk_id, slot, heading, body FROM chunks WHERE chunk_id BETWEEN ? AND ?", span
    ).fetchall()
    folded = meta_number(db, _FOLDED)
    for terms, is_older in ((term_counts, False), (term_counts_1, True)):
        postings.remove(
            db,
            (
                (slot, _searched(title, author, heading, body))
                for chunk_id, slot, heading, body in passages
                if slot is not None and (form < FORM and chunk_id > folded) is is_older
            ),
            terms=terms,
        )
    legacy_words.remove(
        db,
        (
            (chunk_id, head(title, author, heading), body)
            for chunk_id, slot, heading, body in passages
            if slot is None
        ),
    )
    drop_vectors(db, text_id, count, [slot for _, slot, _, _ in passages if slot is not None])
    db.execute("DELETE FROM chunks WHERE chunk_id BETWEEN ? AND ?", span)
    db.execute("DELETE FROM texts WHERE text_id = ?", (text_id,))


def move_older(db: sqlite3.Connection, limit: int = _INDEXED_AT_ONCE) -> bool:
    """Move some passages from the word index of an older objlib to ours; the caller holds a transaction.

    A search reads both, so it may stop at any time. Of documents whose passages are embedded without their heads by
    now, the vectors are queued again; the old ones are used until then.

    Returns:
        Whether there was anything to move.
    """
    row = db.execute(
        "SELECT text_id, title, author, chunks FROM texts WHERE form < 1 ORDER BY text_id LIMIT 1"
    ).fetchone()
    if row is None:
        return _fold_older(db, limit)
    text_id, title, author, count = row
    passages = db.execute(
        "SELECT c.chunk_id, c.heading, c.body, o.bits FROM chunks c LEFT JOIN codes o ON o.chunk_id = c.chunk_id"
        " WHERE c.chunk_id BETWEEN ? AND ? AND c.slot IS NULL LIMIT ?",
        (text_id << POSITION_BITS, text_id << POSITION_BITS | POSITION_MASK, limit),
    ).fetchall()
    legacy_words.remove(db, ((n, head(title, author, heading), body) for n, heading, body, _ in passages))
    slots = postings.add(
        db,
        [
            postings.IndexedPassage(n, _searched(title, author, heading, body))
            for n, heading, body, _ in passages
        ],
        terms=term_counts_1,  # as an older objlib has moved the passages before
    )
    ids = [row[0] for row in passages]
    db.executemany("UPDATE chunks SET slot = ? WHERE chunk_id = ?", zip(slots, ids, strict=True))
    write_sign_bits(db, ((slot, row[3]) for slot, row in zip(slots, passages, strict=True) if row[3]))
    db.executemany("DELETE FROM codes WHERE chunk_id = ?", ((n,) for n in ids))
    if count > HEADED_PASSAGES:
        db.executemany("INSERT OR IGNORE INTO pending VALUES(?, ?)", ((n & POSITION_MASK, n) for n in ids))
    if len(passages) < limit:
        db.execute("UPDATE texts SET form = 1 WHERE text_id = ?", (text_id,))
    return True


def _fold_older(db: sqlite3.Connection, limit: int) -> bool:
    """Give some passages of form 1 the terms of now, where those are others; False without any of that form."""
    row = db.execute(
        "SELECT text_id, title, author FROM texts WHERE form = 1 ORDER BY text_id LIMIT 1"
    ).fetchone()
    if row is None:
        return False
    text_id, title, author = row
    first = max(text_id << POSITION_BITS, meta_number(db, _FOLDED) + 1)
    passages = db.execute(
        "SELECT chunk_id, slot, heading, body FROM chunks WHERE chunk_id BETWEEN ? AND ? ORDER BY chunk_id LIMIT ?",
        (first, text_id << POSITION_BITS | POSITION_MASK, limit),
    ).fetchall()
    changed = [
        (slot, postings.IndexedPassage(chunk_id, text))
        for chunk_id, slot, heading, body in passages
        if not (text := _searched(title, author, heading, body)).isascii()
        and term_counts(text) != term_counts_1(text)
    ]
    if changed:
        slots, added = zip(*changed, strict=True)
        postings.change_terms(db, slots, added, old=term_counts_1)
    if passages:
        set_meta(db, _FOLDED, str(passages[-1][0]))
    if len(passages) < limit:
        db.execute("UPDATE texts SET form = ? WHERE text_id = ?", (FORM, text_id))
    return True


def _searched(title: str, author: str, heading: str, body: str) -> str:
    """A passage with what stands over it, as the word index has it."""
    return f"{head(title, author, heading)}\n{body}"


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _name_as_title(name: str) -> str:
    """``a/01-the-village-1854.md`` becomes ``the village 1854``; ``IMG00123.txt`` becomes empty."""
    return " ".join(
        word for word in _SEPARATOR.split(PurePosixPath(name).stem) if _MEANINGFUL.fullmatch(word)
    )
