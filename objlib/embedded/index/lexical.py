"""Search by words: BM25 through SQLite's FTS5."""

import re
import sqlite3
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from objlib.embedded.index.schema import POSITION_BITS

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
"""Words left out of queries: OR-ing them takes 7 times the time and finds nothing. Documents keep them."""
MAX_TERMS = 64
"""Words of a query that are searched; a longer query is a text, and its first words name its topic."""

LONG_QUERY = 20
"""Words of a query, without stop words, from which on one that is repeated counts each time.

What an abstract repeats is its topic; in a question it is chance. Abstracts as queries gain .01 in nDCG@10.
"""

# Scripts written without spaces, Thai to Tibetan's neighbours among them: unicode61 takes a whole run for one word,
# so each character becomes a word.
_CJK_RANGE = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17d3\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
)
_CJK = re.compile(f"[{_CJK_RANGE}]")
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
_QUOTES = '"\u201c\u201d\u201e\u00ab\u00bb'
_PHRASE = re.compile(f"[{_QUOTES}]([^{_QUOTES}]+)[{_QUOTES}]")
_WORD = re.compile(rf"[{_CJK_RANGE}]+|(?:[^\W{_CJK_RANGE}]|[{_SIGNS}])+")


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
    phrases = [" ".join(_WORD.findall(indexed_form(p))[:MAX_TERMS]) for p in _PHRASE.findall(text)]
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
    for word in _WORD.findall(text.lower()):
        if len(word) > 1 and _CJK.match(word):
            yield from map(" ".join, pairwise(word))
        else:
            yield word


def indexed_form(text: str) -> str:
    """The text as the word index sees it (read schema.py before you change this)."""
    if text.isascii():
        return text
    text = fold(text)
    return _CJK.sub(r" \g<0> ", text) if _CJK.search(text) else text


def fold(text: str) -> str:
    """The text without accents, points, ligatures and widths: unicode61 folds only the accents of Latin letters."""
    if text.isascii() or not _MARKED.search(text):
        return text
    bare = _MARK.sub("", unicodedata.normalize("NFKD", text))
    return unicodedata.normalize("NFC", bare).replace("\u03c2", "\u03c3")  # final sigma


def bm25(
    db: sqlite3.Connection, query: Query, *, allowed: Sequence[int] | None, depth: int
) -> tuple[dict[int, float], bool]:
    """The best passages by words, ``depth`` at most, in the texts ``allowed`` (None: in all).

    Returns:
        Score by chunk id, best first, higher is better; and whether these are passages with all quoted
        phrases. If no passage has them, the words of the phrases are searched one by one.
    """
    if query.phrases:
        scores = _match(db, query.strict(), allowed, depth)
        if scores:
            return scores, True
    if not query.words:
        return {}, False
    return _match(db, query.loose(), allowed, depth), False


def _match(
    db: sqlite3.Connection, expression: str, allowed: Sequence[int] | None, depth: int
) -> dict[int, float]:
    # The unary plus keeps SQLite from probing FTS5 once per allowed row (10 s and not 0.1 s at 100,000 passages).
    restrict = (
        "" if allowed is None else f"AND (+rowid >> {POSITION_BITS}) IN (SELECT value FROM json_each(?))"
    )
    values = [expression] if allowed is None else [expression, str(list(allowed))]
    rows = db.execute(
        f"SELECT rowid, rank FROM fts WHERE fts MATCH ? {restrict} ORDER BY rank LIMIT ?", [*values, depth]
    )
    return {chunk_id: -rank for chunk_id, rank in rows}


def _quoted(term: str) -> str:
    return '"' + term.replace('"', "") + '"'
