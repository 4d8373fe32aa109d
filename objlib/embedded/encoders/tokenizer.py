"""Texts to token ids, as ``tokenizer.json`` says.

BERT's WordPiece, which most small encoders and rerankers have, is computed here. Every other kind (SentencePiece,
byte pairs) needs the package ``tokenizers``, which is an extra because it brings a client for a model hub along.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from objlib.embedded.encoders.errors import ModelFolderError
from objlib.embedded.encoders.session import first_line
from objlib.embedded.encoders.wordpiece import Rules, WordPiece, read_vocabulary
from objlib.embedded.text.extra import HOW_TO_GET

EXTRA: Final = "models"


@dataclass(frozen=True, slots=True)
class Encoding:
    """The token ids of a text, or of a pair, and for each the part that it belongs to."""

    ids: list[int]
    types: list[int]


class Tokenizer(Protocol):
    """Maps a text, or a pair of texts, to token ids with the special tokens of the model."""

    def encode(self, text: str, other: str | None, limit: int) -> Encoding:
        """The ids, ``limit`` at most: of a pair the longer text is cut first."""
        ...


def open_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a model's folder.

    Raises:
        ModelFolderError: its file is broken, or of a kind that needs a package that is not installed.
    """
    path = folder / "tokenizer.json"
    if not path.is_file():
        return _plain_bert(folder)
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
        own = _bert(described)
    except OSError as error:
        raise ModelFolderError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ModelFolderError(f"{path} is no tokenizer; save it again with the model") from None
    if own is not None:
        return own
    kind = described["model"].get("type", "unknown")
    return _packaged(path, kind)


class _Template:
    """The special tokens around a text, and around a pair, as (id, part) or the name of the text."""

    def __init__(self, single: Sequence[Any], pair: Sequence[Any]) -> None:
        self._single = single
        self._pair = pair

    def apply(self, ids: Mapping[str, list[int]]) -> Encoding:
        out: list[int] = []
        types: list[int] = []
        for piece in self._pair if len(ids) > 1 else self._single:
            some, part = (ids[piece[0]], piece[1]) if isinstance(piece[0], str) else (piece[0], piece[1])
            out += some
            types += [part] * len(some)
        return Encoding(out, types)

    def added(self, count: int) -> int:
        """The number of special tokens around ``count`` texts."""
        pieces = self._pair if count > 1 else self._single
        return sum(len(piece[0]) for piece in pieces if not isinstance(piece[0], str))


class _Bert:
    def __init__(self, pieces: WordPiece, template: _Template) -> None:
        self._pieces = pieces
        self._template = template

    def encode(self, text: str, other: str | None, limit: int) -> Encoding:
        if other is None:
            return self._template.apply({"A": self._pieces.ids(text, limit - self._template.added(1))})
        ids, others = self._pieces.ids(text), self._pieces.ids(other)
        one, two = _cut(len(ids), len(others), limit - self._template.added(2))
        return self._template.apply({"A": ids[:one], "B": others[:two]})


def _cut(one: int, two: int, room: int) -> tuple[int, int]:
    """How much of two texts stays where both have to fit: the longer one is cut first, as by the usual package."""
    if one + two <= room:
        return one, two
    shorter = min(one, two)
    half = room // 2
    short, long = (shorter, room - shorter) if shorter <= half else (half, room - half)
    return (long, short) if one > two else (short, long)


def _bert(described: Mapping[str, Any]) -> _Bert | None:
    """The tokenizer, if it is BERT's; None if it is another one."""
    model, normalizer = described["model"], described.get("normalizer")
    before = described.get("pre_tokenizer") or {}
    special = {token["content"] for token in described.get("added_tokens") or () if token.get("special")}
    plain = all(token["content"] in special for token in described.get("added_tokens") or ())
    if (
        model.get("type", "WordPiece") != "WordPiece"
        or not isinstance(model.get("vocab"), dict)
        or (normalizer is not None and normalizer.get("type") != "BertNormalizer")
        or before.get("type") != "BertPreTokenizer"
        or not plain
    ):
        return None
    template = _template(described.get("post_processor"))
    if template is None:
        return None
    normalizer = normalizer or dict.fromkeys(
        ("lowercase", "strip_accents", "handle_chinese_chars", "clean_text"), False
    )
    lowercase = bool(normalizer.get("lowercase", True))
    accents = normalizer.get("strip_accents")
    rules = Rules(
        lowercase=lowercase,
        strip_accents=lowercase if accents is None else bool(accents),
        separate_han=bool(normalizer.get("handle_chinese_chars", True)),
        clean=bool(normalizer.get("clean_text", True)),
        unknown=model.get("unk_token", "[UNK]"),
        prefix=model.get("continuing_subword_prefix", "##"),
        longest=int(model.get("max_input_chars_per_word", 100)),
    )
    return _Bert(WordPiece(model["vocab"], rules), template)


def _template(described: Mapping[str, Any] | None) -> _Template | None:
    """The special tokens of a post-processor; None if it is of a kind that is not known here."""
    if described is None:
        return _Template([("A", 0)], [("A", 0), ("B", 1)])
    if described["type"] == "BertProcessing":
        start, end = [described["cls"][1]], [described["sep"][1]]
        return _template_of_bert(start, end)
    if described["type"] != "TemplateProcessing":
        return None
    special = {name: token["ids"] for name, token in described["special_tokens"].items()}

    def pieces(parts: Sequence[Mapping[str, Any]]) -> list[tuple[Any, int]]:
        return [
            (part["Sequence"]["id"], part["Sequence"]["type_id"])
            if "Sequence" in part
            else (special[part["SpecialToken"]["id"]], part["SpecialToken"]["type_id"])
            for part in parts
        ]

    return _Template(pieces(described["single"]), pieces(described["pair"]))


def _template_of_bert(start: list[int], end: list[int]) -> _Template:
    single = [(start, 0), ("A", 0), (end, 0)]
    return _Template(single, [*single, ("B", 1), (end, 1)])


def _plain_bert(folder: Path) -> _Bert:
    """The tokenizer of a folder that has only a vocabulary: BERT's."""
    path = folder / "vocab.txt"
    try:
        vocabulary = read_vocabulary(path)
        start, end = [vocabulary["[CLS]"]], [vocabulary["[SEP]"]]
        pieces = WordPiece(vocabulary, _plain_rules(folder / "tokenizer_config.json"))
    except (OSError, ValueError, KeyError, RecursionError):
        raise ModelFolderError(
            f"{path} is no vocabulary of BERT; save the tokenizer as tokenizer.json"
        ) from None
    return _Bert(pieces, _template_of_bert(start, end))


def _plain_rules(path: Path) -> Rules:
    """How the texts of a folder without tokenizer.json are cut."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Rules()
    lowercase = bool(config.get("do_lower_case", True)) if isinstance(config, dict) else True
    return Rules(lowercase=lowercase, strip_accents=lowercase)


class _Packaged:
    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._inner.no_padding()
        self._inner.no_truncation()
        self._limit = 0

    def encode(self, text: str, other: str | None, limit: int) -> Encoding:
        if limit != self._limit:
            self._inner.enable_truncation(limit)
            self._limit = limit
        encoded = self._inner.encode(text) if other is None else self._inner.encode(text, other)
        return Encoding(list(encoded.ids), list(encoded.type_ids))


def _packaged(path: Path, kind: str) -> Tokenizer:
    """Any other tokenizer, through the package."""
    try:
        import tokenizers
    except ImportError:
        how = HOW_TO_GET.format(EXTRA)
        raise ModelFolderError(
            f"{path} is a tokenizer of the kind {kind}, which needs the package tokenizers: run {how}"
        ) from None
    load: Callable[[str], Any] = tokenizers.Tokenizer.from_file
    try:
        return _Packaged(load(str(path)))
    except Exception as error:  # it raises plain Exception
        raise ModelFolderError(f"{path} is no tokenizer: {first_line(error)}") from None
