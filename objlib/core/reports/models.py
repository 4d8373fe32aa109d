"""The report of a user's model."""

from dataclasses import dataclass
from enum import StrEnum


class ModelKind(StrEnum):
    """The work of a model."""

    ENCODER = "encoder"
    RERANKER = "reranker"


@dataclass(frozen=True, slots=True)
class Score:
    """How many questions of a set put their own passage first, and the mean reciprocal rank of it."""

    first: int
    questions: int
    mrr: float


@dataclass(frozen=True, slots=True)
class ModelReport:
    """A model, computed on the built-in set.

    Attributes:
        path: its folder.
        dimensions: numbers of a vector; 0 for a reranker.
        pooling: how vectors of tokens become one; empty where the graph does that, or for a reranker.
        english, other: the questions in English, and those in eight other languages.
        shipped: the English questions with the model that ships; None where it is not there, or for a reranker.
        passages_per_second: texts of some 25 words on all cores.
        query_ms: milliseconds for one query, or for one pair.
    """

    path: str
    kind: ModelKind
    model_id: str
    dimensions: int
    pooling: str
    max_tokens: int
    query_prefix: str
    document_prefix: str
    english: Score
    other: Score
    shipped: Score | None
    passages_per_second: float
    query_ms: float

    @property
    def weak(self) -> bool:
        """Whether it finds hardly anything, as with a wrong pooling or a wrong tokenizer."""
        return self.english.first * 4 < self.english.questions
