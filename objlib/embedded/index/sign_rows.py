"""The rows of the sign bits: a blob for each block of slots, of which single slots are written in place."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from objlib.embedded.index.meta import bump
from objlib.embedded.index.postings import BLOCK
from objlib.embedded.model import DIMENSIONS

SIGN_BYTES: Final = DIMENSIONS // 8
"""Bytes of the sign bits of one vector."""
NO_VECTOR: Final = bytes(SIGN_BYTES)
"""The bits of a slot without a vector."""


def write_sign_bits(db: sqlite3.Connection, rows: Iterable[tuple[int, bytes]]) -> None:
    """Store the bits of slots, zeros for a slot that loses its vector; the caller holds a transaction."""
    blocks: dict[int, list[tuple[int, bytes]]] = defaultdict(list)
    for slot, bits in rows:
        blocks[slot // BLOCK].append((slot % BLOCK, bits))
    if not blocks:
        return
    now = bump(db, "signs_version")
    for block, entries in blocks.items():
        db.execute("INSERT OR IGNORE INTO signs VALUES(?, zeroblob(?))", (block, SIGN_BYTES * BLOCK))
        db.execute("INSERT OR REPLACE INTO sign_changes VALUES(?, ?)", (block, now))
        with db.blobopen("signs", "bits", block) as blob:
            for place, bits in entries:
                blob.seek(place * SIGN_BYTES)
                blob.write(bits)


def clear_sign_bits(db: sqlite3.Connection) -> None:
    """Take the bits of all slots away; the caller holds a transaction."""
    db.execute("UPDATE signs SET bits = zeroblob(?)", (SIGN_BYTES * BLOCK,))
    db.execute("UPDATE sign_changes SET version = ?", (bump(db, "signs_version"),))
