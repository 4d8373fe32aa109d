"""Text for a terminal: escapes, colours, width, and numbers in human units.

File names, answers and error messages come from outside. Characters that could move the cursor, rewrite the line
or reverse its reading direction are shown as escapes, so that a file's name cannot forge our output.
"""

import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import partialmethod
from typing import Final, TextIO

from objlib.core.counting import plural

_UNSAFE: Final = re.compile(
    # C0 and C1 controls with DEL; direction overrides and isolates (Trojan Source, CVE-2021-42574); line and
    # paragraph separators; invisible marks that no script needs; surrogates, which stand for bytes that are
    # not valid Unicode. Joiners and direction marks stay: Persian, Hindi and emoji are written with them.
    "[\x00-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]"
)
_WORD: Final = re.compile(r"`(?:\S*/)?objlib [^`\n]+`\S*|`\S*python\S* -m objlib [^`\n]+`\S*|\S+")
"""A word of running text, or a command between backticks."""
_WIDEST: Final = 100
"""Columns beyond which running text is no longer read easily."""


def safe(text: str) -> str:
    r"""One line of text in which nothing can act on the terminal: such characters are shown as ``\xNN``."""
    return _UNSAFE.sub(_escape, text)


def safe_block(text: str) -> str:
    """The same for text of several lines: line breaks stay, tabs become spaces."""
    flat = text.replace("\r\n", "\n").replace("\r", "\n").expandtabs(4)
    return "\n".join(safe(line) for line in flat.split("\n"))


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if 0xDC80 <= code <= 0xDCFF:  # os.fsdecode: byte 0x80 + n of a name that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


@dataclass(frozen=True, slots=True)
class Terminal:
    """How to write for one stream.

    Attributes:
        color: whether ANSI colours are wanted.
        unicode: whether it can show more than ASCII.
        width: columns for running text.
    """

    color: bool = False
    unicode: bool = True
    width: int = 88

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.color and text else text

    bold = partialmethod(_paint, "1")  # the words that matter
    dim = partialmethod(_paint, "2")  # hints
    red = partialmethod(_paint, "31")  # errors
    green = partialmethod(_paint, "32")  # success
    yellow = partialmethod(_paint, "33")  # warnings
    cyan = partialmethod(_paint, "36")  # paths

    def sign(self, fancy: str, plain: str) -> str:
        """A symbol, or its stand-in where the encoding has none."""
        return fancy if self.unicode else plain


def terminal_of(stream: TextIO, environ: Mapping[str, str] | None = None) -> Terminal:
    """How to write for ``stream``: NO_COLOR (no-color.org), FORCE_COLOR, TERM and COLUMNS are honoured."""
    variables = os.environ if environ is None else environ
    tty = is_terminal(stream)
    color = tty and variables.get("TERM") != "dumb"
    if variables.get("FORCE_COLOR"):
        color = True
    if variables.get("NO_COLOR"):
        color = False
    columns = shutil.get_terminal_size((_WIDEST, 24)).columns if tty else 88
    return Terminal(color, _speaks_unicode(stream), max(40, min(columns, _WIDEST)))


def is_terminal(stream: TextIO) -> bool:
    """Whether ``stream`` is a terminal; a closed one is none."""
    try:
        return stream.isatty()
    except ValueError:
        return False


def _speaks_unicode(stream: TextIO) -> bool:
    try:
        "✓…·—".encode(stream.encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return False
    return True


def steady_streams() -> None:
    """Make stdout and stderr safe to write to: always there, and never an encoding error."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # `objlib … >&-`
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8"))
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def columns(text: str) -> int:
    """Columns that ``text`` takes: wide East Asian characters take two, combining marks none (UAX 11)."""
    return sum(_char_columns(char) for char in text)


def _char_columns(char: str) -> int:
    if char.isascii():
        return 1
    if unicodedata.combining(char) or unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def wrap(text: str, width: int) -> list[str]:
    """Running text as lines of at most ``width`` columns; a word that is longer is broken.

    A command between backticks stays whole, so that it can be copied.
    """
    result: list[str] = []
    line, used = "", 0
    for word in _pieces(text, width):
        size = columns(word)
        if line and used + 1 + size > width:
            result.append(line)
            line, used = "", 0
        line, used = (f"{line} {word}", used + 1 + size) if line else (word, size)
    return [*result, line] if line else result


def _pieces(text: str, width: int) -> Iterator[str]:
    for word in _WORD.findall(text):
        if word.startswith("`") and " " in word:
            yield word
            continue
        piece, used = "", 0
        for char in word:
            size = _char_columns(char)
            if used + size > width:
                yield piece
                piece, used = "", 0
            piece, used = piece + char, used + size
        yield piece


def files_are(count: int) -> str:
    """``1 file is``, ``2 files are``."""
    return f"{plural(count, 'file')} {'is' if count == 1 else 'are'}"


def counts(counted: Mapping[str, int]) -> str:
    """``3 new, 1 changed``: every count that is not 0, with its word; empty when all are."""
    return ", ".join(f"{count:,} {word}" for word, count in counted.items() if count)


def phrases(*counted: tuple[int, str, str]) -> list[str]:
    """``2 files failed``: every count that is not 0, with its noun and the rest of the phrase."""
    return [f"{plural(count, noun)} {rest}" for count, noun, rest in counted if count]


def more(hidden: int, noun: str = "", hint: str = "") -> list[str]:
    """``and 3 more files (hint)``: the line below a list that was cut; none where nothing is hidden."""
    text = plural(hidden, f"more {noun}") if noun else f"{hidden:,} more"
    return [f"  and {text}{f' ({hint})' if hint else ''}"] if hidden > 0 else []


def about(number: float) -> str:
    """A measured number in two significant digits: ``0.083``, ``4``, ``3.9``, ``120``, ``1,200``."""
    return f"{float(f'{number:.2g}'):,.15g}"


def size(count: float) -> str:
    """Bytes in decimal units, as disks and the service's limits are given."""
    if count < 1000:
        return f"{count:.0f} B"
    for unit in ("kB", "MB", "GB", "TB"):
        count /= 1000
        if count < 999.5:
            return f"{count:.1f} {unit}" if count < 99.95 else f"{count:.0f} {unit}"
    return f"{count:.0f} TB"


def duration(seconds: float) -> str:
    """``0.4 s``, ``12 s``, ``3 min 20 s``, ``2 h 5 min``, ``3 d 4 h``."""
    whole = round(seconds)
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f} s"
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def moment(timestamp: float, zone: tzinfo | None = None) -> str:
    """A time in Unix seconds as local time with its zone; ``zone`` overrides the local one."""
    try:
        local = datetime.fromtimestamp(timestamp, UTC).astimezone(zone)
    except (ValueError, OverflowError, OSError):
        return f"{timestamp:.0f} (Unix seconds)"
    return local.strftime("%Y-%m-%d %H:%M:%S %Z")


def table(rows: list[tuple[str, str]], indent: str = "  ") -> list[str]:
    """Two aligned columns."""
    width = max((columns(name) for name, _ in rows), default=0)
    return [f"{indent}{name}{' ' * (width - columns(name))}  {value}".rstrip() for name, value in rows]
