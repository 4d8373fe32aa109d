"""OpenDocument texts (odt) to text: paragraphs, headings, tables and notes (OpenDocument 1.3, part 3)."""

from typing import Final

from objlib.core.library.decode import UnreadableError
from objlib.embedded.text.builder import TextBuilder
from objlib.embedded.text.extracted import Extracted
from objlib.embedded.text.zipped import Parts, Reader, picture_remark

_HIDDEN: Final = frozenset(
    {
        "tracked-changes",
        "note-citation",
        "annotation-end",
        "ruby-text",
        "forms",
        "binary-data",
        "sender-initials",
    }
)
_MAX_BLANKS: Final = 100
"""Blanks that one element may stand for."""
_PASSWORD: Final = (
    "The OpenDocument file is protected by a password. Save it without one and upload it again."
)


def opendocument_text(data: bytes) -> Extracted:
    """Extract the text of an OpenDocument text.

    Raises:
        UnreadableError: damaged, protected by a password, or too large when unpacked.
    """
    parts = Parts(data, "OpenDocument")
    if b"encryption-data" in parts.read("META-INF/manifest.xml"):
        raise UnreadableError(_PASSWORD)
    builder = TextBuilder()
    parts.parse("content.xml", _Body(builder))
    for line in picture_remark(parts.pictures()):
        builder.remark(line)
    return builder.finish(*parts.core("meta.xml"))


class _Body(Reader):
    """Writes paragraphs and headings, and a row of a table as one line."""

    def __init__(self, builder: TextBuilder) -> None:
        self._builder = builder
        self._hidden = 0
        self._paragraphs: list[list[str]] = []
        self._rows: list[list[list[str]]] = []
        self._number = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if self._hidden or tag in _HIDDEN:
            self._hidden += 1
        elif tag in {"p", "h"}:
            self._paragraphs.append([])
        elif tag == "table-row":
            self._rows.append([])
        elif tag == "table-cell" and self._rows:
            self._rows[-1].append([])
        elif not self._paragraphs:
            pass
        elif tag == "s":
            count = attributes.get("c", "1")
            self._paragraphs[-1].append(
                " " * (min(int(count), _MAX_BLANKS) if count.isdecimal() and len(count) < 6 else 1)
            )
        elif tag == "tab":
            self._paragraphs[-1].append("\t")
        elif tag == "line-break":
            self._paragraphs[-1].append("\n")

    def end(self, tag: str) -> None:
        if self._hidden:
            self._hidden -= 1
        elif tag in {"p", "h"} and self._paragraphs:
            self._end_paragraph("".join(self._paragraphs.pop()), heading=tag == "h")
        elif tag == "table-row" and self._rows:
            cells = [" ".join(" ".join(cell).split()) for cell in self._rows.pop()]
            if any(cells):
                self._builder.place("paragraph", self._number)
                self._builder.add("\t".join(cells), separator="\n")
        elif tag == "table":
            self._builder.gap()

    def data(self, text: str) -> None:
        if self._paragraphs and not self._hidden:
            self._paragraphs[-1].append(text)

    def _end_paragraph(self, text: str, *, heading: bool) -> None:
        self._number += 1
        if self._rows and self._rows[-1]:
            self._rows[-1][-1].append(text)
        elif text.strip():
            self._builder.place("paragraph", self._number)
            self._builder.add(text, heading=heading)
