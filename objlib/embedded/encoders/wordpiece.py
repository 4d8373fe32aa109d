"""BERT's WordPiece tokenizer (Devlin et al. 2018), in the standard library alone.

It agrees with the original on every text of the comparison; the usual package comes with a hub client.
"""

import sys
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_CACHED_WORDS = 100_000


@dataclass(frozen=True, slots=True)
class Rules:
    """How texts are cut, with the names of BERT's normaliser; the defaults are those of its uncased models."""

    lowercase: bool = True
    strip_accents: bool = True
    separate_han: bool = True
    clean: bool = True
    unknown: str = "[UNK]"
    prefix: str = "##"
    longest: int = 100
    """Characters of a word at most; a longer one is unknown."""


def read_vocabulary(path: Path) -> dict[str, int]:
    """The ids of a file with one token a line; the line number is the id."""
    tokens = path.read_text(encoding="utf-8").split("\n")
    return {token: number for number, token in enumerate(tokens) if token}


class WordPiece:
    """Texts to token ids, without special tokens. Its methods may be called from several threads at once.

    Args:
        vocabulary: the id of each token.
        rules: how a text is cut into words.

    Raises:
        KeyError: the vocabulary lacks the token for what is unknown.
    """

    def __init__(self, vocabulary: Mapping[str, int], rules: Rules = Rules()) -> None:
        self._ids = vocabulary
        self._rules = rules
        self._unknown = vocabulary[rules.unknown]
        self._cache: dict[str, tuple[int, ...]] = {}

    def ids(self, text: str, limit: int = sys.maxsize) -> list[int]:
        """The ids of the first ``limit`` tokens of a text."""
        ids: list[int] = []
        cache = self._cache
        for word in text.split():
            pieces = cache.get(word)
            if pieces is None:
                pieces = self._remember(word)
            ids += pieces
            if len(ids) >= limit:
                break
        del ids[max(0, limit) :]
        return ids

    def _remember(self, word: str) -> tuple[int, ...]:
        if len(self._cache) >= _CACHED_WORDS:
            self._cache.clear()  # rare words fill it; the common ones return at once
        pieces = tuple(piece for part in self._parts(word) for piece in self._pieces(part))
        self._cache[word] = pieces
        return pieces

    def _pieces(self, word: str) -> list[int]:
        """The longest piece of the vocabulary at the start of the word, then the same for the rest."""
        if len(word) > self._rules.longest:
            return [self._unknown]
        out: list[int] = []
        start, stop = 0, len(word)
        while start < len(word):
            piece = self._ids.get((self._rules.prefix if start else "") + word[start:stop])
            if piece is not None:
                out.append(piece)
                start, stop = stop, len(word)
            elif stop - start > 1:
                stop -= 1
            else:
                return [self._unknown]
        return out

    def _parts(self, word: str) -> Iterable[str]:
        """The word normalised; each punctuation mark and CJK character alone."""
        rules = self._rules
        if word.isascii() and word.isalnum():
            return [word.lower() if rules.lowercase else word]
        if rules.clean:
            word = "".join(
                c for c in word if c not in "\0\ufffd" and unicodedata.category(c) not in ("Cc", "Cf")
            )
        if rules.lowercase:
            word = word.lower()
        if rules.strip_accents:
            word = "".join(c for c in unicodedata.normalize("NFD", word) if unicodedata.category(c) != "Mn")
        parts = [""]
        for character in word:
            if _is_punctuation(character) or (rules.separate_han and _is_cjk(ord(character))):
                parts += [character, ""]
            else:
                parts[-1] += character
        return [part for part in parts if part]


def _is_punctuation(character: str) -> bool:
    code = ord(character)
    if 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126:
        return True  # all of ASCII that is neither letter nor digit, "$" and "^" too
    return unicodedata.category(character).startswith("P")


def _is_cjk(code: int) -> bool:
    return (
        0x4E00 <= code <= 0x9FFF
        or 0x3400 <= code <= 0x4DBF
        or 0xF900 <= code <= 0xFAFF
        or 0x20000 <= code <= 0x2A6DF
        or 0x2A700 <= code <= 0x2CEAF
        or 0x2F800 <= code <= 0x2FA1F
    )
