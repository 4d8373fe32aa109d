"""The front matter of a Markdown file: a small, safe subset of YAML between two lines of ``---``.

It understands ``key: value`` with plain, single- or double-quoted text, numbers, ``true`` and ``false``, and
lists of those, inline (``[a, b]``) or one ``- item`` a line. What is outside the subset (nested mappings,
block texts, anchors) is left out key by key; front matter that does not end is no front matter. There is no
way for a document to make this fail or to run anything, which is why no YAML library is used.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

HEAD: Final = 64 * 1024
"""Bytes at the start of a file that are searched for front matter."""

EXACT_INTEGER: Final = 2**24
"""The largest number up to which a 32-bit float, the service's kind of number, holds every integer.

Larger integers stay text, all of them: some fit, but a filter on a key needs values of one type.
"""

Scalar = str | int | float | bool
"""A value; a number only where a 32-bit float keeps it to the last digit, else the text as it was written."""

# Every repetition is bounded or unambiguous: no line, however long and odd, takes more than linear time.
_KEY: Final = re.compile(
    r"""(?:"([^"\\]*)"|'([^']*)'|([^\s"'#\[\]{},&*!|>%@`:?-][^:#]{0,127}?))\s{0,8}:(?:\s+(.*))?$"""
)
_ITEM: Final = re.compile(r"-(?:\s+(.*))?$")
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)$")
_DECIMAL: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][-+]?[0-9]+)?$")
_COMMENT: Final = re.compile(r"(?:^|(?<=\s))#")
_DOUBLE_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
_SINGLE_QUOTED: Final = re.compile(r"'((?:[^']|'')*)'")
_QUOTED_ITEM: Final = re.compile(rf"\s*(?:{_DOUBLE_QUOTED.pattern}|{_SINGLE_QUOTED.pattern})")
_ESCAPE: Final = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))")
_NAMED_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}
_LONGEST_NUMBER: Final = 32


class _OutsideSubsetError(Exception):
    """A value that this subset of YAML does not know."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One key with the value on its line and the lines that belong to it below."""

    key: str
    value: str
    below: list[str]

    @property
    def text(self) -> str:
        """The value on the key's line as text, whatever its type: without its comment and its quotes."""
        text = _without_comment(self.value)
        try:
            return _unquote(text)
        except _OutsideSubsetError:
            return text


def front_matter(head: bytes | str) -> dict[str, Scalar | list[Scalar]]:
    """The front matter in the first :data:`HEAD` of a text, in its order; empty when there is none."""
    text = head[:HEAD]
    lines, _ = split(text.decode("utf-8", "replace") if isinstance(text, bytes) else text)
    values: dict[str, Scalar | list[Scalar]] = {}
    for entry in entries(lines):
        try:
            value = _value(entry)
        except _OutsideSubsetError:
            continue
        if value is not None:
            values[entry.key] = value
    return values


def number(text: str) -> int | float | None:
    """The number that ``text`` is, when the service keeps it exactly; None otherwise.

    A leading zero makes a label of it (``007``), and so does more than :data:`EXACT_INTEGER`.
    """
    if len(text) > _LONGEST_NUMBER:
        return None
    if _INTEGER.match(text):
        value = int(text)
        return value if abs(value) <= EXACT_INTEGER else None
    if not _DECIMAL.match(text):
        return None
    try:
        (stored,) = struct.unpack("<f", struct.pack("<f", float(text)))
    except OverflowError:
        return None
    return float(stored) if stored == float(text) else None


def split(text: str) -> tuple[list[str], int]:
    """The lines between the two fences, and the offset of the body; no lines and 0 without front matter."""
    position = int(text.startswith("\ufeff"))
    lines: list[str] = []
    while position < len(text):
        stop = text.find("\n", position) + 1 or len(text)
        line = text[position:stop].rstrip()
        if lines and line in {"---", "..."}:
            return lines[1:], stop
        if not lines and line != "---":
            break
        lines.append(line)
        position = stop
    return [], 0


def entries(lines: list[str]) -> Iterator[Entry]:
    """The keys of the top level, each with its own lines."""
    current: Entry | None = None
    for line in lines:
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if line[0] in " \t" or _ITEM.match(stripped):
            if current is not None:
                current.below.append(stripped)
            continue
        if current is not None:
            yield current
        match = _KEY.match(stripped)
        if match is None:
            current = None
            continue
        double, single, plain, value = match.groups()
        key = next(text for text in (double, single, plain) if text is not None)
        current = Entry(key, (value or "").strip(), [])
    if current is not None:
        yield current


def _value(entry: Entry) -> Scalar | list[Scalar] | None:
    value = _without_comment(entry.value)
    if not value:
        return _block_list(entry.below)
    if entry.below:
        raise _OutsideSubsetError
    return _inline_list(value) if value.startswith("[") else _scalar(value)


def _block_list(lines: list[str]) -> list[Scalar] | None:
    items: list[Scalar] = []
    for line in lines:
        match = _ITEM.match(line)
        if match is None:
            raise _OutsideSubsetError
        text = _without_comment(match.group(1) or "")
        if _KEY.match(text) and text[0] not in "\"'":
            raise _OutsideSubsetError
        item = _scalar(text) if text else None
        if item is not None:
            items.append(item)
    return items or None


def _inline_list(text: str) -> list[Scalar] | None:
    if not text.endswith("]"):
        raise _OutsideSubsetError
    items: list[Scalar] = []
    at, end = 1, len(text) - 1
    while at < end:
        quoted = _QUOTED_ITEM.match(text, at, end)
        stop = text.find(",", quoted.end() if quoted else at, end)
        stop = end if stop < 0 else stop
        item = _scalar(text[at:stop].strip())
        if item is not None:
            items.append(item)
        at = stop + 1
    return items or None


def _scalar(text: str) -> Scalar | None:
    """The value of one scalar; None for nothing (``null``, ``~``)."""
    if text[:1] in {'"', "'"}:
        return _unquote(text)
    if text[:1] in {"[", "]", "{", "}", "&", "*", "!", "|", ">", "%", "@", "`"}:
        raise _OutsideSubsetError
    if text in {"", "~", "null", "Null", "NULL"}:
        return None
    if text in {"true", "True", "TRUE"}:
        return True
    if text in {"false", "False", "FALSE"}:
        return False
    value = number(text)
    return text if value is None else value


def _unquote(text: str) -> str:
    if match := _DOUBLE_QUOTED.fullmatch(text):
        return _ESCAPE.sub(_unescape, match.group(1))
    if match := _SINGLE_QUOTED.fullmatch(text):
        return match.group(1).replace("''", "'")
    raise _OutsideSubsetError


def _unescape(match: re.Match[str]) -> str:
    byte, short, long, other = match.groups()
    if other is not None:
        return _NAMED_ESCAPES.get(other, other)
    code = int(byte or short or long, 16)
    # Half a surrogate pair and what is above Unicode are no characters; UTF-8 could not carry them.
    return "\ufffd" if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF else chr(code)


def _without_comment(text: str) -> str:
    """``text`` without a trailing comment; a ``#`` inside quotes or a word is none."""
    quoted = _DOUBLE_QUOTED.match(text) or _SINGLE_QUOTED.match(text)
    comment = _COMMENT.search(text, quoted.end() if quoted is not None else 0)
    return text[: comment.start()].rstrip() if comment is not None else text
