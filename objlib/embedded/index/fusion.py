"""Two opinions into one order: by words (BM25) and by meaning (cosine)."""

from collections.abc import Mapping
from math import sqrt

WEIGHT = 0.5
"""Share of the meaning. Anything from .4 to .6 measures the same."""


def fuse(bm25: Mapping[int, float], cosine: Mapping[int, float]) -> dict[int, float]:
    """Score the union of two lists; higher is better.

    Each column is standardised (mean 0, deviation 1) over the union, so neither outweighs the other by its
    scale. A passage that the words did not find counts as 0 there. A passage whose cosine is *unknown* (no
    vector yet) must not
    suffer for that: it gets the cosine one would expect of a passage with its BM25 score, that is, the
    average of the passages found by words. With no cosines at all the order is that of BM25.

    Args:
        bm25: score by chunk id of what the words found.
        cosine: similarity by chunk id of what has a vector, both of what the words found and of what is near
            in meaning.
    """
    every = list(dict.fromkeys([*bm25, *cosine]))
    words = _standard([bm25.get(chunk_id, 0.0) for chunk_id in every])
    known = [cosine[chunk_id] for chunk_id in bm25 if chunk_id in cosine] or list(cosine.values())
    expected = sum(known) / len(known) if known else 0.0
    meaning = _standard([cosine.get(chunk_id, expected) for chunk_id in every])
    return {
        chunk_id: (1 - WEIGHT) * w + WEIGHT * m for chunk_id, w, m in zip(every, words, meaning, strict=True)
    }


def _standard(values: list[float]) -> list[float]:
    if not values:
        return []
    mean = sum(values) / len(values)
    deviation = sqrt(sum((value - mean) ** 2 for value in values) / len(values))
    return [(value - mean) / (deviation + 1e-9) for value in values]
