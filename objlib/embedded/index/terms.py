"""Texts to the terms of the word index: folded, without marks and endings, in scripts with and without spaces."""

import re
import threading
import unicodedata
from collections import Counter
from functools import lru_cache
from itertools import pairwise

import Stemmer

_KEPT_WORDS = 1 << 17
"""Words whose terms are kept: a library has some 60,000 of them."""

# Scripts written without spaces, Thai to Tibetan's neighbours among them: a run of them is no word.
CJK_RANGE = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17d3\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
)
CJK = re.compile(f"[{CJK_RANGE}]")
# The vowel signs of India are no letters to Python, but make a word another word.
_SIGNS = "\u0900-\u0963\u0966-\u0dff\u0f00-\u0fff\u3099\u309a"
# Letters with marks, ligatures and widths of their own, beyond ASCII and before punctuation such as curly quotes.
_MARKED = re.compile(
    "[\u00a0-\u1fff\u200c\u200d\u2060-\u2fff\u3099-\u309c\u3200-\u33ff\uf900-\uffef\U0001d400-\U0001d7ff]"
)
# Accents; the points of Hebrew, Arabic and Syriac, and the stroke that stretches Arabic; and signs that only say where
# a line or a ligature may break.
_MARK = re.compile(
    "[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc"
    "\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0711\u0730-\u074a\u00ad\u200c\u200d\u2060\ufe00-\ufe0f\ufeff]"
)
WORD = re.compile(rf"[{CJK_RANGE}]+|(?:[^\W_{CJK_RANGE}]|[{_SIGNS}])+")
_porter = Stemmer.Stemmer("porter", 0)  # what it stemmed is kept by word_terms
_porter_lock = threading.Lock()


def fold(text: str) -> str:
    """The text without accents, points, ligatures and widths."""
    if text.isascii() or not _MARKED.search(text):
        return text
    bare = _MARK.sub("", unicodedata.normalize("NFKD", text))
    return unicodedata.normalize("NFC", bare).replace("\u03c2", "\u03c3")  # final sigma


def lower(text: str) -> str:
    """A folded text in lower case. Python writes a sigma at the end of a word in another way again."""
    return text.lower() if text.isascii() else text.lower().replace("\u03c2", "\u03c3")


def stem(word: str) -> str:
    """A word without its ending, by Porter's rules for English; other scripts keep theirs."""
    if not word.isascii():
        return word
    with _porter_lock:  # a stemmer is for one thread at a time
        return str(_porter.stemWord(word))


def term_counts(text: str) -> dict[str, int]:
    """The terms by which a passage is found, and how often it has each.

    A word is its stem. Of a run of Chinese, Japanese or Thai each character is a term, and each pair of neighbours.
    """
    counts: dict[str, int] = {}
    for word, count in Counter(WORD.findall(lower(fold(text)))).items():
        for term in word_terms(word):
            counts[term] = counts.get(term, 0) + count
    return counts


@lru_cache(_KEPT_WORDS)
def word_terms(word: str) -> tuple[str, ...]:
    """The terms of one word in lower case."""
    if CJK.match(word):
        return (*word, *map("".join, pairwise(word)))
    return (stem(word),)


def term_sequence(text: str) -> str:
    """The stems of a text in their order, each between two blanks; a phrase stands in it as its own sequence does."""
    words = (tuple(word) if CJK.match(word) else word_terms(word) for word in WORD.findall(lower(fold(text))))
    return f" {' '.join(part for word in words for part in word)} "
