"""Vectors in the store: the passages without one, and storing new ones.

A vector is kept twice: as int8 (384 bytes; loses nothing that can be measured) and as sign bits (48 bytes),
which are compared first. Embedding happens between :func:`pending_chunks` and :func:`store_vectors`, outside
any transaction.
"""

import sqlite3
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from objlib.embedded.index.schema import POSITION_BITS, POSITION_MASK
from objlib.embedded.model import MODEL_ID

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from objlib.embedded.index.embedder import Floats

INT8_SCALE = 127 / 0.25
"""Units of an int8 component for 1.0: of 384 components of a unit vector few exceed 0.25, and those are clipped."""

HEADED_PASSAGES = 8
"""Passages of a document at most that are embedded with author, title and heading over them.

They say what a short text is about. Over each of the many passages of a book they are the same words again, and make
its passages alike.
"""


def head(title: str, author: str, heading: str) -> str:
    """Author, title and heading of a passage, which are searched with its text (see HEADED_PASSAGES)."""
    parts = (author, title, heading if heading != title else "")
    return " ".join(part for part in parts if part)


def products(rows: "NDArray[Any]", vector: "Floats") -> "Floats":
    """Inner product of each row with the vector.

    Not ``rows @ vector``: for that BLAS wakes a thread on each core and waits for all of them, which on a
    busy machine takes 20 ms where this takes 0.2.
    """
    import numpy as np

    return cast("Floats", np.einsum("ij,j->i", rows, vector))


def vector_progress(db: sqlite3.Connection) -> tuple[int, int]:
    """(passages with a vector, all passages)."""
    done, pending = db.execute(
        "SELECT (SELECT count(*) FROM codes), (SELECT count(*) FROM pending)"
    ).fetchone()
    return done, done + pending


def pending_chunks(db: sqlite3.Connection, limit: int) -> list[tuple[int, str]]:
    """Passages without a vector, as (chunk id, text to embed).

    Breadth first: the first passage of every document, then the second of every document, and so on, so that
    a store that is embedded in part covers every document rather than some of them completely.
    """
    return _to_embed(db, "SELECT chunk_id FROM pending ORDER BY position, chunk_id LIMIT ?", limit)


def texts_to_embed(db: sqlite3.Connection, chunk_ids: Iterable[int]) -> list[tuple[int, str]]:
    """(chunk id, text to embed) of these passages, in any order; deleted ones are left out."""
    return _to_embed(db, "SELECT value FROM json_each(?)", str(list(chunk_ids)))


def _to_embed(db: sqlite3.Connection, ids: str, value: int | str) -> list[tuple[int, str]]:
    rows = db.execute(
        "SELECT c.chunk_id, t.chunks, t.title, t.author, c.heading, c.body FROM chunks c"
        f" JOIN texts t ON t.text_id = c.chunk_id >> {POSITION_BITS} WHERE c.chunk_id IN ({ids})",
        (value,),
    )
    return [
        (chunk_id, body if passages > HEADED_PASSAGES else f"{head(title, author, heading)}\n{body}")
        for chunk_id, passages, title, author, heading, body in rows
    ]


def store_vectors(
    db: sqlite3.Connection, rows: Iterable[tuple[int, "Floats"]], *, model_id: str = MODEL_ID
) -> None:
    """Store (chunk id, unit vector) rows of a model; the caller holds a transaction.

    A deleted passage is passed over; one that has a vector gets the new one. Vectors of another model are
    dropped first: vectors of two models cannot be compared.
    """
    import numpy as np  # search by words alone does not need it

    adopt_model(db, model_id)
    pairs = list(rows)
    if not pairs:
        return
    floats = np.asarray([vector for _, vector in pairs], dtype=np.float32)
    small = np.clip(np.rint(floats * INT8_SCALE), -127, 127).astype(np.int8)
    bits = np.packbits(floats > 0, axis=1)
    for (chunk_id, _), i8, code in zip(pairs, small, bits, strict=True):
        if db.execute("SELECT 1 FROM chunks WHERE chunk_id = ?", (chunk_id,)).fetchone() is None:
            continue
        db.execute("INSERT OR REPLACE INTO vectors VALUES(?, ?)", (chunk_id, i8.tobytes()))
        # Not REPLACE: the row would get another number, and a cache would hold the passage twice.
        db.execute(
            "INSERT INTO codes(chunk_id, bits) VALUES(?, ?)"
            " ON CONFLICT(chunk_id) DO UPDATE SET bits = excluded.bits",
            (chunk_id, code.tobytes()),
        )
        db.execute(
            "DELETE FROM pending WHERE position = ? AND chunk_id = ?", (chunk_id & POSITION_MASK, chunk_id)
        )


def adopt_model(db: sqlite3.Connection, model_id: str = MODEL_ID) -> bool:
    """Make this the model of the store's vectors; those of another model are dropped and queued again.

    The caller holds a transaction. Returns whether vectors were dropped.
    """
    current = _meta(db, "model")
    if current == model_id:
        return False
    _set_meta(db, "model", model_id)
    if current is None:
        return False
    db.execute(f"INSERT OR IGNORE INTO pending SELECT chunk_id & {POSITION_MASK}, chunk_id FROM codes")
    db.execute("DELETE FROM codes")
    db.execute("DELETE FROM vectors")
    _bump_epoch(db)
    return True


def drop_vectors(db: sqlite3.Connection, span: tuple[int, int]) -> None:
    """Delete the vectors of the chunk ids from ``span[0]`` to ``span[1]`` inclusive."""
    db.execute("DELETE FROM vectors WHERE chunk_id BETWEEN ? AND ?", span)
    if db.execute("DELETE FROM codes WHERE chunk_id BETWEEN ? AND ?", span).rowcount:
        _bump_epoch(db)


def code_state(db: sqlite3.Connection) -> tuple[str, str, int]:
    """(model, epoch, last sequence number) of the sign bits.

    With another epoch or model some were deleted: read all again. With a higher number read only the new ones.
    """
    (last,) = db.execute("SELECT coalesce(max(seq), 0) FROM codes").fetchone()
    return _meta(db, "model") or "", _meta(db, "epoch") or "", last


def _bump_epoch(db: sqlite3.Connection) -> None:
    _set_meta(db, "epoch", str(int(_meta(db, "epoch") or 0) + 1))


def _meta(db: sqlite3.Connection, key: str) -> str | None:
    row = db.execute("SELECT value FROM index_meta WHERE key = ?", (key,)).fetchone()
    return str(row[0]) if row else None


def _set_meta(db: sqlite3.Connection, key: str, value: str) -> None:
    db.execute("INSERT OR REPLACE INTO index_meta VALUES(?, ?)", (key, value))
