"""How well a passage fits a query, on one scale for all models, so that one that hardly fits can be called weak.

The order of a search says which passage is best, and not whether any of them is good. Two things do: the cosine, and
the share of the query's words that the passage has. Together they tell questions that a store answers from those that
it does not (figures in docs/search.md). A passage with every word of the query is never weak: a name is near to
nothing in meaning, and found all the same.

Models have scales of their own: with one, passages that have nothing to do with a question are at a cosine of .05,
with another at .75. So the cosines of a user's model are brought to the scale of the one that ships, by what both
give for the questions of the built-in set, with the right passages and with the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from objlib.embedded.index.check_set import read_set
from objlib.embedded.index.terms import term_counts

if TYPE_CHECKING:
    from objlib.embedded.index.embedder import Embedder

WEAK: Final = 0.5
"""The confidence below which a passage is weak."""
_WORDS: Final = 0.3
"""The weight of the share of words beside the cosine."""
_ENOUGH: Final = 0.44
"""Cosine and weighted share together from which on a passage is not weak.

Chosen on one half of the questions of three sets, so that at most one in fifty of those that have an answer is called
weak in any of them.
"""
_RIGHT: Final = 0.45
"""Mean cosine, with the model that ships, of the English questions of the built-in set and their passages."""
_WRONG: Final = 0.04
"""The same of the questions and the passages of others."""
_LEAST_DISTANCE: Final = 2.0
"""Deviations of the wrong passages by which the right ones have to be above them; otherwise a cosine says nothing."""


@dataclass(frozen=True, slots=True)
class CosineScale:
    """How cosines of a model are brought to the scale of the model that ships: ``factor`` times, plus ``offset``.

    A factor of 0 stands for a model whose cosines do not tell right from wrong.
    """

    factor: float = 1.0
    offset: float = 0.0

    @property
    def tells(self) -> bool:
        """Whether the cosines say anything about how well a passage fits."""
        return self.factor > 0

    def usual(self, cosine: float) -> float:
        """The cosine as the model that ships would give it."""
        return self.factor * cosine + self.offset


SHIPPED_SCALE: Final = CosineScale()
NO_SCALE: Final = CosineScale(0.0, 0.0)


def measure_scale(embedder: "Embedder") -> CosineScale:
    """The scale of a model, by the English part of the built-in set; blocks for about a second."""
    import numpy as np

    pairs = [(question, passage) for language, question, passage in read_set() if language == "en"]
    queries = np.stack([embedder.embed_query(question) for question, _ in pairs])
    cosines = queries @ embedder.embed([passage for _, passage in pairs]).T
    others = cosines[~np.eye(len(pairs), dtype=bool)]
    right, wrong = float(np.diag(cosines).mean()), float(others.mean())
    if right - wrong < max(1e-6, _LEAST_DISTANCE * float(others.std())):
        return NO_SCALE
    factor = (_RIGHT - _WRONG) / (right - wrong)
    return CosineScale(factor, _WRONG - factor * wrong)


def confidence(
    weights: Mapping[str, int], text: str, cosine: float | None, scale: CosineScale | None
) -> float | None:
    """How well a passage fits, from 0 to 1; None where that is unknown.

    Args:
        weights: the terms of the query.
        text: the passage with what stands over it.
        cosine: its similarity to the query; None without a vector.
        scale: that of the cosines; None where it was not measured.
    """
    found = term_counts(text)
    share = sum(term in found for term in weights) / len(weights) if weights else 0.0
    whole = WEAK if share == 1 else 0.0
    if cosine is None or scale is None or not scale.tells:
        return whole or None
    fit = scale.usual(cosine) + _WORDS * share
    return min(1.0, max(whole, WEAK * fit / _ENOUGH))
