"""The rows of the sign bits: a blob for each block of slots, of which single slots are written in place."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable

from objlib.embedded.index.meta import bump
from objlib.embedded.index.postings import BLOCK
from objlib.embedded.index.vector_sets import ANSWERING, VectorSet
from objlib.embedded.model import DIMENSIONS


def sign_bytes(dimensions: int = DIMENSIONS) -> int:
    """Bytes of the sign bits of one vector: whole words of 64 bits."""
    return -(-dimensions // 64) * 8


def write_sign_bits(
    db: sqlite3.Connection, rows: Iterable[tuple[int, bytes | None]], vector_set: VectorSet = ANSWERING
) -> None:
    """Store the bits of slots, None for a slot that loses its vector; the caller holds a transaction."""
    blocks: dict[int, list[tuple[int, bytes | None]]] = defaultdict(list)
    for slot, bits in rows:
        blocks[slot // BLOCK].append((slot % BLOCK, bits))
    if not blocks:
        return
    model = vector_set.model(db)
    size = sign_bytes(model.dimensions if model else DIMENSIONS)
    now = bump(db, "signs_version") if vector_set is ANSWERING else 0
    for block, entries in blocks.items():
        db.execute(f"INSERT OR IGNORE INTO {vector_set.signs} VALUES(?, zeroblob(?))", (block, size * BLOCK))
        if now:
            db.execute("INSERT OR REPLACE INTO sign_changes VALUES(?, ?)", (block, now))
        with db.blobopen(vector_set.signs, "bits", block) as blob:
            for place, bits in entries:
                blob.seek(place * size)
                blob.write(bytes(size) if bits is None else bits)
