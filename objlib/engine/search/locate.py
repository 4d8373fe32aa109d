"""Search for cited passages in the file on disk, so that a citation names a line that the user can open.

Everything here blocks, and runs in a worker thread. The work is linear in the file, and is done in pieces between
which a cancelled caller is noticed.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from io import FileIO
from os import fstat
from typing import Final, NamedTuple

from objlib.core.library.decode import UnreadableError, decode, without_inline_data
from objlib.core.library.mime import is_text_type
from objlib.core.library.paths import disk_path
from objlib.core.library.visible_lines import visible_lines
from objlib.core.reports.answers import CitationState
from objlib.embedded import Extracted, PassagePlace, extract, has_places, passage_place
from objlib.engine.scan.read_file import MAX_DOCUMENT, open_regular
from objlib.engine.scan.scope import Absence, Scope
from objlib.ledger import FileRow
from objlib.threads import checkpoint_in_thread

MAX_FILE: Final = 32 * 1024 * 1024
"""Bytes of a file that is searched; the search holds it in memory."""
MAX_STRUCTURED: Final = 8 * 1024 * 1024
"""Bytes of a file that is read by the structure of its format, for each search that finds it."""
_BLOCK: Final = 1024 * 1024
"""Bytes or characters of one piece of work."""
_HEADING: Final = re.compile(r"(?m)^#{1,6}[ \t]+(\S.*)$")
_WORD: Final = re.compile(r"\S+")


class Place(NamedTuple):
    """The place of a passage: 1-based first and last line, and the heading above it."""

    line_start: int
    line_stop: int
    heading: str | None


class CitedPassage(NamedTuple):
    """A passage, and the hash of the document that it is from, where the service says."""

    text: str
    content_hash: str | None


class CheckedPassage(NamedTuple):
    """How the file of a passage is now, and the passage's place in it; None where it does not stand there.

    Label, heading and page are those of a format that has more than lines, such as a presentation.
    """

    state: CitationState
    place: Place | None
    label: str | None = None
    heading: str | None = None
    page: int | None = None


def check_passages(scope: Scope, row: FileRow, passages: Sequence[CitedPassage]) -> list[CheckedPassage]:
    """Look for the passages of one file with one read; what a scan would not read is not opened."""
    absent = scope.absent(row)
    if absent is not None:
        left_out = absent.kind is Absence.LINK  # by the rule that links to files outside are not followed
        state = CitationState.LEFT_OUT if left_out else CitationState(absent.kind)
        return [CheckedPassage(state, None)] * len(passages)
    try:
        with open_regular(disk_path(scope.root, row)) as source:
            content_hash, data = _read(source, row)
    except OSError:
        return [CheckedPassage(CitationState.UNREADABLE, None)] * len(passages)
    text = _decoded(data) if is_text_type(row.mime_type) else ""
    # The embedded store has the second, and of a page the third.
    texts = {
        raw: _Text(raw)
        for raw in (text, without_inline_data(text), visible_lines(text, row.mime_type, row.file_path))
    }
    structure = _structure(data, row)
    if structure is not None and structure.keeps_lines:
        texts[structure.text] = _Text(structure.text)
    checked = []
    for passage in passages:
        same = content_hash == (passage.content_hash or row.indexed_hash)
        state = CitationState.CURRENT if same else CitationState.CHANGED
        places = (text.place(passage.text) for text in texts.values())
        place = next((place for place in places if place is not None), None)
        checked.append(CheckedPassage(state, place, *_place_in(structure, passage.text)))
    return checked


def _structure(data: bytes, row: FileRow) -> Extracted | None:
    """The text of a file as its reader gives it, if its format has places; None for any other."""
    if not data or len(data) > MAX_STRUCTURED or not has_places(row.mime_type, row.file_path):
        return None
    try:
        return extract(data, mime_type=row.mime_type, name=row.file_path)
    except UnreadableError:
        return None


def _place_in(structure: Extracted | None, passage: str) -> PassagePlace:
    """The place of a passage in the words of its format."""
    span = _Text(structure.text).span(passage) if structure is not None else None
    return passage_place(structure, *span) if structure is not None and span is not None else PassagePlace()


def _decoded(data: bytes) -> str:
    """The text of a file as the index reads it; empty for one that is no text any more."""
    try:
        return decode(data).text
    except UnreadableError:
        return ""


def _read(source: FileIO, row: FileRow) -> tuple[str, bytes]:
    """The hash of a file (empty for one that is too large for a document), and its bytes if they are text.

    Of a file without lines, such as a PDF, that is as the last scan saw it, nothing is read.
    """
    status = fstat(source.fileno())
    structured = status.st_size <= MAX_STRUCTURED and has_places(row.mime_type, row.file_path)
    keeps = structured or (is_text_type(row.mime_type) and status.st_size <= MAX_FILE)
    if not keeps and (status.st_size, status.st_mtime_ns) == (row.size, row.mtime_ns):
        return row.content_hash, b""
    digest, blocks, size = sha256(), [], 0
    while block := source.read(_BLOCK):
        checkpoint_in_thread()
        size += len(block)
        if size > MAX_DOCUMENT:
            return "", b""
        digest.update(block)
        if keeps:
            blocks.append(block)
    return digest.hexdigest(), b"" if size > MAX_FILE else b"".join(blocks)


@dataclass(frozen=True)
class _Text:
    """The text of a file, and where passages stand in it."""

    raw: str

    def place(self, passage: str) -> Place | None:
        """The place of ``passage``: letter by letter, else word by word whatever the white space between."""
        span = self._span(_with_plain_ends(passage).strip())
        if span is None:
            return None
        start, stop = span
        first = self._text.count("\n", 0, start) + 1
        return Place(first, first + self._text.count("\n", start, stop), self._heading(start, stop))

    def span(self, passage: str) -> tuple[int, int] | None:
        """The offsets of ``passage`` in the text as it is; None if it does not stand there."""
        span = self._span(_with_plain_ends(passage).strip())
        if span is None or "\r" not in self.raw:
            return span
        # Each line end of two characters counts as one so far.
        pairs = [pair.start() - number for number, pair in enumerate(re.finditer("\r\n", self.raw))]
        start, stop = (offset + bisect_left(pairs, offset) for offset in span)
        return start, stop

    @cached_property
    def _text(self) -> str:
        return _with_plain_ends(self.raw)

    @cached_property
    def _words(self) -> str:
        """The text with a single blank for each run of white space."""
        pieces: list[str] = [""]
        for start in range(0, len(self._text), _BLOCK):
            checkpoint_in_thread()
            block = self._text[start : start + _BLOCK]
            piece = " ".join(block.split())
            lead = " " if block[0].isspace() and not pieces[-1].endswith(" ") else ""
            trail = " " if piece and block[-1].isspace() else ""
            if more := lead + piece + trail:
                pieces.append(more)
        return "".join(pieces)

    @cached_property
    def _headings(self) -> list[tuple[int, str]]:
        """Offset and title of each heading in Markdown."""
        titles = [(match.start(), match[1].rstrip(" \t#")) for match in _HEADING.finditer(self._text)]
        return [(start, title) for start, title in titles if title]

    def _span(self, passage: str) -> tuple[int, int] | None:
        checkpoint_in_thread()
        if not passage:
            return None
        at = self._text.find(passage)
        if at >= 0:
            return at, at + len(passage)
        sought = " ".join(passage.split())
        at = self._words.find(sought)
        if at < 0:
            return None
        before = at - self._words.count(" ", 0, at)
        return self._offset(before), self._offset(before + len(sought) - sought.count(" ") - 1) + 1

    def _offset(self, nth: int) -> int:
        """The offset of the character before which ``nth`` others are no white space."""
        for start in range(0, len(self._text), _BLOCK):
            checkpoint_in_thread()
            block = self._text[start : start + _BLOCK]
            inside = len("".join(block.split()))
            if nth < inside:
                for match in _WORD.finditer(block):
                    if nth < len(match[0]):
                        return start + match.start() + nth
                    nth -= len(match[0])
            nth -= inside
        raise AssertionError("the text has fewer characters")

    def _heading(self, start: int, stop: int) -> str | None:
        """The nearest heading at or above ``start``; at the top of a file the first one in the passage."""
        above = bisect_right(self._headings, start, key=lambda heading: heading[0])
        if not above and self._headings and self._headings[0][0] < stop:
            above = 1
        return self._headings[above - 1][1] if above else None


def _with_plain_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
