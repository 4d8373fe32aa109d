"""Rows of CSV and the like, lines of JSON Lines, items of JSON: the text as it stands in the file, and its places.

Line ends stay as they are, so that the lines of the text are those of the file.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

from objlib.core.library.decode import LINE_END
from objlib.embedded.text.extracted import Extracted
from objlib.embedded.text.markdown import MAX_HEADING
from objlib.embedded.text.spool import CountedPlaces, TextSpool, utf8_at_most

_MAX_LINES: Final = 1000
"""Lines of one row; with more, a quotation mark was left open and each line counts as a row."""
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\(?:.|\Z))*+(?:"|\Z)|[\[\]{},:]', re.DOTALL)
"""A string, also one that is left open, or a mark; a string that failed to match would be tried at each quote in it."""
_ESCAPE: Final = re.compile(r'\\(?:u([0-9a-fA-F]{4})(?:\\u([dD][c-fC-F][0-9a-fA-F]{2}))?|(["\\/bfnrt]))')
_PLAIN: Final = {'"': '"', "\\": "\\", "/": "/", "b": " ", "f": " ", "n": " ", "r": " ", "t": " "}
"""The characters that escapes stand for. A line end becomes a blank, so that lines stay lines of the file."""
_KEY: Final = re.compile(r'"((?:[^"\\]|\\.){0,200})"')
_BLANK: Final = re.compile(r"\s*")
_OPENING: Final = frozenset("[{")
_CLOSING: Final = frozenset("]}")
_OUTER: Final = 2
"""Depth of the values that are places: items of the outermost value, and of lists directly in it."""


@dataclass(slots=True)
class _Open:
    """An object or a list that is open: its present key or index."""

    is_list: bool
    key: str = ""
    index: int = 0


def table_text(text: str) -> Extracted:
    """The rows of a table in a text file; its first row is the context of every passage.

    A row is counted as a spreadsheet counts it: the first is row 1, whatever lines it takes.
    """
    places = CountedPlaces("row")
    for number, start in enumerate(_row_starts(text), 1):
        places.add(start, number=number)
    if not places:
        return Extracted(text)
    header = text[places[0].start : places[1].start] if len(places) > 1 else ""
    header = re.sub(r"\s*[,;\t|]\s*", ", ", header.replace('"', "").strip())[:MAX_HEADING]
    return Extracted(text, headings=((0, header),) if header else (), places=places)


def lines_text(text: str) -> Extracted:
    """The records of JSON Lines, one a line."""
    places = CountedPlaces("line")
    start = 0
    for number, end in enumerate(chain(LINE_END.finditer(text), (None,)), 1):
        stop = end.start() if end else len(text)
        if not text[start:stop].isspace() and start < stop:
            places.add(start, number=number)
        start = end.end() if end else stop
    held = [text]
    del text
    return _resolved(held, places)


def json_text(text: str) -> Extracted:
    """JSON with its escapes resolved; a place is an item of the outermost value, or of a list in it.

    The text is not parsed as a whole, so that broken JSON is text too.
    """
    places = CountedPlaces("item")
    for start, name, number in _items(text):
        places.add(start, name, number)
    held = [text]
    del text
    return _resolved(held, places)


def _row_starts(text: str) -> Iterator[int]:
    """Where each row begins: at a line outside quotation marks."""
    start = 0
    quoted, lines = False, 0
    held: list[int] = []
    for end in chain(LINE_END.finditer(text), (None,)):
        stop = end.start() if end else len(text)
        line = text[start:stop]
        if not quoted:
            held.clear()
            if line.strip():
                yield start
            lines = 0
        elif line.strip():
            held.append(start)
        lines += 1
        if line.count('"') % 2:
            quoted = not quoted
        if quoted and lines > _MAX_LINES:
            yield from held
            quoted = False
        start = end.end() if end else stop
    if quoted:
        yield from held


def _items(text: str) -> Iterator[tuple[int, str, int]]:
    """Start and path of each item: ``users[`` and 3, ``[`` and 12, or ``title`` and -1."""
    opened: list[_Open] = []
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in _OPENING:
            opened.append(_Open(mark == "["))
        elif mark in _CLOSING:
            del opened[-1:]
            continue
        elif mark == "," and opened:
            opened[-1].index += 1
        else:
            continue
        blank = _BLANK.match(text, token.end())
        start = blank.end() if blank else token.end()
        if start == len(text) or text[start] in _CLOSING:
            continue
        if len(opened) == 1:
            key = None if opened[0].is_list else _KEY.match(text, start)
            opened[0].key = key[1] if key else ""
            if opened[0].is_list:
                yield start, "[", opened[0].index
            elif key:
                yield start, key[1], -1
        elif len(opened) == _OUTER and opened[1].is_list and not opened[0].is_list:
            yield start, opened[0].key + "[", opened[1].index


def _resolved(held: list[str], places: CountedPlaces) -> Extracted:
    """The text, taken from ``held``, with the characters that escapes stand for, and its places moved along."""
    text = held.pop()
    if "\\" in text:
        spool = TextSpool(utf8_at_most(text))
        places.move(_unescape(text, spool))
        del text  # before the other is made of the spool
        text = spool.take()
    return Extracted(text, places=places)


def _unescape(text: str, spool: TextSpool) -> Iterator[tuple[int, int]]:
    """Write the text without escapes; where each ended, and the characters that it lost."""
    position = 0
    for escape in _ESCAPE.finditer(text):
        character = _character(escape)
        spool.add(text[position : escape.start()])
        spool.add(character)
        position = escape.end()
        yield position, len(escape[0]) - len(character)
    spool.add(text[position:])


def _character(escape: re.Match[str]) -> str:
    code, low, letter = escape.groups()
    if letter:
        return _PLAIN[letter]
    number = int(code, 16)
    if low and 0xD800 <= number < 0xDC00:
        return chr(0x10000 + ((number - 0xD800) << 10) + int(low, 16) - 0xDC00)
    first = "\ufffd" if 0xD800 <= number < 0xE000 else chr(number) if number >= 32 else " "
    return first + ("\ufffd" if low else "")  # a second half without its first
