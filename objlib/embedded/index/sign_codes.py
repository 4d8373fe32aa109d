"""The sign bits of all vectors: packed in the file by slot, and laid out by column in memory between searches.

A block of 4,096 slots has one row, of 48 bytes a slot with the model that ships; a slot whose bits are all zero has no
vector. In memory the bits are columns of 64-bit words, since a comparison goes through one column after the other
without sums across rows.
"""

import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from objlib.embedded.index.meta import meta_number
from objlib.embedded.index.postings import BLOCK
from objlib.embedded.index.schema import POSITION_BITS
from objlib.embedded.index.sign_rows import sign_bytes
from objlib.embedded.index.slot_cache import SlotCache
from objlib.embedded.index.vector_sets import ANSWERING
from objlib.embedded.index.vectors import products

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from objlib.embedded.index.embedder import Floats

_ROUGH_FACTOR: Final = 4
"""Passages that the rough comparison keeps, for each one of the result."""
_SCANNED_AT_ONCE: Final = 1 << 15
"""Slots compared in one go: their columns and the counts stay in the processor's cache."""


@dataclass(frozen=True, slots=True)
class SignBits:
    """The sign bits as of a moment.

    Attributes:
        ids: (n,) chunk ids; 0 for a slot without a passage.
        columns: (words of a vector, n) words of bits.
        present: (n,) whether there is a vector.
    """

    ids: "NDArray[np.int64]"
    columns: "NDArray[np.uint64]"
    present: "NDArray[np.bool_]"


class SignBitCache:
    """Reads the sign bits once, then only the blocks that have changed, by this process or another.

    Several threads may use one cache, with connections of their own to the same file.

    Attributes:
        slots: the cache of the slots, which the sign bits share with the word index.
    """

    def __init__(self) -> None:
        self.slots = SlotCache()
        self._lock = threading.Lock()
        self._version: tuple[int, int, int] | None = None
        self._columns: NDArray[np.uint64] | None = None
        self._bits: SignBits | None = None

    def load(self, db: sqlite3.Connection, model_id: str) -> SignBits | None:
        """The sign bits as of now; None if there are none of this model."""
        model = ANSWERING.model(db)
        if model is None or model.model_id != model_id:
            return None
        words = sign_bytes(model.dimensions) // 8
        with self._lock:
            slots = self.slots.load(db)
            assert slots is not None  # the caller has an embedder, which needs numpy
            epoch = meta_number(db, "signs_epoch")
            version = (epoch, meta_number(db, "slots_version"), meta_number(db, "signs_version"))
            if self._bits is None or version != self._version:
                self._columns = self._read(db, (words, len(slots.ids)), version)
                self._bits, self._version = _with_older(db, slots.ids, self._columns), version
            return self._bits if self._bits.present.any() else None

    def _read(
        self, db: sqlite3.Connection, shape: tuple[int, int], version: tuple[int, int, int]
    ) -> "NDArray[np.uint64]":
        import numpy as np

        # Another epoch has vectors of another model, and an older snapshot is read whole.
        last = self._version
        known = last is not None and last[0] == version[0] and version >= last
        after = last[2] if last is not None and known else 0
        columns = np.zeros(shape, np.uint64)
        if known and self._columns is not None:
            columns[:, : self._columns.shape[1]] = self._columns
        rows = db.execute(
            "SELECT block, bits FROM sign_changes JOIN signs USING (block) WHERE version > ?", (after,)
        )
        for block, bits in rows:
            span = slice(block * BLOCK, (block + 1) * BLOCK)
            columns[:, span] = np.frombuffer(bits, np.uint64).reshape(-1, shape[0]).T
        return columns


def _with_older(db: sqlite3.Connection, ids: "NDArray[np.int64]", columns: "NDArray[np.uint64]") -> SignBits:
    """The slots, and behind them the passages of documents that an older objlib indexed."""
    import numpy as np

    rows = db.execute("SELECT chunk_id, bits FROM codes").fetchall()
    if rows:
        more = np.frombuffer(b"".join(row[1] for row in rows), np.uint64).reshape(-1, len(columns)).T
        ids = np.concatenate([ids, np.fromiter((row[0] for row in rows), np.int64, len(rows))])
        columns = np.concatenate([columns, more], axis=1)
    present = ids != 0
    present &= columns.any(axis=0)
    return SignBits(ids, columns, present)


def nearest(bits: SignBits, query: "Floats", *, allowed: Sequence[int] | None, count: int) -> list[int]:
    """The chunk ids that are probably nearest to the query, by sign bits.

    First by the number of bits that differ from those of the query (one machine instruction for 64 of them).
    Then, for the best few thousand, by the product of the query itself with the signs, which weighs each bit:
    of the true first hundred among 500 that finds 99 %, and not 94 %.

    At most ``count`` ids in no particular order, of the texts ``allowed`` (None: all). The order of the slots makes
    no difference.
    """
    import numpy as np

    present = bits.present
    if allowed is not None:
        present = present & np.isin(bits.ids >> POSITION_BITS, np.asarray(allowed, dtype=np.int64))
    at = _roughly_nearest(bits.columns, present, query, _ROUGH_FACTOR * count)
    ids = bits.ids[at]
    if len(ids) > count:
        rows = np.ascontiguousarray(bits.columns[:, at].T)
        signs = np.unpackbits(rows.view(np.uint8), axis=1, count=len(query))
        scores = products(signs, query)
        ids = ids[np.lexsort((ids, -scores))[:count]]
    out: list[int] = ids.tolist()
    return out


def _roughly_nearest(
    columns: "NDArray[np.uint64]", present: "NDArray[np.bool_]", query: "Floats", count: int
) -> "NDArray[np.intp]":
    """The places whose bits differ least from the query's: ``count`` of them, and those that differ as little."""
    import numpy as np

    if np.count_nonzero(present) <= count:
        return np.flatnonzero(present)
    code = np.zeros(len(columns), np.uint64)
    packed = np.packbits(query > 0)
    code.view(np.uint8)[: len(packed)] = packed
    differ = np.empty(columns.shape[1], np.uint16)
    for start in range(0, len(differ), _SCANNED_AT_ONCE):
        part = columns[:, start : start + _SCANNED_AT_ONCE]
        total = np.bitwise_count(part[0] ^ code[0]).astype(np.uint16)
        for column, word in zip(part[1:], code[1:], strict=True):
            total += np.bitwise_count(column ^ word)
        differ[start : start + _SCANNED_AT_ONCE] = total
    differ[~present] = 64 * len(columns) + 1
    least = int(np.searchsorted(np.cumsum(np.bincount(differ)), count))
    return np.flatnonzero(differ <= least)
