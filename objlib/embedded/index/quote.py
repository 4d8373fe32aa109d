"""An answer without a language model: the best sentences of the best passages, word for word."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from objlib.embedded.index.confidence import SHIPPED_SCALE, WEAK, CosineScale
from objlib.embedded.index.embedder import Embedder
from objlib.embedded.index.folding import fold
from objlib.embedded.index.lexical import STOPWORDS, parse_query, terms
from objlib.embedded.index.records import Hit, Quotation, QuotedAnswer
from objlib.embedded.index.vectors import products
from objlib.embedded.text.chunk import weight
from objlib.embedded.text.sentences import sentences

NO_ANSWER = "No passage in the store answers this."
"""The text of an answer without quotations."""
MAX_SENTENCES = 4
"""Sentences in an answer at most."""
_PASSAGES = 8
"""First passages of the hits whose sentences are candidates."""
_EMBEDDED = 32
"""Sentences whose meaning is compared: about 0.1 s."""
_ENOUGH_WORDS = 0.6
"""Share of the question's words, by rarity, in the best sentence from which on little meaning suffices."""
_ENOUGH_WORDS_ALONE = 0.5
"""Least share of the question's words without an embedder: nothing then makes up for a synonym in the text."""
_ENOUGH_MEANING = 0.45
"""Least cosine of the best sentence. On Summa its own questions are above .48, nine of ten others below .40."""
_SOME_MEANING = 0.3
"""Least cosine of the best sentence where its words are enough."""
_MIN_WORDS = 4
"""Words of a sentence at least; a shorter one is a fragment."""
_NEAR_BEST = 0.6
"""Least score of a further sentence, as a share of the best one."""
_MAX_OVERLAP = 0.6
"""Share of common stems from which on two sentences say the same."""
_MARKUP = re.compile(r"^\s*(?:#{1,6}\s|\||[`~=*-]{3,}|\*\*[^*]+\*\*$)")
_SUFFIX = re.compile(r"(?:'s|ing|edly|ed|ness|ions?|ally|ly|ies|es|s|e|y)$")


@dataclass(frozen=True, slots=True)
class _Sentence:
    hit: int
    start: int
    text: str
    stems: frozenset[str]


def quote_answer(
    question: str,
    hits: Sequence[Hit],
    embedder: Embedder | None = None,
    scale: CosineScale = SHIPPED_SCALE,
) -> QuotedAnswer:
    """Answer a question with two to four sentences quoted from the passages (one, if only one fits).

    Nothing is invented: every sentence of the answer is a slice of a passage, and its quotation says of which.

    Args:
        hits: passages, best first, as :func:`objlib.embedded.index.search` gives them.
        embedder: compares sentences by meaning too, if there is one.
        scale: that of its cosines.
    """
    if hits and all(hit.confidence is not None and hit.confidence < WEAK for hit in hits):
        return QuotedAnswer(NO_ANSWER, ())
    if not scale.tells:
        embedder = None
    candidates = [s for number, hit in enumerate(hits[:_PASSAGES]) for s in _sentences(number, hit.text)]
    scores, enough = _scores(question, candidates, embedder, scale)
    if not enough:
        return QuotedAnswer(NO_ANSWER, ())
    chosen = [candidates[n] for n in _choose(candidates, scores)]
    text = ""
    quotations: list[Quotation] = []
    for sentence in sorted(chosen, key=lambda sentence: (sentence.hit, sentence.start)):
        text += " " if text else ""
        start = len(text.encode())
        text += sentence.text
        sources = tuple(number for number, hit in enumerate(hits) if sentence.text in hit.text)
        quotations.append(Quotation(start, len(text.encode()), sentence.text, sources))
    return QuotedAnswer(text, tuple(quotations))


def _sentences(number: int, passage: str) -> list[_Sentence]:
    """The sentences of a passage, without headings, rules and fragments."""
    out: list[_Sentence] = []
    for start, stop in sentences(passage):
        text = passage[start:stop]
        if weight(text) >= _MIN_WORDS and not _MARKUP.match(text):
            out.append(_Sentence(number, start, text, frozenset(map(_stem, terms(fold(text))))))
    return out


def _scores(
    question: str, sentences: list[_Sentence], embedder: Embedder | None, scale: CosineScale
) -> tuple[list[float], bool]:
    """How well each sentence answers, and whether any of them does."""
    if not sentences:
        return [], False
    stems = {_stem(word) for word in parse_query(question).words if word not in STOPWORDS}
    frequency = Counter(stem for sentence in sentences for stem in sentence.stems & stems)
    rarity = {stem: math.log(1 + len(sentences) / (1 + frequency[stem])) for stem in stems}
    whole = sum(rarity.values()) or 1.0
    shares = [sum(rarity[stem] for stem in sentence.stems & stems) / whole for sentence in sentences]
    scores = [share * _trust(sentence) for sentence, share in zip(sentences, shares, strict=True)]
    enough = max(shares) >= (_ENOUGH_WORDS if embedder else _ENOUGH_WORDS_ALONE)
    if embedder is not None:
        best = sorted(range(len(sentences)), key=lambda n: -scores[n])[:_EMBEDDED]
        vectors = embedder.embed([sentences[n].text for n in best])
        query = embedder.embed_query(question)
        cosines = [scale.usual(cosine) for cosine in products(vectors, query).tolist()]
        enough = max(cosines) >= (_SOME_MEANING if enough else _ENOUGH_MEANING)
        meaning = dict(zip(best, cosines, strict=True))
        scores = [
            0.5 * score + max(0.0, meaning[n]) * _trust(sentences[n]) if n in meaning else 0.0
            for n, score in enumerate(scores)
        ]
    return scores, enough


def _trust(sentence: _Sentence) -> float:
    """The weight of a sentence, whatever its words."""
    trust = 1 / (1 + 0.05 * sentence.hit)  # further down the list is less likely right
    trust /= 1 + max(0, len(sentence.text) - 300) / 900  # a long one has more words by chance
    if sentence.text.rstrip("\"')\u201d\u2019").endswith("?"):
        trust *= 0.6  # a question is no answer
    if sentence.text.isupper():
        trust *= 0.3  # a heading in a text without markup
    return trust


def _choose(sentences: list[_Sentence], scores: list[float]) -> list[int]:
    """The best sentences that do not say the same twice."""
    order = sorted(range(len(sentences)), key=lambda n: -scores[n])
    chosen: list[int] = []
    for n in order:
        if len(chosen) == MAX_SENTENCES or scores[n] < _NEAR_BEST * scores[order[0]]:
            break
        if all(_overlap(sentences[n].stems, sentences[other].stems) < _MAX_OVERLAP for other in chosen):
            chosen.append(n)
    return chosen


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / max(1, min(len(one), len(other)))


def _stem(word: str) -> str:
    """A rough stem, good enough to match a question with a sentence."""
    short = _SUFFIX.sub("", word)
    return short if len(short) >= 3 else word
