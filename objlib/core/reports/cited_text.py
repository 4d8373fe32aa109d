"""The text of a model that cites numbered passages: which sentence cites which, and whether that bears it out.

A citation holds if the passages have each number of the sentence, and many of its words. That is a test of words, not
of meaning: it finds a sentence about something else, and not one that says the opposite in the same words.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

SHARED_WORDS: Final = 0.45
"""Share of a sentence's words that its passages have, from which on the citation holds.

The middle of .35 to .55, which tell true from false on one half of 40 labelled sentences; it is right on all of the
other half too (``tests/core/reports/test_cited_text.py``).
"""
_STEM: Final = 4
"""Letters by which words are compared: they leave out most endings, in most languages of Europe."""
_MARKER: Final = re.compile(r"[ \t]*[\[【]\s*(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\s*[\]】]")
_BEGUN: Final = re.compile(r"[ \t]*(?:[\[【][\s\d,;]{0,40})?\Z")
_END: Final = "[.!?\u2026\u3002\uff01\uff1f]+[\"'\u201d\u2019\u00bb)]*"
_SENTENCE: Final = re.compile(rf"\S.*?(?:{_END}(?:{_MARKER.pattern})*(?=\s|$)|$)", re.MULTILINE)
_WORD: Final = re.compile(r"[^\W\d_]{4,}")
_NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True, slots=True)
class CitedSentence:
    """A sentence of an answer and what it cites.

    Attributes:
        start, stop: character offsets in the text without its markers.
        passages: indices of the passages that it names, each once; none that is not there.
        holds: whether they bear it out; False also where it names one that is not there.
    """

    start: int
    stop: int
    passages: tuple[int, ...]
    holds: bool


def read_citations(text: str, passages: Sequence[str]) -> tuple[str, list[CitedSentence]]:
    """The text without its markers such as ``[2]``, and its sentences that had one.

    Args:
        text: of the model; passages are numbered from 1.
        passages: their texts.
    """
    pieces: list[str] = []
    sentences: list[CitedSentence] = []
    length = done = 0
    for match in _SENTENCE.finditer(text):
        numbers = list(_numbers(match[0]))
        plain = _MARKER.sub("", match[0])
        gap = text[done : match.start()]
        start = length + len(gap)
        pieces += [gap, plain]
        length, done = start + len(plain), match.end()
        if numbers and plain.strip():
            there = tuple(dict.fromkeys(number - 1 for number in numbers if 0 < number <= len(passages)))
            borne_out = bears_out(plain, [passages[index] for index in there])
            sentences.append(
                CitedSentence(start, length, there, borne_out and len(there) == len(set(numbers)))
            )
    return "".join([*pieces, text[done:]]), sentences


class MarkerFilter:
    """Takes the markers out of a text that comes piece by piece; what may be the beginning of one waits."""

    def __init__(self) -> None:
        self._waiting = ""

    def feed(self, piece: str) -> str:
        """As much of the text, without markers, as is sure by now."""
        text = _MARKER.sub("", self._waiting + piece)
        begun = _BEGUN.search(text)
        sure = len(text) if begun is None else begun.start()
        self._waiting = text[sure:]
        return text[:sure]


def bears_out(sentence: str, passages: Sequence[str]) -> bool:
    """Whether the passages have the numbers and most of the words of the sentence."""
    text = " ".join(passages)
    if not set(_NUMBER.findall(sentence)) <= set(_NUMBER.findall(text)):
        return False
    words = _stems(sentence)
    return bool(passages) and len(words & _stems(text)) >= SHARED_WORDS * len(words)


def _numbers(sentence: str) -> Iterator[int]:
    for match in _MARKER.finditer(sentence):
        yield from map(int, re.findall(r"\d+", match[1]))


def _stems(text: str) -> set[str]:
    return {word[:_STEM] for word in _WORD.findall(text.casefold())}
