"""A document's text as extraction gives it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class DocumentPlace(NamedTuple):
    """Where a part of a document begins, in the words of its format: a row, a slide, a cell, a chapter.

    Attributes:
        start: offset of its first character.
        kind: one word, such as ``row``; it is counted by ``name``, or ``name`` is its title.
        name: number, title or path.
        inside: what it is a part of, such as ``sheet Budget``, or an empty string.
        alone: whether a passage never runs from it into the next place, as from one slide into another.
    """

    start: int
    kind: str
    name: str
    inside: str = ""
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Extracted:
    """The text of one document and the metadata of its format.

    Offsets count characters of ``text``: the decoded file of a text format (without inline pictures), the
    extracted text of HTML and PDF.

    Attributes:
        text: the whole text, front matter included, so that offsets fit the file.
        page_starts: where each page begins (PDF), first page first; empty if the format has no pages.
        title: the document's own title, or an empty string.
        author: the document's own author, or an empty string.
        body_start: where the text to index begins (after Markdown front matter).
        headings: (offset, heading) in order of offset.
        remarks: what of the document could not be read, one line each.
        places: the parts of a format that has some, in order of offset.
        keeps_lines: whether the lines of ``text`` are those of the file.
    """

    text: str
    page_starts: tuple[int, ...] = ()
    title: str = ""
    author: str = ""
    body_start: int = 0
    headings: tuple[tuple[int, str], ...] = ()
    remarks: tuple[str, ...] = ()
    places: Sequence[DocumentPlace] = ()
    keeps_lines: bool = True
