"""A document's text as extraction gives it."""

from dataclasses import dataclass


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
    """

    text: str
    page_starts: tuple[int, ...] = ()
    title: str = ""
    author: str = ""
    body_start: int = 0
    headings: tuple[tuple[int, str], ...] = ()
    remarks: tuple[str, ...] = ()
