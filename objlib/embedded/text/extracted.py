"""A document's text as extraction gives it, and the error where there is none."""

from dataclasses import dataclass


class UnreadableError(ValueError):
    """The bytes have no text; the message is one line: what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Extracted:
    """The text of one document and the metadata of its format.

    Offsets count characters of ``text``: the decoded file (after a byte order mark) of a text format, the
    extracted text of HTML and PDF.

    Attributes:
        text: the whole text, front matter included, so that offsets fit the file.
        page_starts: where each page begins (PDF), first page first; empty if the format has no pages.
        title: the document's own title, or an empty string.
        author: the document's own author, or an empty string.
        body_start: where the text to index begins (after Markdown front matter).
        headings: (offset, heading) in order of offset.
    """

    text: str
    page_starts: tuple[int, ...] = ()
    title: str = ""
    author: str = ""
    body_start: int = 0
    headings: tuple[tuple[int, str], ...] = ()
