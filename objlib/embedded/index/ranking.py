"""BM25 over the word index, twice: with arrays, and without numpy where there is none or little to rank."""

import math
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from struct import Struct
from typing import TYPE_CHECKING, Any, Final, cast

from objlib.embedded.index.postings import BLOCK, RECORD, Totals, postings_of, totals
from objlib.embedded.index.schema import POSITION_BITS
from objlib.embedded.index.slot_cache import Slots

if TYPE_CHECKING:
    from numpy.typing import NDArray

K1: Final = 1.2
"""How soon a further occurrence of a word counts less. This and B are FTS5's, and nothing near them measured better."""
B: Final = 0.75
"""How much the length of a passage counts."""
_GROUPS: Final = 8
"""Groups of scores, for each passage of the result, whose maxima are looked at first."""
_LEAST_IDF: Final = 1e-6
"""The weight of a word that is in more than half of all passages; as in FTS5, it is never negative."""


def rank(
    db: sqlite3.Connection,
    weights: Mapping[str, int],
    slots: Slots | None,
    *,
    allowed: Sequence[int] | None,
    depth: int,
) -> dict[int, float]:
    """The passages with the highest BM25, ``depth`` at most, score by chunk id, best first.

    Args:
        weights: the terms, and how often each counts.
        slots: the passages of the slots as arrays; None ranks without numpy.
        allowed: texts to search in; None for all.
    """
    if not weights:
        return {}
    if slots is None:
        return _rank_plainly(db, weights, allowed, depth)
    return _rank_by_arrays(db, weights, slots, allowed, depth)


def _idf(whole: Totals, passages: int) -> float:
    return max(_LEAST_IDF, math.log((whole.passages - passages + 0.5) / (passages + 0.5)))


def _norm(whole: Totals) -> tuple[float, float]:
    """(constant, share of the length) of what BM25 adds to the number of occurrences below the line."""
    return K1 * (1 - B), K1 * B * whole.passages / max(1, whole.words)


def _rank_by_arrays(
    db: sqlite3.Connection,
    weights: Mapping[str, int],
    slots: Slots,
    allowed: Sequence[int] | None,
    depth: int,
) -> dict[int, float]:
    import numpy as np

    record = np.dtype([("place", "<u2"), ("count", "u1")])
    scores = np.zeros(len(slots.ids), np.float32)
    whole = totals(db)
    constant, share = _norm(whole)
    for term, weight in weights.items():
        rows = list(postings_of(db, term))
        if not rows:
            continue
        found = np.frombuffer(b"".join(data for _, data in rows), record)
        starts = np.repeat([block * BLOCK for block, _ in rows], [len(d) // RECORD.size for _, d in rows])
        at = found["place"] + starts
        counts = found["count"].astype(np.float32)
        below = slots.lengths[at] * np.float32(share)
        below += counts
        below += np.float32(constant)
        counts *= np.float32(weight * _idf(whole, len(found)) * (K1 + 1))
        counts /= below
        scores[at] += counts  # a slot stands once in a term
    if allowed is not None:
        scores[~np.isin(slots.ids >> POSITION_BITS, np.asarray(allowed, np.int64))] = 0
    return _best(scores, slots, depth)


def _best(scores: "NDArray[Any]", slots: Slots, depth: int) -> dict[int, float]:
    """The highest scores by chunk id; of equal ones the lower id, whatever the order of the slots."""
    import numpy as np

    at = np.flatnonzero(scores >= _least_of_best(scores, depth))
    if len(at) > depth:
        least = np.partition(scores[at], len(at) - depth)[len(at) - depth]
        at = at[scores[at] >= least]
    ids = slots.ids[at]
    order = np.lexsort((ids, -scores[at]))[:depth]
    return dict(
        zip(
            cast("list[int]", ids[order].tolist()),
            cast("list[float]", scores[at][order].tolist()),
            strict=True,
        )
    )


def _least_of_best(scores: "NDArray[Any]", depth: int) -> float:
    """A positive score that the best ``depth`` are not below, quickly: the depth-th best of the maxima of groups.

    To look at every score would take longer than to add them up.
    """
    import numpy as np

    tiny = float(np.finfo(np.float32).tiny)
    size = len(scores) // (_GROUPS * depth)
    if size < 2:
        return tiny
    maxima = scores[: len(scores) // size * size].reshape(-1, size).max(axis=1)
    return max(tiny, float(np.partition(maxima, len(maxima) - depth)[len(maxima) - depth]))


def _rank_plainly(
    db: sqlite3.Connection,
    weights: Mapping[str, int],
    allowed: Sequence[int] | None,
    depth: int,
) -> dict[int, float]:
    scores: dict[int, float] = defaultdict(float)
    whole = totals(db)
    constant, share = _norm(whole)
    blocks = _Blocks(db)
    for term, weight in weights.items():
        rows = list(postings_of(db, term))
        factor = weight * _idf(whole, sum(len(data) // RECORD.size for _, data in rows)) * (K1 + 1)
        for block, data in rows:
            lengths = blocks.lengths(block)
            for place, count in RECORD.iter_unpack(data):
                below = count + constant + share * lengths[place]
                scores[block * BLOCK + place] += factor * count / below
    texts = None if allowed is None else set(allowed)
    by_id = {
        chunk_id: score
        for slot, score in scores.items()
        if (chunk_id := blocks.ids(slot // BLOCK)[slot % BLOCK])
        and (texts is None or chunk_id >> POSITION_BITS in texts)
    }
    best = sorted(by_id, key=lambda chunk_id: (-by_id[chunk_id], chunk_id))[:depth]
    return {chunk_id: by_id[chunk_id] for chunk_id in best}


class _Blocks:
    """The ids and lengths of the blocks that a ranking meets, read once."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._columns: dict[tuple[str, int], tuple[int, ...]] = {}

    def ids(self, block: int) -> tuple[int, ...]:
        return self._column("ids", "q", block)

    def lengths(self, block: int) -> tuple[int, ...]:
        return self._column("lengths", "H", block)

    def _column(self, name: str, letter: str, block: int) -> tuple[int, ...]:
        if (name, block) not in self._columns:
            (data,) = self._db.execute(f"SELECT {name} FROM slots WHERE block = ?", (block,)).fetchone()
            self._columns[name, block] = Struct(f"<{BLOCK}{letter}").unpack(data)
        return self._columns[name, block]
