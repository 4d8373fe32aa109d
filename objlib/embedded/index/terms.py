"""Texts to the terms of the word index: folded, without marks and endings, in scripts with and without spaces."""

import re
from collections import Counter
from functools import lru_cache
from itertools import pairwise
from typing import Final

from objlib.embedded.index.folding import SIGNS, UNSPACED, fold, lower, pattern
from objlib.embedded.index.stemming import stem

_KEPT_WORDS = 1 << 17
"""Words whose terms are kept: a library has some 60,000 of them."""

_CHARACTER: Final = f"[{UNSPACED}]"
_WORD: Final = rf"[{UNSPACED}]+|(?:[^\W_{UNSPACED}]|[{SIGNS}])+"
_ASCII_WORD = re.compile("[A-Za-z0-9]+")  # the same of ASCII, in half the time


def words(text: str) -> list[str]:
    """The words of a folded text; a run of a script without spaces is one."""
    return (_ASCII_WORD if text.isascii() else pattern(_WORD)).findall(text)


def is_unspaced(word: str) -> bool:
    """Whether a word is a run of a script without spaces."""
    return not word.isascii() and pattern(_CHARACTER).match(word) is not None


def spaced(text: str) -> str:
    """A folded text in which each character of a script without spaces is a word."""
    return text if text.isascii() else pattern(_CHARACTER).sub(r" \g<0> ", text)


def term_counts(text: str) -> dict[str, int]:
    """The terms by which a passage is found, and how often it has each.

    A word is its stem. Of a run of Chinese, Japanese or Thai each character is a term, and each pair of neighbours.
    """
    counts: dict[str, int] = {}
    for word, count in Counter(words(lower(fold(text)))).items():
        for term in word_terms(word):
            counts[term] = counts.get(term, 0) + count
    return counts


@lru_cache(_KEPT_WORDS)
def word_terms(word: str) -> tuple[str, ...]:
    """The terms of one word in lower case."""
    if is_unspaced(word):
        return (*word, *map("".join, pairwise(word)))
    return (stem(word),)


def term_sequence(text: str) -> str:
    """The stems of a text in their order, each between two blanks; a phrase stands in it as its own sequence does."""
    parts = (tuple(word) if is_unspaced(word) else word_terms(word) for word in words(lower(fold(text))))
    return f" {' '.join(each for part in parts for each in part)} "
