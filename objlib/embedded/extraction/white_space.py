"""Passages as ``whiteSpaceConfig`` wants them: a number of words each, some of them shared by two neighbours."""

import re
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Final

from objlib.embedded.text.chunk import Chunk
from objlib.embedded.text.extracted import Extracted

_WORD: Final = re.compile(r"\S+")


def white_space_chunks(extracted: Extracted, words: int, overlap: int, limit: int) -> list[Chunk]:
    """Cut a document each ``words`` words; each passage begins with the last ``overlap`` words of the one before.

    It stops after ``limit`` passages.
    """
    headings = [start for start, _ in extracted.headings]
    return [
        Chunk(
            start,
            stop,
            extracted.headings[at - 1][1] if (at := bisect_right(headings, start)) else "",
            bisect_right(extracted.page_starts, start) if extracted.page_starts else None,
        )
        for start, stop in islice(_spans(extracted, words, overlap), limit)
    ]


def _spans(extracted: Extracted, words: int, overlap: int) -> Iterator[tuple[int, int]]:
    window: deque[tuple[int, int]] = deque(maxlen=words)
    fresh = 0
    for match in _WORD.finditer(extracted.text, extracted.body_start):
        window.append(match.span())
        fresh += 1
        if len(window) == words and (fresh == words - overlap or fresh == words):
            yield window[0][0], window[-1][1]
            fresh = 0
    if fresh:
        tail = list(window)[-(fresh + overlap) :]
        yield tail[0][0], tail[-1][1]
