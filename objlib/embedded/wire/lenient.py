"""JSON as the service's parser takes it: single quotes, bare keys and commas at the end are allowed.

The Files page of the documentation has its curl examples in single quotes. The service's parser is protobuf's
``json_stream_parser.cc``, whose leniency this follows.
"""

import re
from typing import Any, Final

MAX_DEPTH: Final = 100
"""Objects and lists inside each other at most, as in protobuf."""
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<mark>[{}\[\]:,])|(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"""|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<word>[A-Za-z_$][\w$]*))""",
    re.DOTALL | re.ASCII,
)
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})(?:\\u([dD][c-fC-F][0-9a-fA-F]{2}))?|(.))", re.DOTALL)
_ESCAPES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_WORDS: Final = {"true": True, "false": False, "null": None}
_MAX_DIGITS: Final = 400
"""Characters of a number at most; no 64-bit integer and no double needs more."""


class LenientError(ValueError):
    """The text is no JSON, not even in this form."""


def loads(text: str) -> Any:
    """Parse a text; LenientError if it is none, or too deep."""
    return _Parser(text).parse()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def parse(self) -> Any:
        value = self._value(*self._next())
        if self._text[self._at :].strip():
            raise LenientError("text after the end")
        return value

    def _next(self) -> tuple[str, str]:
        match = _TOKEN.match(self._text, self._at)
        if match is None:
            raise LenientError("no token")
        self._at = match.end()
        kind = match.lastgroup or ""
        return kind, match[kind]

    def _value(self, kind: str, token: str) -> Any:
        if kind == "text":
            return _unescaped(token[1:-1])
        if kind == "number":
            if len(token) > _MAX_DIGITS:
                raise LenientError("a number is too long")
            return int(token) if token.lstrip("-").isdigit() else float(token)
        if kind == "word" and token in _WORDS:
            return _WORDS[token]
        if token not in {"{", "["}:
            raise LenientError("no value")
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise LenientError("too deep")
        value = self._object() if token == "{" else self._list()
        self._depth -= 1
        return value

    def _object(self) -> dict[str, Any]:
        value: dict[str, Any] = {}
        while True:
            kind, token = self._next()
            if token == "}" and kind == "mark":
                return value
            if kind not in {"text", "word"}:
                raise LenientError("no key")
            if self._next() != ("mark", ":"):
                raise LenientError("no colon")
            value[_unescaped(token[1:-1]) if kind == "text" else token] = self._value(*self._next())
            if self._ends("}"):
                return value

    def _list(self) -> list[Any]:
        value: list[Any] = []
        while True:
            kind, token = self._next()
            if token == "]" and kind == "mark":
                return value
            value.append(self._value(kind, token))
            if self._ends("]"):
                return value

    def _ends(self, end: str) -> bool:
        token = self._next()
        if token not in {("mark", ","), ("mark", end)}:
            raise LenientError("no comma")
        return token[1] == end


def _unescaped(text: str) -> str:
    if "\\" in text:
        text = _ESCAPE.sub(_character, text)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise LenientError("half of a surrogate pair") from None
    return text


def _character(match: "re.Match[str]") -> str:
    high, low, plain = match.groups()
    if plain is not None:
        if plain == "u":
            raise LenientError("bad escape")
        return _ESCAPES.get(plain, plain)
    code = int(high, 16)
    if low is None:
        return chr(code)
    if not 0xD800 <= code < 0xDC00:
        raise LenientError("half of a surrogate pair")
    return chr(0x10000 + ((code - 0xD800) << 10) + (int(low, 16) - 0xDC00))
