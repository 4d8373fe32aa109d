"""Rows of CSV and the like, lines of JSON Lines, items of JSON: the text as it stands in the file, and its places.

Line ends stay as they are, so that the lines of the text are those of the file.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from objlib.core.library.decode import LINE_END
from objlib.embedded.text.extracted import DocumentPlace, Extracted
from objlib.embedded.text.markdown import MAX_HEADING

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

    @property
    def step(self) -> str:
        """The step of a path into it."""
        return f"[{self.index}]" if self.is_list else self.key


def table_text(text: str) -> Extracted:
    """The rows of a table in a text file; its first row is the context of every passage.

    A row is counted as a spreadsheet counts it: the first is row 1, whatever lines it takes.
    """
    starts = list(_row_starts(text))
    if not starts:
        return Extracted(text)
    header = text[starts[0] : starts[1]] if len(starts) > 1 else ""
    header = re.sub(r"\s*[,;\t|]\s*", ", ", header.replace('"', "").strip())[:MAX_HEADING]
    places = tuple(DocumentPlace(start, "row", str(number)) for number, start in enumerate(starts, 1))
    return Extracted(text, headings=((0, header),) if header else (), places=places)


def lines_text(text: str) -> Extracted:
    """The records of JSON Lines, one a line."""
    places = []
    start = 0
    for number, end in enumerate((*LINE_END.finditer(text), None), 1):
        stop = end.start() if end else len(text)
        if not text[start:stop].isspace() and start < stop:
            places.append((start, number))
        start = end.end() if end else stop
    plain, shift = _unescaped(text)
    return Extracted(
        plain, places=tuple(DocumentPlace(shift(at), "line", str(number)) for at, number in places)
    )


def json_text(text: str) -> Extracted:
    """JSON with its escapes resolved; a place is an item of the outermost value, or of a list in it.

    The text is not parsed as a whole, so that broken JSON is text too.
    """
    plain, shift = _unescaped(text)
    places = tuple(DocumentPlace(shift(start), "item", path) for start, path in _items(text))
    return Extracted(plain, places=places)


def _row_starts(text: str) -> Iterator[int]:
    """Where each row begins: at a line outside quotation marks."""
    start = 0
    quoted, lines = False, 0
    held: list[int] = []
    for end in (*LINE_END.finditer(text), None):
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


def _items(text: str) -> Iterator[tuple[int, str]]:
    """Start and path of each item: ``users[3]``, ``[12]`` or ``title``."""
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
            if key or opened[0].is_list:
                yield start, opened[0].step
        elif len(opened) == _OUTER and opened[1].is_list and not opened[0].is_list:
            yield start, opened[0].step + opened[1].step


def _unescaped(text: str) -> tuple[str, Callable[[int], int]]:
    """The text with the characters that escapes stand for, and where an offset of before is in it."""
    if "\\" not in text:
        return text, lambda at: at
    pieces, ends, gains = [], [0], [0]
    position = gain = 0
    for escape in _ESCAPE.finditer(text):
        character = _character(escape)
        pieces += [text[position : escape.start()], character]
        position = escape.end()
        gain += len(escape[0]) - len(character)
        ends.append(position)
        gains.append(gain)
    pieces.append(text[position:])
    return "".join(pieces), lambda at: at - gains[bisect_right(ends, at) - 1]


def _character(escape: re.Match[str]) -> str:
    code, low, letter = escape.groups()
    if letter:
        return _PLAIN[letter]
    number = int(code, 16)
    if low and 0xD800 <= number < 0xDC00:
        return chr(0x10000 + ((number - 0xD800) << 10) + int(low, 16) - 0xDC00)
    first = "\ufffd" if 0xD800 <= number < 0xE000 else chr(number) if number >= 32 else " "
    return first + ("\ufffd" if low else "")  # a second half without its first
