"""Cut a text into passages that can be quoted: ``text[start:stop]`` is exactly the passage.

A passage is a run of paragraphs, filled up with the first sentences of the next one. A sentence that is too
long is cut at line ends (code, tables, verse), then at clauses, then at words, and a "word" longer than a
passage by force.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import merge
from math import ceil

from objlib.embedded.text.extracted import Extracted
from objlib.embedded.text.sentences import CLOSERS

PASSAGE_WORDS = 180
"""Words in a passage: about 240 of the 256 tokens that the embedding model reads."""
_STRETCH = 1.2
"""Times PASSAGE_WORDS that a passage may hold rather than leave a small rest."""
_TAIL = 0.4
"""Share of PASSAGE_WORDS below which a passage joins its neighbour where it can, even under the next heading."""
_FULL = 0.85
"""Share of PASSAGE_WORDS from which on a passage ends with its paragraph.

An emptier one takes sentences of the next paragraph: the books of the benchmark have 6 % fewer passages, of 156 words
on average instead of 147. From 1.0 on more paragraphs are torn, and no passage is saved.
"""
_CHARS_PER_WORD = 10
"""Characters that count as one word in text without spaces: no passage is longer than PASSAGE_WORDS times this."""
_PARAGRAPH = re.compile(r"\n[^\S\n]*(?:\n\s*)+|\r[^\S\r\n]*(?:\r\s*)+|\f\s*")
_CUTS = (
    _PARAGRAPH,
    # SENTENCE_BORDER, but it begins with the marks, for which the engine looks ten times as fast.
    re.compile(rf"[.!?\u2026]{CLOSERS}{{0,2}}(\s+)|[\u3002\uff01\uff1f]()"),
    re.compile(r"[\r\n]\s*"),
    re.compile("(?<=[;:,\u2013\u2014])\\s+|(?<=[\u3001\uff0c\uff1b])"),
    re.compile(r"\s+"),
)
_SENTENCES = 1
"""The level of _CUTS that parts sentences."""
_MARKS = (
    "\n\r\f",
    ".!?\u2026\u3002\uff01\uff1f",
    "\r\n",
    ";:,\u2013\u2014\u3001\uff0c\uff1b",
    " \t\n\r\f\xa0\u2003\u3000",
)
"""Characters without which a text has no border of that level."""
_HUGE = 200_000
"""Characters of a piece from which on its borders are not looked for one by one where there can be none."""
_RUNS = 12
"""Parts of a passage by which a sentence that is too long is cut at words: 15 words each."""
_CJK = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage by its character offsets; neither end is white space.

    Its heading is the nearest at or above its first paragraph. Its page, from 1, is that of all its text.
    """

    start: int
    stop: int
    heading: str
    page: int | None


def chunks(extracted: Extracted, size: int = PASSAGE_WORDS) -> list[Chunk]:
    """Cut a document into passages of about ``size`` words, in order, covering all of its text.

    A heading starts a new passage unless the one before it is still small; a page, and a place that stands alone,
    always does. A place, such as a row of a table, is cut only if it is longer than a passage. From ``body_start``
    on every character that is not white space is in exactly one passage.
    """
    packer = _Packer(extracted, size)
    start = extracted.body_start
    for border, ends_passage in _borders(extracted):
        stop = max(start, border)
        if extracted.page_starts:
            packer.size = _even_size(weight(extracted.text[start:stop]), size)
        for unit in _units(extracted.text, start, stop, packer.size, 0):
            packer.add(*unit)
        if ends_passage:
            packer.end_passage()
        start = stop
    return packer.finish()


def _borders(extracted: Extracted) -> Iterator[tuple[int, bool]]:
    """Offsets that a unit never runs over, in order, and whether no passage does so either."""
    places = ((place.start, place.alone) for place in extracted.places)  # a table may have a million
    pages = (
        (start, True) for start in extracted.page_starts
    )  # a citation names the page that its words are on
    yield from merge(places, pages)
    yield len(extracted.text), True


def _even_size(words: float, size: int) -> int:
    """Words of each passage of a page, so that its last one is no scrap: of 400 words on a page two of 200."""
    return ceil(words / ceil(words / (size * _STRETCH))) if words else size


def weight(text: str) -> float:
    """The length of a text in words; scripts written without spaces count by character."""
    words = float(len(text.split()))
    if not text.isascii():
        words += len(_CJK.findall(text)) * 0.75  # 0.75 words a token in English, one token a character here
    return max(words, len(text) / _CHARS_PER_WORD)


def _units(text: str, start: int, stop: int, size: int, level: int) -> Iterator[tuple[int, int, float]]:
    """Spans, with their weights, of at most ``size`` words each, cut at the strongest border that suffices."""
    position = start
    if stop - start > _HUGE and not any(mark in text for mark in _MARKS[level]):
        yield from _fit(text, start, stop, size, level)
        return
    if level == len(_CUTS) - 1 and (count := size // (2 if stop - start > _HUGE else _RUNS)) > 1:
        # One by one, the words of a line of 95 MB would take minutes.
        run = re.compile(rf"(?:\S{{1,{2 * _CHARS_PER_WORD}}}+\s++){{{count}}}+")
        while match := run.match(text, position, stop):
            unit = match[0].rstrip()
            if (words := weight(unit)) > size:
                break  # of a script that counts by characters
            yield position, position + len(unit), words
            position = match.end()
    for cut in _CUTS[level].finditer(text, position, stop):
        yield from _fit(text, position, cut.start(cut.lastindex or 0), size, level)
        position = cut.end()
    yield from _fit(text, position, stop, size, level)


def _fit(text: str, start: int, stop: int, size: int, level: int) -> Iterator[tuple[int, int, float]]:
    piece = text[start:stop]
    if not piece or piece.isspace():
        return
    start += len(piece) - len(piece.lstrip())
    stop -= len(piece) - len(piece.rstrip())
    # The words of a piece that is too long by its characters alone need no count: they may be millions.
    if stop - start <= size * _CHARS_PER_WORD and (words := weight(text[start:stop])) <= size:
        yield start, stop, words
    elif level + 1 < len(_CUTS):
        yield from _units(text, start, stop, size, level + 1)
    else:
        step = size // 2 * _CHARS_PER_WORD if piece.isascii() else size
        for at in range(start, stop, step):
            end = min(at + step, stop)
            yield at, end, weight(text[at:end])


class _Packer:
    """Joins units into passages."""

    def __init__(self, extracted: Extracted, size: int) -> None:
        self._text = extracted.text
        self.size = size
        self._headings = extracted.headings
        self._heading_starts = [at for at, _ in extracted.headings]
        self._pages = extracted.page_starts
        # A row of a table stays whole, as do other places but for pages.
        self._fills = not extracted.places or bool(extracted.page_starts)
        self._out: list[tuple[int, int, float]] = []
        self._start = self._stop = 0
        self._weight = 0.0
        self._closed = 0

    def add(self, start: int, stop: int, more: float) -> None:
        """Add the next unit, which weighs ``more`` words, to the current passage and to new ones behind it."""
        filled = self._weight >= self.size * _FULL or self._weight + more <= self.size
        if self._weight and self._fills and not filled and not self._opens_section(start, stop):
            for sentence in _units(self._text, start, stop, self.size, _SENTENCES):
                self._join(*sentence)
        else:
            self._join(start, stop, more)

    def _join(self, start: int, stop: int, more: float) -> None:
        """Add a unit to the current passage, or begin a new one with it."""
        if self._weight and (
            self._weight + more > self.size
            or (self._weight >= self.size * _TAIL and self._opens_section(start, stop))
        ):
            self._flush()
        if not self._weight:
            self._start = start
        self._stop = stop
        self._weight += more

    def end_passage(self) -> None:
        """Let the next unit begin a passage; a small last one joins its neighbour if both stand under one heading."""
        if self._weight:
            self._flush()
        if len(self._out) - self._closed > 1:
            (start, _, before), (tail, stop, last) = self._out[-2:]
            if (
                last < self.size * _TAIL
                and before + last <= self.size * _STRETCH
                and not self._opens_section(tail, stop)
            ):
                self._out[-2:] = [(start, stop, before + last)]
        self._closed = len(self._out)

    def finish(self) -> list[Chunk]:
        """The passages, each with its heading and its page."""
        return [Chunk(start, stop, self._heading(start), self._page(start)) for start, stop, _ in self._out]

    def _flush(self) -> None:
        self._out.append((self._start, self._stop, self._weight))
        self._weight = 0.0

    def _opens_section(self, start: int, stop: int) -> bool:
        at = bisect_right(self._heading_starts, start - 1)
        return at < len(self._heading_starts) and self._heading_starts[at] < stop

    def _heading(self, start: int) -> str:
        at = bisect_right(self._heading_starts, start)
        return self._headings[at - 1][1] if at else ""

    def _page(self, start: int) -> int | None:
        return bisect_right(self._pages, start) if self._pages else None
