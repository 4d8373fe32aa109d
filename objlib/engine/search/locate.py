"""Search for a cited passage in the file on disk, so that a citation names a line that the user can open."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from objlib.core.library.decode import LINE_END, UnreadableError, decode, without_inline_data

MAX_FILE: Final = 32 * 1024 * 1024
"""Bytes of a file that is searched; the search reads it whole."""
_HEADING: Final = re.compile(r"(?:^|(?<=[\r\n]))#{1,6}[ \t]+([^\r\n]+?)[ \t#]*(?=[\r\n]|$)")
_WORD: Final = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a passage: 1-based first and last line, and the heading above it."""

    line_start: int
    line_stop: int
    heading: str | None


def locate_in_file(path: Path, passage: str) -> Place | None:
    """The place of ``passage`` in a text file; None where it does not stand there, letter by letter or word by word.

    None as well for a file that cannot be read: a citation without a line is still a citation.
    """
    try:
        if path.stat().st_size > MAX_FILE:
            return None
        text = decode(path.read_bytes()).text
    except (OSError, UnreadableError):
        return None
    span = locate(text, passage)
    if span is None:  # the embedded store indexes a text without its inline pictures
        text = without_inline_data(text)
        span = locate(text, passage)
    if span is None:
        return None
    start, stop = span
    breaks = [match.start() for match in LINE_END.finditer(text)]
    heading = None
    for match in _HEADING.finditer(text, 0, stop):
        if match.start() > start and heading is not None:
            break
        heading = match.group(1)
    return Place(
        bisect_right(breaks, start - 1) + 1, bisect_right(breaks, max(start, stop - 1) - 1) + 1, heading
    )


def locate(text: str, passage: str) -> tuple[int, int] | None:
    """Character offsets of ``passage`` in ``text``: letter by letter, else word by word whatever the spaces."""
    passage = passage.strip()
    if not passage:
        return None
    at = text.find(passage)
    if at >= 0:
        return at, at + len(passage)
    sought = [match.group() for match in _WORD.finditer(passage)]
    words = list(_WORD.finditer(text))
    for first, match in enumerate(words):
        if match.group() != sought[0] or first + len(sought) > len(words):
            continue
        if all(words[first + n].group() == word for n, word in enumerate(sought)):
            return match.start(), words[first + len(sought) - 1].end()
    return None
