"""Answers and passages with their citations."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Citation:
    """One passage and where it is.

    Attributes:
        path: the file's current path in the library, or the document's title when the ledger has no such file.
        text: the passage.
        line_start, line_stop: 1-based lines in the file on disk where the passage was found again; None if not.
        page: the page, for paginated documents.
        heading: the nearest heading above the passage, when the file is text.
        known: whether the ledger has the file.
        metadata: the document's metadata, without our own tags.
    """

    path: str
    text: str
    file_id: str | None = None
    line_start: int | None = None
    line_stop: int | None = None
    page: int | None = None
    heading: str | None = None
    known: bool = True
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Support:
    """A span of an answer's text and the citations that carry it.

    Attributes:
        start, stop: character offsets in the answer.
        citations: indices into :attr:`AnswerReport.citations`.
    """

    start: int
    stop: int
    citations: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AnswerReport:
    """An answer (or, for a search, only the passages) with its citations."""

    question: str
    backend: str
    store: str
    model: str
    text: str
    citations: tuple[Citation, ...]
    supports: tuple[Support, ...] = ()
    notice: str = ""
    """One line for the user, such as 'search by words only: …'."""
    seconds: float = 0.0
