"""The results of a search and of an answer, and the error of a malformed filter."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class FilterError(ValueError):
    """The ``metadataFilter`` string is malformed.

    Attributes:
        column: where in the string, counted from 1.
    """

    def __init__(self, reason: str, column: int) -> None:
        super().__init__(f"metadataFilter, column {column}: {reason}")
        self.column = column


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that a search found.

    Attributes:
        doc_id: row of the document in ``documents``.
        chunk_id: the passage; the id is never used again for another text.
        start, stop: character offsets into the document's text; ``text`` is exactly that slice.
        heading: the nearest heading above it, or an empty string.
        page: page number from 1, or None where the format has no pages.
        score: rank score, higher is better; comparable only within one search.
        bm25: score by words, higher is better; None if the words did not find it.
        cosine: similarity in meaning to the query, -1 to 1; None without a vector.
        confidence: how well it fits the query, 0 to 1 on one scale for all models; below a half it is weak. None
            where that is unknown, as without a vector.
    """

    doc_id: int
    chunk_id: int
    display_name: str
    start: int
    stop: int
    text: str
    heading: str
    page: int | None
    score: float
    bm25: float | None
    cosine: float | None
    metadata: Mapping[str, Any]
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Quotation:
    """One sentence of an answer and the indices of the hits that it stands in.

    Offsets count UTF-8 bytes of the answer, the end exclusive, as Gemini counts them.
    """

    start_byte: int
    end_byte: int
    text: str
    hits: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class QuotedAnswer:
    """An answer made of sentences quoted from the passages, or a text that says that there is none."""

    text: str
    quotations: tuple[Quotation, ...]
