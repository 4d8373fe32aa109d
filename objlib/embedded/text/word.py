"""Word documents and templates (docx, dotx) to text: paragraphs, tables, notes and comments (ECMA-376, part 1, 17)."""

from typing import Final

from objlib.embedded.text.builder import TextBuilder
from objlib.embedded.text.extracted import Extracted
from objlib.embedded.text.zipped import Parts, Reader, picture_remark, related

_HIDDEN: Final = frozenset({"Fallback", "del", "moveFrom", "rubyPr", "rt", "sdtPr", "pPrChange", "rPrChange"})
"""Elements whose text is not seen: a second version for old programs, what was deleted, phonetic guides."""
_MARKS: Final = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "ptab": "\t"}
_NOTES: Final = (("footnotes", "Footnotes"), ("endnotes", "Endnotes"), ("comments", "Comments"))
_MAX_STYLES: Final = 20
"""Steps from a style to those that it is based on."""


def word_text(data: bytes) -> Extracted:
    """Extract the text of a Word document; a heading is a paragraph whose style says so.

    Raises:
        UnreadableError: damaged, protected by a password, or too large when unpacked.
    """
    parts = Parts(data, "Word")
    roots = parts.relations("")
    document = next(related(roots, "officeDocument"), "word/document.xml")
    relations = parts.relations(document)
    styles = _Styles()
    for name in related(relations, "styles"):
        parts.parse(name, styles)
    builder = TextBuilder()
    body = _Body(builder, styles.headings())
    parts.parse(document, body)
    for kind, title in _NOTES:
        for name in related(relations, kind):
            body.section = title
            parts.parse(name, body)
    for line in picture_remark(parts.pictures()):
        builder.remark(line)
    title, author = parts.core(next(related(roots, "core-properties"), "docProps/core.xml"))
    return builder.finish(title, author)


class _Styles(Reader):
    """Which styles are headings: by outline level, or by the built-in name, which no language translates."""

    def __init__(self) -> None:
        self._style = ""
        self._levels: dict[str, bool] = {}
        self._based_on: dict[str, str] = {}

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        value = attributes.get("val", "")
        if tag == "style":
            self._style = attributes.get("styleId", "")
        elif tag == "outlineLvl":
            self._levels[self._style] = value.isdigit() and int(value) < 9
        elif tag == "name" and value.lower().startswith(("heading ", "title")):
            self._levels.setdefault(self._style, True)
        elif tag == "basedOn":
            self._based_on[self._style] = value

    def headings(self) -> frozenset[str]:
        """The ids of the styles of headings."""
        found = {style for style, is_heading in self._levels.items() if is_heading}
        for style in self._based_on:
            base = style
            for _ in range(_MAX_STYLES):
                if base in self._levels or base not in self._based_on:
                    break
                base = self._based_on[base]
            if self._levels.get(base):
                found.add(style)
        return frozenset(found)


class _Body(Reader):
    """Writes paragraphs, and a row of a table as one line."""

    def __init__(self, builder: TextBuilder, headings: frozenset[str]) -> None:
        self.section = ""
        self._builder = builder
        self._styles = headings
        self._hidden = 0
        self._text = False
        self._paragraphs: list[
            list[str]
        ] = []  # a text box stands inside the paragraph that it is anchored in
        self._heading: list[bool] = []
        self._rows: list[list[list[str]]] = []
        self._number = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if self._hidden or tag in _HIDDEN:
            self._hidden += 1
        elif tag == "t":
            self._text = True
        elif tag == "p":
            self._paragraphs.append([])
            self._heading.append(False)
        elif tag == "tr":
            self._rows.append([])
        elif tag == "tc" and self._rows:
            self._rows[-1].append([])
        elif not self._paragraphs:
            pass
        elif tag in _MARKS:
            self._paragraphs[-1].append(_MARKS[tag])
        elif tag == "pStyle":
            self._heading[-1] = attributes.get("val", "") in self._styles
        elif tag == "outlineLvl":
            self._heading[-1] = attributes.get("val", "9") != "9"

    def end(self, tag: str) -> None:
        if self._hidden:
            self._hidden -= 1
        elif tag == "t":
            self._text = False
        elif tag == "p" and self._paragraphs:
            self._end_paragraph("".join(self._paragraphs.pop()), heading=self._heading.pop())
        elif tag == "tr" and self._rows:
            cells = [" ".join(" ".join(cell).split()) for cell in self._rows.pop()]
            self._write("\t".join(cells), separator="\n")
        elif tag == "tbl":
            self._builder.gap()

    def data(self, text: str) -> None:
        if self._text and not self._hidden and self._paragraphs:
            self._paragraphs[-1].append(text)

    def _end_paragraph(self, text: str, *, heading: bool) -> None:
        self._number += 1
        if self._rows and self._rows[-1]:
            self._rows[-1][-1].append(text)
        else:
            self._write(text, heading=heading)

    def _write(self, text: str, *, heading: bool = False, separator: str | None = None) -> None:
        if not text.strip():
            return
        if self.section:
            self._builder.context(self.section)
            self.section = ""
        self._builder.place("paragraph", self._number)
        self._builder.add(text, heading=heading, separator=separator)
