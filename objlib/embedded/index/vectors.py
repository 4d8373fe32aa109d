"""Vectors in the store: the passages without one, and storing new ones.

A vector is kept twice: as int8 (a byte a number; loses nothing that can be measured) and as sign bits (an eighth of
that), which are compared first. Embedding happens between :func:`pending_chunks` and :func:`store_vectors`, outside
any transaction.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

from objlib.embedded.index.meta import bump
from objlib.embedded.index.postings import totals
from objlib.embedded.index.schema import POSITION_BITS, POSITION_MASK
from objlib.embedded.index.sign_rows import write_sign_bits
from objlib.embedded.index.vector_sets import ANSWERING, StoredModel, VectorSet, set_of, sets
from objlib.embedded.model import MODEL_ID

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from objlib.embedded.index.embedder import Floats

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


def vector_progress(db: sqlite3.Connection, vector_set: VectorSet = ANSWERING) -> tuple[int, int]:
    """(passages with a vector of the newest kind, all passages)."""
    (pending,) = db.execute(f"SELECT count(*) FROM {vector_set.pending}").fetchone()
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


def pending_chunks(db: sqlite3.Connection, limit: int, *, model_id: str = "") -> list[tuple[int, str]]:
    """Passages without a vector of this model (empty: the store's), as (chunk id, text to embed).

    Breadth first: the first passage of every document, then the second of every document, and so on, so that
    a store that is embedded in part covers every document rather than some of them completely.
    """
    vector_set = set_of(db, model_id) if model_id else ANSWERING
    if vector_set is None:
        return []  # another process has chosen another model
    return _to_embed(
        db, f"SELECT chunk_id FROM {vector_set.pending} ORDER BY position, chunk_id LIMIT ?", limit
    )


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
    db: sqlite3.Connection,
    rows: Iterable[tuple[int, "Floats"]],
    *,
    model_id: str = MODEL_ID,
    folder: str = "",
) -> None:
    """Store (chunk id, unit vector) rows of a model; the caller holds a transaction.

    A deleted passage is passed over; one that has a vector gets the new one. The first vectors of a store choose its
    model; those of a model that is neither the store's nor the coming one are late, and passed over.
    """
    import numpy as np  # search by words alone does not need it

    pairs = list(rows)
    if not pairs:
        return
    floats = np.asarray([vector for _, vector in pairs], dtype=np.float32)
    if ANSWERING.model(db) is None:
        ANSWERING.set_model(db, StoredModel(model_id, folder, floats.shape[1]))
    vector_set = set_of(db, model_id)
    if vector_set is None:
        return
    # The largest number of each vector becomes 127; a cosine is divided by the length again.
    largest = np.maximum(np.abs(floats).max(axis=1, keepdims=True), 1e-9)
    small = np.rint(floats * (127 / largest)).astype(np.int8)
    bits = _padded(np.packbits(floats > 0, axis=1))
    bits_of_slots: list[tuple[int, bytes | None]] = []
    for (chunk_id, _), i8, code in zip(pairs, small, bits, strict=True):
        row = db.execute("SELECT slot FROM chunks WHERE chunk_id = ?", (chunk_id,)).fetchone()
        if row is None:
            continue
        db.execute(f"INSERT OR REPLACE INTO {vector_set.vectors} VALUES(?, ?)", (chunk_id, i8.tobytes()))
        if row[0] is not None:
            bits_of_slots.append((row[0], code.tobytes()))
        elif vector_set is ANSWERING:  # of a document that an older objlib indexed
            db.execute(
                "INSERT OR REPLACE INTO codes(chunk_id, bits) VALUES(?, ?)", (chunk_id, code.tobytes())
            )
            bump(db, "signs_version")
        db.execute(
            f"DELETE FROM {vector_set.pending} WHERE position = ? AND chunk_id = ?",
            (chunk_id & POSITION_MASK, chunk_id),
        )
    write_sign_bits(db, bits_of_slots, vector_set)


def _padded(bits: "NDArray[Any]") -> "NDArray[Any]":
    """Rows of bits as whole words of 64."""
    import numpy as np

    rest = -bits.shape[1] % 8
    return np.pad(bits, ((0, 0), (0, rest))) if rest else bits


def cosines(
    db: sqlite3.Connection, query: "Floats", chunk_ids: Iterable[int], vector_set: VectorSet = ANSWERING
) -> dict[int, float]:
    """Similarity to the query by chunk id, of the passages that have a vector."""
    import numpy as np

    rows = db.execute(
        f"SELECT chunk_id, i8 FROM {vector_set.vectors} WHERE chunk_id IN (SELECT value FROM json_each(?))",
        (str(sorted(chunk_ids)),),  # in the order of the file, which takes two thirds of the time
    ).fetchall()
    small = np.frombuffer(b"".join(row[1] for row in rows), dtype=np.int8).reshape(-1, len(query))
    lengths = np.sqrt(np.einsum("ij,ij->i", small, small, dtype=np.float32))
    values = products(small, query) / np.maximum(lengths, 1e-9)
    return {row[0]: float(value) for row, value in zip(rows, values, strict=True)}


def queue(db: sqlite3.Connection, chunk_ids: Sequence[int]) -> None:
    """Queue passages for vectors; the caller holds a transaction."""
    for vector_set in sets(db):
        db.executemany(
            f"INSERT OR IGNORE INTO {vector_set.pending} VALUES(?, ?)",
            ((n & POSITION_MASK, n) for n in chunk_ids),
        )


def drop_vectors(db: sqlite3.Connection, text_id: int, count: int, slots: Sequence[int]) -> None:
    """Delete the vectors of a text with this number of passages, which have these slots."""
    first = text_id << POSITION_BITS
    span = (first, first | POSITION_MASK)
    for vector_set in sets(db):
        db.executemany(
            f"DELETE FROM {vector_set.pending} WHERE position = ? AND chunk_id = ?",
            ((n, first | n) for n in range(count)),
        )
        db.execute(f"DELETE FROM {vector_set.vectors} WHERE chunk_id BETWEEN ? AND ?", span)
        write_sign_bits(db, ((slot, None) for slot in slots), vector_set)
    if db.execute("DELETE FROM codes WHERE chunk_id BETWEEN ? AND ?", span).rowcount:
        bump(db, "signs_version")
