"""The sign bits of all vectors, kept in memory between searches."""

import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from objlib.embedded.index.schema import POSITION_BITS
from objlib.embedded.index.vectors import INT8_SCALE, code_state, products
from objlib.embedded.model import DIMENSIONS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from objlib.embedded.index.embedder import Floats

SIGN_WORDS = DIMENSIONS // 64
"""64-bit words in the sign bits of one vector."""
_ROUGH_FACTOR = 4
"""Passages that the rough comparison keeps, for each one of the result."""


@dataclass(frozen=True, slots=True)
class SignBits:
    """A snapshot of the sign bits: (n,) chunk ids in the order of arrival, and (n, 6) words of bits."""

    ids: "NDArray[np.int64]"
    bits: "NDArray[np.uint64]"


class SignBitCache:
    """Reads the sign bits once, then only the new ones; all again if some were deleted.

    The tables themselves say what has changed, so it sees changes by another process or connection. Several
    threads may use one cache, with connections of their own to the same file.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._state = ("", "", 0)
        self._codes: SignBits | None = None

    def load(self, db: sqlite3.Connection, model_id: str) -> SignBits | None:
        """The sign bits as of now; None if there are none of this model."""
        import numpy as np

        with self._lock:
            state = code_state(db)
            model, epoch, last = state
            if model != model_id or not last:
                return None
            after = self._state[2] if self._state[:2] == (model, epoch) and last >= self._state[2] else 0
            if self._codes is None or last != after:
                # Not beyond `last`: a vector that arrives meanwhile is read next time, not twice.
                rows = db.execute(
                    "SELECT chunk_id, bits FROM codes WHERE seq > ? AND seq <= ? ORDER BY seq", (after, last)
                ).fetchall()
                ids = np.fromiter((row[0] for row in rows), dtype=np.int64, count=len(rows))
                bits = np.frombuffer(b"".join(row[1] for row in rows), dtype=np.uint64).reshape(
                    -1, SIGN_WORDS
                )
                if after and self._codes is not None:
                    ids = np.concatenate([self._codes.ids, ids])
                    bits = np.concatenate([self._codes.bits, bits])
                self._codes, self._state = SignBits(ids, bits), state
            return self._codes


def nearest(codes: SignBits, query: "Floats", *, allowed: Sequence[int] | None, count: int) -> list[int]:
    """The chunk ids that are probably nearest to the query, by sign bits.

    First by the number of bits that differ from those of the query (one machine instruction for 64 of them).
    Then, for the best few thousand, by the product of the query itself with the signs, which weighs each bit:
    of the true first hundred among 500 that finds 99 %, and not 94 %.

    At most ``count`` ids in no particular order, of the texts ``allowed`` (None: all).
    """
    import numpy as np

    ids, bits = codes.ids, codes.bits
    if allowed is not None:
        keep = np.isin(ids >> POSITION_BITS, np.asarray(allowed, dtype=np.int64))
        ids, bits = ids[keep], bits[keep]
    if len(ids) > _ROUGH_FACTOR * count:
        code = np.packbits(query > 0).view(np.uint64)
        differ = np.bitwise_count(bits ^ code).sum(axis=1, dtype=np.uint16)
        best = np.argpartition(differ, _ROUGH_FACTOR * count)[: _ROUGH_FACTOR * count]
        ids, bits = ids[best], bits[best]
    if len(ids) > count:
        signs = np.unpackbits(bits.view(np.uint8), axis=1)
        ids = ids[np.argpartition(-products(signs, query), count)[:count]]
    out: list[int] = ids.tolist()
    return out


def cosines(db: sqlite3.Connection, query: "Floats", chunk_ids: Sequence[int]) -> dict[int, float]:
    """Similarity to the query by chunk id, of the passages that have a vector."""
    import numpy as np

    rows = db.execute(
        "SELECT chunk_id, i8 FROM vectors WHERE chunk_id IN (SELECT value FROM json_each(?))",
        (str(list(chunk_ids)),),
    ).fetchall()
    small = np.frombuffer(b"".join(row[1] for row in rows), dtype=np.int8).reshape(-1, DIMENSIONS)
    values = products(small, query) / INT8_SCALE
    return {row[0]: float(value) for row, value in zip(rows, values, strict=True)}
