"""BERT's uncased WordPiece tokenizer (Devlin et al. 2018), in the standard library alone.

It agrees with the original on every text of the comparison; the usual package comes with a hub client.
"""

import unicodedata
from collections.abc import Iterable
from pathlib import Path

_UNKNOWN, _START, _END = 100, 101, 102
_LONGEST_WORD = 100
_CACHED_WORDS = 100_000


class WordPiece:
    """Texts to token ids.

    Args:
        vocabulary: a file with one token a line; the line number is the id.
    """

    def __init__(self, vocabulary: Path) -> None:
        tokens = vocabulary.read_text(encoding="utf-8").split("\n")
        self._ids = {token: number for number, token in enumerate(tokens) if token}
        self._cache: dict[str, tuple[int, ...]] = {}

    def encode(self, text: str, limit: int) -> list[int]:
        """Token ids of a text, with the start and end tokens, ``limit`` at most."""
        ids = [_START]
        cache = self._cache
        for word in text.split():
            pieces = cache.get(word)
            if pieces is None:
                pieces = self._remember(word)
            ids += pieces
            if len(ids) >= limit:
                break
        del ids[limit - 1 :]
        ids.append(_END)
        return ids

    def _remember(self, word: str) -> tuple[int, ...]:
        if len(self._cache) >= _CACHED_WORDS:
            self._cache.clear()  # rare words fill it; the common ones return at once
        pieces = tuple(piece for part in _parts(word) for piece in self._pieces(part))
        self._cache[word] = pieces
        return pieces

    def _pieces(self, word: str) -> list[int]:
        """The longest piece of the vocabulary at the start of the word, then the same for the rest."""
        if len(word) > _LONGEST_WORD:
            return [_UNKNOWN]
        out: list[int] = []
        start, stop = 0, len(word)
        while start < len(word):
            piece = self._ids.get(("##" if start else "") + word[start:stop])
            if piece is not None:
                out.append(piece)
                start, stop = stop, len(word)
            elif stop - start > 1:
                stop -= 1
            else:
                return [_UNKNOWN]
        return out


def _parts(word: str) -> Iterable[str]:
    """Lower case without accents and control characters; each punctuation mark and CJK character alone."""
    if word.isascii() and word.isalnum():
        return [word.lower()]
    clean = "".join(c for c in word if c not in "\0\ufffd" and unicodedata.category(c) not in ("Cc", "Cf"))
    bare = "".join(c for c in unicodedata.normalize("NFD", clean.lower()) if unicodedata.category(c) != "Mn")
    parts = [""]
    for character in bare:
        if _is_punctuation(character) or _is_cjk(ord(character)):
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
