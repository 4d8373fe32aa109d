"""Answers and passages with their citations."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import zip_longest
from typing import Any, Final


class CitationState(StrEnum):
    """How the file of a passage is now, compared with the document that the passage is from."""

    CURRENT = "current"
    CHANGED = "changed"
    GONE = "gone"
    LEFT_OUT = "left_out"
    REPLACED = "replaced"
    UNREADABLE = "unreadable"
    UNKNOWN = "unknown"
    """The ledger has no such file."""

    @property
    def opens(self) -> bool:
        """Whether there is a file that can be opened."""
        return self in {CitationState.CURRENT, CitationState.CHANGED}

    @property
    def remark(self) -> str:
        """The state in words that stand beside a passage; empty for a current one."""
        return _REMARKS.get(self, "")


_REMARKS: Final = {
    CitationState.CHANGED: "changed since it was indexed",
    CitationState.GONE: "gone from disk",
    CitationState.LEFT_OUT: "left out of the library by now",
    CitationState.REPLACED: "replaced on disk by something else",
    CitationState.UNREADABLE: "cannot be read on disk",
    CitationState.UNKNOWN: "not in this library",
}


@dataclass(frozen=True, slots=True)
class Citation:
    """One passage and where it is.

    Attributes:
        path: the file's current path in the library, or the document's title when the ledger has no such file.
        file: the absolute path by which it is opened; None when the ledger has no such file.
        text: the passage.
        line_start, line_stop: 1-based lines in the file on disk where the passage was found again; None if not.
        page: the page, for paginated documents.
        place: where it is in the words of its format, such as ``slide 3`` or ``sheet Budget, rows 2 to 9``.
        heading: the nearest heading above the passage.
        media: the picture that the passage is, as `objlib media get` takes it; None for text.
        known: whether the ledger has the file.
        state: how the file is now.
        metadata: the document's metadata, without our own tags.
        library: folder of the library that it is from; empty where only one was asked.
        weak: whether it hardly fits the question. The embedded store says so; with Gemini it is always false.
    """

    path: str
    text: str
    file_id: str | None = None
    line_start: int | None = None
    line_stop: int | None = None
    page: int | None = None
    place: str | None = None
    heading: str | None = None
    media: str | None = None
    known: bool = True
    state: CitationState = CitationState.CURRENT
    metadata: Mapping[str, Any] = field(default_factory=dict)
    file: str | None = None
    library: str = ""
    weak: bool = False


@dataclass(frozen=True, slots=True)
class Support:
    """A span of an answer's text and the citations that carry it.

    Attributes:
        start, stop: character offsets in the answer.
        citations: indices into :attr:`AnswerReport.citations`.
        holds: False where these do not bear the span out, as far as words tell; looked at for a model of the user.
    """

    start: int
    stop: int
    citations: tuple[int, ...]
    holds: bool = True


@dataclass(frozen=True, slots=True)
class AnswerReport:
    """An answer (or, for a search, only the passages) with its citations.

    Attributes:
        model: the model that answered; None where none was asked, and the text is extracted from passages.
        citations: of an answer those that carry it, in the order in which it needs them.
    """

    question: str
    backend: str
    store: str
    model: str | None
    text: str
    citations: tuple[Citation, ...]
    supports: tuple[Support, ...] = ()
    notice: str = ""
    """One line for the user, such as 'search by words only: …'."""
    hidden: int = 0
    """Passages that are left out because a better one of their file stands for it."""
    seconds: float = 0.0
    weak: bool = False
    """Whether there are passages, and every one of them is weak."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A question of a conversation and its answer, as a later question is asked with them."""

    question: str
    answer: str


class AnswerListener:
    """Hears an answer as it is written; a subclass takes what it needs. The methods return at once and do not raise."""

    def text(self, piece: str) -> None:
        """The next piece of the text, without the numbers of its sources."""

    def again(self) -> None:
        """Forget all that was heard so far: the answer was lost before its end."""


@dataclass(frozen=True, slots=True)
class LibraryAnswer:
    """The report of one library of several, by its folder."""

    library: str
    report: AnswerReport


def all_weak(citations: Sequence[Citation]) -> bool:
    """Whether there are passages, and none fits well."""
    return bool(citations) and all(citation.weak for citation in citations)


def merge_passages(answers: Sequence[LibraryAnswer], top_k: int) -> AnswerReport:
    """The passages of several libraries as one ranking: the first of each, then the second of each, and so on.

    Passages of different stores have no scores that could be compared. A notice names its library.
    """
    first = answers[0].report
    ranks = zip_longest(
        *[[replace(cited, library=each.library) for cited in each.report.citations] for each in answers]
    )
    cited = [citation for rank in ranks for citation in rank if citation is not None]
    notices = [f"{each.library}: {each.report.notice}" for each in answers if each.report.notice]
    shown = tuple(cited[:top_k])
    return replace(
        first,
        citations=shown,
        weak=all_weak(shown),
        notice="; ".join(notices),
        seconds=sum(each.report.seconds for each in answers),
        store=", ".join(dict.fromkeys(each.report.store for each in answers)),
        backend=", ".join(dict.fromkeys(each.report.backend for each in answers)),
    )


def with_markers(text: str, supports: Iterable[Support]) -> str:
    """The answer with the numbers of its sources behind each supported span, and ``[?]`` where these do not hold.

    Spans that end at the same place share one marker list; offsets outside the text end at its end.
    """
    at: dict[int, set[int]] = {}
    doubtful: set[int] = set()
    for support in supports:
        stop = max(0, min(support.stop, len(text)))
        # A marker belongs behind the last word, not behind the line break after it.
        stop = len(text[:stop].rstrip())
        at.setdefault(stop, set()).update(support.citations)
        doubtful.update(() if support.holds else (stop,))
    for stop in sorted(at, reverse=True):
        numbers = "".join(f"[{index + 1}]" for index in sorted(at[stop])) + (
            "[?]" if stop in doubtful else ""
        )
        text = f"{text[:stop]}{' ' if stop and numbers else ''}{numbers}{text[stop:]}"
    return text
