"""Search by words: a query parsed, and the passages that have its words and phrases."""

import re
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from objlib.embedded.index import legacy_words
from objlib.embedded.index.folding import fold, lower
from objlib.embedded.index.postings import index_weights
from objlib.embedded.index.ranking import rank
from objlib.embedded.index.slot_cache import Slots
from objlib.embedded.index.terms import is_unspaced, spaced, term_sequence
from objlib.embedded.index.terms import words as words_of
from objlib.embedded.index.vectors import searched_texts

_STOPWORDS = """
    a about above after again against all am an and any are as at be because been before being below
    between both but by can cannot could did do does doing down during each few for from further had has
    have having he her here hers herself him himself his how i if in into is it its itself me more most
    my myself no nor not of off on once only or other our ours ourselves out over own same she should so
    some such than that the their theirs them themselves then there these they this those through to too
    under until up very was we were what when where which while who whom why will with would you your
    yours yourself yourselves may might must shall upon also whether
"""
STOPWORDS = frozenset(_STOPWORDS.split())
"""Words left out of queries: they take most of the time and find nothing. Documents keep them."""
MAX_TERMS = 64
"""Words of a query that are searched; a longer query is a text, and its first words name its topic."""

LONG_QUERY = 20
"""Words of a query, without stop words, from which on one that is repeated counts each time.

What an abstract repeats is its topic; in a question it is chance. Abstracts as queries gain .01 in nDCG@10.
"""

_MOST_CHECKED = 5000
"""Passages, best by their words first, in which a quoted phrase is looked for."""
_CHECKED_AT_ONCE = 200
_QUOTES = '"\u201c\u201d\u201e\u00ab\u00bb'
_PHRASE = re.compile(f"[{_QUOTES}]([^{_QUOTES}]+)[{_QUOTES}]")


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query: its words in lower case, each once, and its quoted phrases of at least two words.

    A run of Chinese or Japanese stands as its pairs of neighbouring characters. ``repeats`` has the words again that
    a long query repeats, as often as it does.
    """

    words: tuple[str, ...]
    phrases: tuple[str, ...]
    repeats: tuple[str, ...] = ()

    def loose(self) -> str:
        """FTS5 expression: any of the words; empty without words."""
        return " OR ".join(_quoted(word) for word in (*self.words, *self.repeats))

    def strict(self) -> str:
        """FTS5 expression: all phrases must be there, the words add to the score."""
        phrases = " AND ".join(_quoted(phrase) for phrase in self.phrases)
        return f"({phrases}) AND ({_quoted(self.phrases[0])} OR {self.loose()})"


def parse_query(text: str) -> Query:
    """Parse a query. Any string is one: only pairs of double quotes are syntax."""
    # A lone surrogate is not a character and SQLite refuses it; a NUL would end the expression.
    text = fold(text.encode("utf-8", "replace").decode("utf-8").replace("\0", " "))
    all_words = list(terms(text))
    content = [word for word in all_words if word not in STOPWORDS] or all_words
    words = list(dict.fromkeys(content))[:MAX_TERMS]
    repeats = _repeats(content, words) if len(content) >= LONG_QUERY else ()
    phrases = [" ".join(words_of(spaced(p))[:MAX_TERMS]) for p in _PHRASE.findall(text)]
    return Query(tuple(words), tuple(phrase for phrase in phrases[:MAX_TERMS] if " " in phrase), repeats)


def _repeats(content: list[str], words: list[str]) -> tuple[str, ...]:
    """The searched words as often as they are repeated, the most frequent first, MAX_TERMS at most."""
    more = Counter(content)
    more.subtract(words)
    searched = set(words)
    again = (word for word, count in more.most_common() if word in searched for _ in range(count))
    return tuple(islice(again, MAX_TERMS))


def terms(text: str) -> Iterator[str]:
    """The words of a folded text in lower case; of a run of Chinese or Japanese, its pairs of neighbours."""
    for word in words_of(lower(text)):
        if len(word) > 1 and is_unspaced(word):
            yield from map(" ".join, pairwise(word))
        else:
            yield word


def bm25(
    db: sqlite3.Connection, query: Query, slots: Slots | None, *, allowed: Sequence[int] | None, depth: int
) -> tuple[dict[int, float], bool]:
    """The best passages by words, ``depth`` at most, in the texts ``allowed`` (None: in all).

    Args:
        slots: the slots as arrays; None ranks without numpy.

    Returns:
        Score by chunk id, best first, higher is better; and whether these are passages with all quoted
        phrases. If no passage has them, the words of the phrases are searched one by one.
    """
    if not query.words:
        return {}, False
    old = legacy_words.holds_documents(db)
    weights = index_weights((*query.words, *query.repeats))
    if query.phrases:
        scores = _with_phrases(
            db, query, rank(db, weights, slots, allowed=allowed, depth=_MOST_CHECKED), depth
        )
        if old:
            scores = _merged(scores, legacy_words.match(db, query.strict(), allowed, depth), depth)
        if scores:
            return scores, True
    scores = rank(db, weights, slots, allowed=allowed, depth=depth)
    if old:
        scores = _merged(scores, legacy_words.match(db, query.loose(), allowed, depth), depth)
    return scores, False


def _with_phrases(
    db: sqlite3.Connection, query: Query, scores: dict[int, float], depth: int
) -> dict[int, float]:
    """Of these passages the first ``depth`` that have all quoted phrases of the query."""
    sought = [term_sequence(phrase) for phrase in query.phrases]
    candidates = list(scores)
    out: dict[int, float] = {}
    for start in range(0, len(candidates), _CHECKED_AT_ONCE):
        group = candidates[start : start + _CHECKED_AT_ONCE]
        texts = searched_texts(db, group)
        for chunk_id in group:
            parts = [term_sequence(part) for part in texts.get(chunk_id, ())]
            if all(any(phrase in part for part in parts) for phrase in sought):
                out[chunk_id] = scores[chunk_id]
                if len(out) == depth:
                    return out
    return out


def _merged(one: dict[int, float], other: dict[int, float], depth: int) -> dict[int, float]:
    """Two lists of different passages as one, best first."""
    scores = {**one, **other}
    return {n: scores[n] for n in sorted(scores, key=lambda n: (-scores[n], n))[:depth]}


def _quoted(term: str) -> str:
    return '"' + term.replace('"', "") + '"'
