"""Presentations (pptx) to text: slides in their order, with tables, diagrams and notes (ECMA-376, part 1, 19)."""

from typing import Final

from objlib.embedded.text.builder import TextBuilder
from objlib.embedded.text.extracted import Extracted
from objlib.embedded.text.zipped import Parts, Reader, picture_remark, related

_TITLES: Final = frozenset({"title", "ctrTitle"})
_NO_CONTENT: Final = frozenset({"sldNum", "dt", "ftr", "hdr", "sldImg"})
"""Placeholders that a master repeats on each slide."""


def slides_text(data: bytes) -> Extracted:
    """Extract the text of a presentation; each slide is a page and a place of its own.

    Raises:
        UnreadableError: damaged, protected by a password, or too large when unpacked.
    """
    parts = Parts(data, "PowerPoint")
    roots = parts.relations("")
    presentation = next(related(roots, "officeDocument"), "ppt/presentation.xml")
    relations = parts.relations(presentation)
    order = _Order()
    parts.parse(presentation, order)
    builder = TextBuilder()
    for number, slide in enumerate(order.slides, 1):
        name = relations.get(slide, ("", ""))[1]
        builder.page()
        builder.place("slide", number, alone=True)
        parts.parse(name, _Shapes(builder))
        attached = parts.relations(name)
        for diagram in related(attached, "diagramData"):
            parts.parse(diagram, _Shapes(builder))
        for kind, title in (("notesSlide", "Notes: "), ("comments", "Comment: ")):
            for note in related(attached, kind):
                parts.parse(note, _Shapes(builder, prefix=title))
    for line in picture_remark(parts.pictures()):
        builder.remark(line)
    return builder.finish(*parts.core(next(related(roots, "core-properties"), "docProps/core.xml")))


class _Order(Reader):
    """The relation ids of the slides in their order."""

    def __init__(self) -> None:
        self.slides: list[str] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "sldId":
            self.slides.append(attributes.get("id", ""))


class _Shapes(Reader):
    """Writes each shape as a block, and a row of a table as one line."""

    def __init__(self, builder: TextBuilder, prefix: str = "") -> None:
        self._builder = builder
        self._prefix = prefix
        self._shape: list[str] = []
        self._cells: list[str] | None = None
        self._kind = ""
        self._text = False
        self._fallback = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if self._fallback or tag == "Fallback":
            self._fallback += 1
        elif tag in {"t", "text"}:
            self._text = True
        elif tag == "sp":
            self._flush()
        elif tag == "ph":
            self._kind = attributes.get("type", "")
        elif tag == "br":
            self._shape.append("\n")
        elif tag == "tr":
            self._flush()
            self._cells = []

    def end(self, tag: str) -> None:
        if self._fallback:
            self._fallback -= 1
        elif tag in {"t", "text"}:
            self._text = False
            if tag == "text":
                self._flush()
        elif tag == "p":
            self._shape.append("\n")
        elif tag == "tc" and self._cells is not None:
            self._cells.append(" ".join("".join(self._shape).split()))
            self._shape.clear()
        elif tag == "tr" and self._cells is not None:
            self._builder.add("\t".join(self._cells), separator="\n")
            self._cells = None
        elif tag == "tbl":
            self._builder.gap()
        elif tag in {"sp", "sld", "notes", "dataModel"}:
            self._flush()

    def data(self, text: str) -> None:
        if self._text and not self._fallback:
            self._shape.append(text)

    def _flush(self) -> None:
        text, kind = "".join(self._shape).strip(), self._kind
        self._shape.clear()
        self._kind = ""
        if text and kind not in _NO_CONTENT:
            self._builder.add(self._prefix + text, heading=kind in _TITLES)
