"""Excel workbooks (xlsx) to text: one line a row, with the values that the cells show (ECMA-376, part 1, 18)."""

import re
from datetime import datetime, timedelta
from typing import Final

from objlib.embedded.text.builder import TextBuilder, check_length
from objlib.embedded.text.extracted import Extracted
from objlib.embedded.text.zipped import Parts, Reader, picture_remark, related

_DATES: Final = frozenset([*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)])
"""The built-in number formats of dates and times (ECMA-376, part 1, 18.8.30)."""
_LITERAL: Final = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
_DATE_LETTER: Final = re.compile(r"[dmyhs]", re.IGNORECASE)
_MAX_TITLE: Final = 100
"""Characters of a sheet's title: Excel writes 31, and each row repeats them."""
_MAX_CODE: Final = 255
"""Characters of a number format: Excel's own limit. A bracket that is left open would be looked for from each other."""
_LAST_DAY: Final = 2_958_465
"""The serial number of 9999-12-31."""
_TRUE_OR_FALSE: Final = {"1": "TRUE", "0": "FALSE"}


def sheets_text(data: bytes) -> Extracted:
    """Extract the text of a workbook; each sheet stands alone, and a place is a row by the number that Excel shows.

    Raises:
        UnreadableError: damaged, protected by a password, or too large when unpacked.
    """
    parts = Parts(data, "Excel")
    roots = parts.relations("")
    workbook = next(related(roots, "officeDocument"), "xl/workbook.xml")
    relations = parts.relations(workbook)
    book = _Book()
    parts.parse(workbook, book)
    strings, styles = _Strings(), _Formats()
    for name in related(relations, "sharedStrings"):
        parts.parse(name, strings)
    for name in related(relations, "styles"):
        parts.parse(name, styles)
    builder = TextBuilder("\n")
    for title, relation in book.sheets:
        sheet = SheetWriter(builder, title)
        name = relations.get(relation, ("", ""))[1]
        parts.parse(
            name, _Rows(sheet, strings.strings, styles.dates(), first_day(epoch_1904=book.epoch_1904))
        )
        for comments in related(parts.relations(name), "comments"):
            notes = _Strings("comment")
            parts.parse(comments, notes)
            for note in notes.strings:
                builder.place("comment", "", f"sheet {title[:_MAX_TITLE]}")
                builder.add(f"Comment: {note}")
        builder.gap()
    for line in picture_remark(parts.pictures()):
        builder.remark(line)
    return builder.finish(*parts.core(next(related(roots, "core-properties"), "docProps/core.xml")))


class SheetWriter:
    """Writes the rows of one sheet; the first of them is the context of every passage."""

    def __init__(self, builder: TextBuilder, title: str) -> None:
        self._builder = builder
        self._title = title[:_MAX_TITLE]
        self._first = True

    def row(self, number: int | str, cells: list[str]) -> None:
        """Write a row, unless it is blank."""
        check_length(sum(map(len, cells)))  # cells share their texts, and a row is put together as a whole
        values = [" ".join(cell.split()) for cell in cells]
        if not any(values):
            return
        if self._first:
            self._builder.gap()
            self._builder.context(f"{self._title}: {', '.join(filter(None, values))}")
        self._builder.place("row", number, f"sheet {self._title}", alone=self._first)
        self._first = False
        self._builder.add("\t".join(values).rstrip("\t"))


def first_day(*, epoch_1904: bool) -> datetime:
    """Day 0 of a workbook; 1899-12-30 makes up for the 29 February 1900 that Excel believes in."""
    return datetime(1904, 1, 1) if epoch_1904 else datetime(1899, 12, 30)


def date_text(serial: float, epoch: datetime) -> str:
    """A serial number as date, time, or both; as a number where no calendar has it."""
    if not 0 <= serial <= _LAST_DAY:
        return f"{serial:.15g}"
    moment = epoch + timedelta(seconds=round(serial * 86_400))
    if serial < 1:
        return f"{moment:%H:%M:%S}"
    return f"{moment:%Y-%m-%d}" if serial == int(serial) else f"{moment:%Y-%m-%d %H:%M:%S}"


def is_date_format(code: str) -> bool:
    """Whether a number format shows a date or a time."""
    return _DATE_LETTER.search(_LITERAL.sub("", code[:_MAX_CODE].partition(";")[0])) is not None


class _Book(Reader):
    def __init__(self) -> None:
        self.sheets: list[tuple[str, str]] = []
        self.epoch_1904 = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "sheet":
            self.sheets.append((attributes.get("name", ""), attributes.get("id", "")))
        elif tag == "workbookPr":
            self.epoch_1904 = attributes.get("date1904", "0") in {"1", "true"}


class _Strings(Reader):
    """The texts of a list of strings, without phonetic guides."""

    def __init__(self, item: str = "si") -> None:
        self.strings: list[str] = []
        self._item = item
        self._pieces: list[str] = []
        self._text = False
        self._phonetic = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "t":
            self._text = not self._phonetic
        elif tag == "rPh":
            self._phonetic = True

    def end(self, tag: str) -> None:
        if tag == "t":
            self._text = False
        elif tag == "rPh":
            self._phonetic = False
        elif tag == self._item:
            self.strings.append("".join(self._pieces))
            self._pieces.clear()

    def data(self, text: str) -> None:
        if self._text:
            self._pieces.append(text)


class _Formats(Reader):
    """Which styles of cells show dates."""

    def __init__(self) -> None:
        self._own: dict[str, bool] = {}
        self._used: list[str] = []
        self._cells = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "numFmt":
            self._own[attributes.get("numFmtId", "")] = is_date_format(attributes.get("formatCode", ""))
        elif tag == "cellXfs":
            self._cells = True
        elif tag == "xf" and self._cells:
            self._used.append(attributes.get("numFmtId", "0"))

    def end(self, tag: str) -> None:
        if tag == "cellXfs":
            self._cells = False

    def dates(self) -> frozenset[str]:
        """The numbers of the styles, as cells name them."""
        return frozenset(
            str(number)
            for number, used in enumerate(self._used)
            if self._own.get(used, used.isdecimal() and int(used) in _DATES)
        )


class _Rows(Reader):
    """Writes the rows of a sheet as their ends are met."""

    def __init__(
        self, sheet: SheetWriter, strings: list[str], dates: frozenset[str], epoch: datetime
    ) -> None:
        self._sheet = sheet
        self._strings = strings
        self._dates = dates
        self._epoch = epoch
        self._cells: list[str] = []
        self._kind = self._style = ""
        self._value: list[str] = []
        self._reading = False
        self._number = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "row":
            number = attributes.get("r", "")
            self._number = int(number) if number.isdecimal() and len(number) < 10 else self._number + 1
            self._cells = []
        elif tag == "c":
            self._kind, self._style = attributes.get("t", "n"), attributes.get("s", "0")
            self._value.clear()
        elif tag in {"v", "t"}:
            self._reading = True

    def end(self, tag: str) -> None:
        if tag in {"v", "t"}:
            self._reading = False
        elif tag == "c":
            self._cells.append(self._shown("".join(self._value)))
        elif tag == "row":
            self._sheet.row(self._number, self._cells)

    def data(self, text: str) -> None:
        if self._reading:
            self._value.append(text)

    def _shown(self, value: str) -> str:
        if self._kind == "s":
            at = int(value) if value.isdecimal() and len(value) < 10 else -1
            return self._strings[at] if 0 <= at < len(self._strings) else ""
        if self._kind == "b":
            return _TRUE_OR_FALSE.get(value, value)
        if self._kind != "n" or not value:
            return value
        try:
            number = float(value)
        except ValueError:
            return value
        return date_text(number, self._epoch) if self._style in self._dates else f"{number:.15g}"
