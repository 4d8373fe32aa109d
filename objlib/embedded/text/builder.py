"""A text put together block by block, with the places and headings of its format."""

from typing import Final

from objlib.core.library.decode import UnreadableError, without_surrogates
from objlib.embedded.text.extracted import DocumentPlace, Extracted
from objlib.embedded.text.markdown import MAX_HEADING

MAX_TEXT: Final = 64 * 1024 * 1024
"""Characters that are read of a packed document: some ten thousand pages, and no archive bomb."""
_TOO_LONG: Final = "The file holds more than {:,} million characters of text. Split it and upload the parts."
_UNWANTED: Final = dict.fromkeys((*range(9), 11, *range(14, 32), 65534, 65535))
"""Control characters, which text does not hold; fields of old formats are full of them."""


def check_length(length: int) -> None:
    """Refuse a text that is longer than any document may hold, before it fills the memory.

    Raises:
        UnreadableError: it is longer than :data:`MAX_TEXT`.
    """
    if length > MAX_TEXT:
        raise UnreadableError(_TOO_LONG.format(MAX_TEXT // 1_000_000))


class TextBuilder:
    """Collects blocks, and counts their length for the offsets of places."""

    def __init__(self, separator: str = "\n\n") -> None:
        self._blocks: list[str] = []
        self._length = 0
        self._separator = separator
        self._headings: list[tuple[int, str]] = []
        self._places: list[DocumentPlace] = []
        self._pages: list[int] = []
        self._remarks: list[str] = []
        self._due: tuple[str, str, str, bool] | None = None

    @property
    def length(self) -> int:
        """Characters so far: the offset of the next block."""
        return self._length

    def add(self, text: str, *, heading: bool = False, separator: str | None = None) -> None:
        """Add a block; a blank one is nothing.

        Raises:
            UnreadableError: the text is longer than :data:`MAX_TEXT`.
        """
        text = without_surrogates(text.translate(_UNWANTED)).strip()
        if not text:
            return
        if self._due is not None:
            self._places.append(DocumentPlace(self._length, *self._due))
            self._due = None
        if heading:
            self._headings.append((self._length, " ".join(text.split())[:MAX_HEADING]))
        after = self._separator if separator is None else separator
        self._blocks.append(text + after)
        self._length += len(text) + len(after)
        check_length(self._length)

    def place(self, kind: str, name: str | int, inside: str = "", *, alone: bool = False) -> None:
        """Begin a place with the next block that is not blank."""
        self._due = (kind, str(name), inside, alone)

    def gap(self) -> None:
        """End a run of lines, such as the rows of a table, as a paragraph ends."""
        if self._blocks and not self._blocks[-1].endswith("\n\n"):
            self._blocks[-1] += "\n"
            self._length += 1

    def nest(self, part: Extracted) -> None:
        """Add a whole text with its headings."""
        lead = len(part.text) - len(part.text.lstrip())
        start = self._length
        self.add(part.text, separator="\n\n")
        self._headings += [
            (start + max(0, at - lead), heading) for at, heading in part.headings if start < self._length
        ]

    def context(self, heading: str) -> None:
        """Name what stands above the next block without repeating it in the text."""
        if heading := " ".join(heading.split())[:MAX_HEADING]:
            self._headings.append((self._length, heading))

    def page(self) -> None:
        """Begin a page."""
        self._pages.append(self._length)

    def remark(self, line: str) -> None:
        """Note what of the document is not read."""
        self._remarks.append(line)

    def finish(self, title: str = "", author: str = "") -> Extracted:
        """The text, with the title and the author that the document says."""
        return Extracted(
            "".join(self._blocks),
            page_starts=tuple(self._pages),
            title=_tidy(title, 300),
            author=_tidy(author, 200),
            headings=tuple(self._headings),
            remarks=tuple(self._remarks),
            places=tuple(self._places),
            keeps_lines=False,
        )


def _tidy(text: str, size: int) -> str:
    return " ".join(without_surrogates(text.translate(_UNWANTED)).split())[:size]
