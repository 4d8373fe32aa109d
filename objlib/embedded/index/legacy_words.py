"""The word index of documents that an older objlib indexed: FTS5, until they are indexed again.

``fts`` is contentless: a delete needs exactly the text that was inserted, so :func:`indexed_form` never changes.
"""

import sqlite3
from collections.abc import Iterable, Sequence

from objlib.embedded.index.folding import pattern
from objlib.embedded.index.older_terms import UNSPACED_1, fold_1
from objlib.embedded.index.schema import POSITION_BITS


def indexed_form(text: str) -> str:
    """The text as FTS5 has it: each Chinese or Japanese character is a word."""
    if text.isascii():
        return text
    text = fold_1(text)
    return pattern(UNSPACED_1).sub(r" \g<0> ", text)


def holds_documents(db: sqlite3.Connection) -> bool:
    """Whether any document is still indexed here."""
    return db.execute("SELECT 1 FROM texts WHERE form < 1 LIMIT 1").fetchone() is not None


def match(
    db: sqlite3.Connection, expression: str, allowed: Sequence[int] | None, depth: int
) -> dict[int, float]:
    """BM25 by chunk id, best first."""
    # The unary plus keeps SQLite from probing FTS5 once per allowed row (10 s and not 0.1 s at 100,000 passages).
    restrict = (
        "" if allowed is None else f"AND (+rowid >> {POSITION_BITS}) IN (SELECT value FROM json_each(?))"
    )
    values = [expression] if allowed is None else [expression, str(list(allowed))]
    rows = db.execute(
        f"SELECT rowid, rank FROM fts WHERE fts MATCH ? {restrict} ORDER BY rank LIMIT ?", [*values, depth]
    )
    return {chunk_id: -rank for chunk_id, rank in rows}


def remove(db: sqlite3.Connection, passages: Iterable[tuple[int, str, str]]) -> None:
    """Remove passages, as (chunk id, head, body)."""
    db.executemany(
        "INSERT INTO fts(fts, rowid, head, body) VALUES('delete', ?, ?, ?)",
        ((chunk_id, indexed_form(above), indexed_form(body)) for chunk_id, above, body in passages),
    )
