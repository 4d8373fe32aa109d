"""The terms of documents that an older objlib indexed, exactly as it made them.

A passage is taken out of the index by the terms that it was added with, so nothing here ever changes.
"""

import unicodedata
from collections import Counter
from functools import lru_cache
from itertools import pairwise

from objlib.embedded.index.folding import lower, pattern
from objlib.embedded.index.stemming import stem

_KEPT_WORDS = 1 << 12
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17d3\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
)
UNSPACED_1 = f"[{_UNSPACED}]"
_SIGNS = "\u0900-\u0963\u0966-\u0dff\u0f00-\u0fff\u3099\u309a"
_MARKED = (
    "[\u00a0-\u1fff\u200c\u200d\u2060-\u2fff\u3099-\u309c\u3200-\u33ff\uf900-\uffef\U0001d400-\U0001d7ff]"
)
_MARK = (
    "[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc"
    "\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0711\u0730-\u074a\u00ad\u200c\u200d\u2060\ufe00-\ufe0f\ufeff]"
)
_WORD = rf"[{_UNSPACED}]+|(?:[^\W_{_UNSPACED}]|[{_SIGNS}])+"


def fold_1(text: str) -> str:
    """A text as it was folded before form 2."""
    if text.isascii() or not pattern(_MARKED).search(text):
        return text
    bare = pattern(_MARK).sub("", unicodedata.normalize("NFKD", text))
    return unicodedata.normalize("NFC", bare).replace("\u03c2", "\u03c3")


def term_counts_1(text: str) -> dict[str, int]:
    """The terms of a passage of form 1."""
    counts: dict[str, int] = {}
    for word, count in Counter(pattern(_WORD).findall(lower(fold_1(text)))).items():
        for term in _word_terms(word):
            counts[term] = counts.get(term, 0) + count
    return counts


@lru_cache(_KEPT_WORDS)
def _word_terms(word: str) -> tuple[str, ...]:
    if pattern(UNSPACED_1).match(word):
        return (*word, *map("".join, pairwise(word)))
    return (stem(word),)
