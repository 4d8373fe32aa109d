"""Two opinions into one order: by words (BM25) and by meaning (cosine).

Each column is standardised (mean 0, deviation 1) over the union of both lists, so that neither outweighs the
other by its scale, and the two are averaged. While a store is embedded only in part, three rules keep the
result from being worse than
BM25 alone (measured at 0, 5, 10, 30 and 60 %: without them nDCG@10 falls from .71 to .54):

* A passage that the words found but whose cosine is not known gets the cosine one would *expect* of a passage
with its BM25
  score, by a line through those that are known.
* The meaning counts only as much as the share of the list by words that it knows, where the first of the list
count more. So the
  few passages that happen to have a vector do not push aside all that have none.
* What has no vector and was not found by words is not in the running at all, as in a search by words.
"""

from collections.abc import Mapping
from math import sqrt

WEIGHT = 0.5
"""Share of the meaning where all is known. Anything from .4 to .6 measures the same."""

_FLAT = 10
"""Passages' worth of belief that the expected cosine does not depend on the BM25 score, held against few
examples."""


def fuse(bm25: Mapping[int, float], cosine: Mapping[int, float]) -> dict[int, float]:
    """Score the union of two lists; higher is better.

    Args:
        bm25: score by chunk id of what the words found, best first.
        cosine: similarity by chunk id, of what is near in meaning and of what the words found, as far as it
            is known.
    """
    if not bm25:
        return dict(cosine)
    every = list(dict.fromkeys([*bm25, *cosine]))
    middle, slope = _line(bm25, cosine)
    words = _standard([bm25.get(chunk_id, 0.0) for chunk_id in every])
    meaning = _standard([cosine[i] if i in cosine else middle + slope * bm25[i] for i in every])
    weight = WEIGHT * _known(bm25, cosine)
    return {i: (1 - weight) * w + weight * m for i, w, m in zip(every, words, meaning, strict=True)}


def _known(bm25: Mapping[int, float], cosine: Mapping[int, float]) -> float:
    """Share of the list by words whose cosine is known; the n-th counts 1/n."""
    counts = {chunk_id: 1 / rank for rank, chunk_id in enumerate(bm25, 1)}
    return sum(count for chunk_id, count in counts.items() if chunk_id in cosine) / sum(counts.values())


def _line(bm25: Mapping[int, float], cosine: Mapping[int, float]) -> tuple[float, float]:
    """(cosine expected at a BM25 score of 0, how much it rises with the score), drawn towards a flat line."""
    pairs = [(score, cosine[chunk_id]) for chunk_id, score in bm25.items() if chunk_id in cosine]
    if not pairs:
        return (sum(cosine.values()) / len(cosine) if cosine else 0.0), 0.0
    x = sum(score for score, _ in pairs) / len(pairs)
    y = sum(value for _, value in pairs) / len(pairs)
    spread = sum((score - x) ** 2 for score, _ in pairs)
    together = sum((score - x) * (value - y) for score, value in pairs)
    slope = together / (spread * (1 + _FLAT / len(pairs)) + 1e-9)
    return y - slope * x, slope


def _standard(values: list[float]) -> list[float]:
    mean = sum(values) / len(values)
    deviation = sqrt(sum((value - mean) ** 2 for value in values) / len(values))
    return [(value - mean) / (deviation + 1e-9) for value in values]
