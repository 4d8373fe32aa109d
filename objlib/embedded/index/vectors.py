"""Vectors in the store: the passages without one, and storing new ones.

A vector is kept twice: as int8 (384 bytes; loses nothing that can be measured) and as sign bits (48 bytes),
which are compared first. Embedding happens between :func:`pending_chunks` and :func:`store_vectors`, outside
any transaction.
"""

import sqlite3
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from objlib.embedded.index.meta import bump, meta, set_meta
from objlib.embedded.index.postings import totals
from objlib.embedded.index.schema import POSITION_BITS, POSITION_MASK
from objlib.embedded.index.sign_rows import NO_VECTOR, clear_sign_bits, write_sign_bits
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
    """(passages with a vector of the newest kind, all passages)."""
    (pending,) = db.execute("SELECT count(*) FROM pending").fetchone()
    total = totals(db).passages + unmoved(db)
    return total - pending, total


def unmoved(db: sqlite3.Connection) -> int:
    """Passages that are still in the word index of an older objlib; documents are moved in the order of their ids."""
    first, passages = db.execute(
        "SELECT min(text_id), coalesce(sum(chunks), 0) FROM texts WHERE form < 1"
    ).fetchone()
    if first is None:
        return 0
    (moved,) = db.execute(
        "SELECT count(slot) FROM chunks WHERE chunk_id BETWEEN ? AND ?",
        (first << POSITION_BITS, first << POSITION_BITS | POSITION_MASK),
    ).fetchone()
    return int(passages - moved)


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


def searched_texts(db: sqlite3.Connection, chunk_ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    """(what stands over the passage, its text) by chunk id, as the word index has them."""
    rows = db.execute(
        "SELECT c.chunk_id, t.title, t.author, c.heading, c.body FROM chunks c"
        f" JOIN texts t ON t.text_id = c.chunk_id >> {POSITION_BITS}"
        " WHERE c.chunk_id IN (SELECT value FROM json_each(?))",
        (str(list(chunk_ids)),),
    )
    return {n: (head(title, author, heading), body) for n, title, author, heading, body in rows}


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
    bits_of_slots = []
    for (chunk_id, _), i8, code in zip(pairs, small, bits, strict=True):
        row = db.execute("SELECT slot FROM chunks WHERE chunk_id = ?", (chunk_id,)).fetchone()
        if row is None:
            continue
        db.execute("INSERT OR REPLACE INTO vectors VALUES(?, ?)", (chunk_id, i8.tobytes()))
        if row[0] is None:  # of a document that an older objlib indexed
            db.execute(
                "INSERT OR REPLACE INTO codes(chunk_id, bits) VALUES(?, ?)", (chunk_id, code.tobytes())
            )
            bump(db, "signs_version")
        else:
            bits_of_slots.append((row[0], code.tobytes()))
        db.execute(
            "DELETE FROM pending WHERE position = ? AND chunk_id = ?", (chunk_id & POSITION_MASK, chunk_id)
        )
    write_sign_bits(db, bits_of_slots)


def adopt_model(db: sqlite3.Connection, model_id: str = MODEL_ID) -> bool:
    """Make this the model of the store's vectors; those of another model are dropped and queued again.

    The caller holds a transaction. Returns whether vectors were dropped.
    """
    current = meta(db, "model")
    if current == model_id:
        return False
    set_meta(db, "model", model_id)
    if current is None:
        return False
    db.execute(f"INSERT OR IGNORE INTO pending SELECT chunk_id & {POSITION_MASK}, chunk_id FROM vectors")
    db.execute("DELETE FROM codes")
    db.execute("DELETE FROM vectors")
    clear_sign_bits(db)
    return True


def drop_vectors(db: sqlite3.Connection, span: tuple[int, int], slots: Iterable[int]) -> None:
    """Delete the vectors of the chunk ids from ``span[0]`` to ``span[1]`` inclusive, which have these slots."""
    db.execute("DELETE FROM vectors WHERE chunk_id BETWEEN ? AND ?", span)
    if db.execute("DELETE FROM codes WHERE chunk_id BETWEEN ? AND ?", span).rowcount:
        bump(db, "signs_version")
    write_sign_bits(db, ((slot, NO_VECTOR) for slot in slots))
