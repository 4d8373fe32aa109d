"""Figures of merit of a query, and the interval of a difference."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

RESAMPLES = 5000


def ndcg(ranking: Sequence[str], grades: Mapping[str, int], depth: int = 10) -> float:
    gain = sum((2 ** grades.get(d, 0) - 1) / math.log2(n + 2) for n, d in enumerate(ranking[:depth]))
    ideal = sorted(grades.values(), reverse=True)[:depth]
    return gain / sum((2**grade - 1) / math.log2(n + 2) for n, grade in enumerate(ideal))


def recall(ranking: Sequence[str], grades: Mapping[str, int], depth: int = 100) -> float:
    return sum(document in grades for document in ranking[:depth]) / len(grades)


def mean(values: Sequence[float]) -> float:
    return sum(values) / max(1, len(values))


def interval(before: Sequence[float], after: Sequence[float]) -> tuple[float, float, float]:
    """The mean difference of paired values, and its 95 % interval by bootstrap over the queries."""
    difference = np.asarray(after) - np.asarray(before)
    draws = np.random.default_rng(1).integers(0, len(difference), (RESAMPLES, len(difference)))
    means = difference[draws].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(difference.mean()), float(low), float(high)
