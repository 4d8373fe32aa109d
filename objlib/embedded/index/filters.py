"""The ``metadataFilter`` language: a subset of https://google.aip.dev/160, parsed by hand.

::

    filter      = [expression]
    expression  = sequence {"AND" sequence}
    sequence    = factor {factor}                 juxtaposition means AND
    factor      = term {"OR" term}                OR binds tighter than AND
    term        = ["NOT" | "-"] simple
    simple      = "(" expression ")" | key comparator value
    comparator  = "=" | "!=" | "<" | "<=" | ">" | ">=" | ":"

Keys are metadata keys, bare or quoted (a dot in a key is part of the key). Values are quoted with ``"`` or
``'`` (a backslash takes the next character as it is), numbers, or bare words. Keywords are upper case.

The meaning of a comparison, where the service's documentation leaves it open:

* A document without the key does not match, with any comparator (``NOT author = "x"`` does match it).
* ``:`` is *has*: a list has the element, a text or number is equal; ``key:*`` is "the key is there".
* A list matches ``=``, ``<`` and so on if any element does, and ``!=`` if no element is equal.
* Text compares as text, case counts. A bare number compares as a number, also with a stored text that is a
  plain number (``year >= 1850`` finds ``year: "1859"``, not ``"400 BC"``). A *quoted* number compares as text
  with a stored text and as a number with a stored number.
"""

import re
from dataclasses import dataclass
from typing import NoReturn

from objlib.embedded.index.records import FilterError

MAX_DEPTH = 50
"""Parentheses inside parentheses at most; more is a mistake, and Python's stack is finite."""
MAX_COMPARISONS = 200
"""Comparisons of a filter at most: SQLite nests a chain of ANDs, and its limit is 1,000 levels."""
_TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<operator>!=|<=|>=|=|<|>|:)
    | (?P<open>\()
    | (?P<close>\))
    | (?P<word>[^\s"'()=!<>:,]+)
    """,
    re.VERBOSE | re.DOTALL,
)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)

# Each value of the list, or the value itself if it is not a list.
_ELEMENTS = (
    "SELECT 1 FROM json_each(d.metadata) AS m,"
    " json_each(CASE m.type WHEN 'array' THEN m.value ELSE json_array(m.value) END) AS e WHERE m.key = ?"
)
_HAS_KEY = "EXISTS (SELECT 1 FROM json_each(d.metadata) AS m WHERE m.key = ?)"
# A text that is digits with at most one point inside and at most one minus in front.
_UNSIGNED = "substr(e.value, 1 + (e.value LIKE '-%'))"
_PLAIN_NUMBER = (
    f"{_UNSIGNED} GLOB '[0-9]*' AND {_UNSIGNED} NOT GLOB '*[^0-9.]*'"
    f" AND {_UNSIGNED} NOT GLOB '*.*.*' AND {_UNSIGNED} NOT GLOB '*.'"
)

Sql = tuple[str, list[str | float]]


def compile_filter(text: str) -> Sql:
    """Compile a filter to a condition on the alias ``d`` of table ``documents``.

    Keys and values reach SQL only as parameters.

    Returns:
        The condition in parentheses, and its parameters in order.

    Raises:
        FilterError: it is malformed; the column says where.
    """
    return _Parser(text).parse()


def filter_keys(text: str) -> dict[str, str]:
    """The metadata keys that a filter names, in order; none of one that is malformed.

    Each with the first text that is no number and that it is compared with; empty where there is none.
    """
    try:
        parser = _Parser(text)
        parser.parse()
    except FilterError:
        return {}
    texts = dict(reversed(parser.texts))
    return {key: texts.get(key, "") for key in parser.keys}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    column: int


class _Parser:
    def __init__(self, source: str) -> None:
        self._tokens = _tokens(source)
        self._at = 0
        self._depth = 0
        self.keys: list[str] = []
        self.texts: list[tuple[str, str]] = []

    def parse(self) -> Sql:
        if self._next.kind == "end":
            return "(1)", []
        sql = self._expression()
        if self._next.kind != "end":
            self._fail(f"unexpected {self._next.text!r}")
        return sql

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _keyword(self, word: str) -> bool:
        return self._next.kind == "word" and self._next.text == word

    def _expression(self) -> Sql:
        parts = [self._sequence()]
        while self._keyword("AND"):
            self._take()
            parts.append(self._sequence())
        return _joined(" AND ", parts)

    def _sequence(self) -> Sql:
        parts = [self._factor()]
        while self._next.kind not in ("end", "close") and not self._keyword("AND"):
            parts.append(self._factor())
        return _joined(" AND ", parts)

    def _factor(self) -> Sql:
        parts = [self._term()]
        while self._keyword("OR"):
            self._take()
            parts.append(self._term())
        return _joined(" OR ", parts)

    def _term(self) -> Sql:
        negated = False
        if self._keyword("NOT"):
            self._take()
            negated = True
        elif self._next.kind == "word" and self._next.text.startswith("-"):
            negated = True
            self._drop_minus()
        sql, values = self._simple()
        return (f"(NOT {sql})", values) if negated else (sql, values)

    def _drop_minus(self) -> None:
        token = self._next
        if token.text == "-":
            self._take()
        else:
            self._tokens[self._at] = _Token(token.kind, token.text[1:], token.column + 1)

    def _simple(self) -> Sql:
        if self._next.kind != "open":
            return self._comparison()
        opened = self._take()
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise FilterError(f"more than {MAX_DEPTH} parentheses inside each other", opened.column)
        sql = self._expression()
        if self._next.kind != "close":
            raise FilterError("this parenthesis is never closed", opened.column)
        self._take()
        self._depth -= 1
        return sql

    def _comparison(self) -> Sql:
        if self._next.kind not in ("word", "string") or self._next.text in ("AND", "OR", "NOT"):
            self._fail("a key is expected here")
        key = self._take()
        self.keys.append(_plain(key))
        if len(self.keys) > MAX_COMPARISONS:
            raise FilterError(f"more than {MAX_COMPARISONS} comparisons", key.column)
        if self._next.kind != "operator":
            self._fail(f"a comparison is expected after {_plain(key)!r}: one of = != < <= > >= :")
        operator = self._take().text
        if self._next.kind not in ("word", "string"):
            self._fail("a value is expected here: a number, a word, or text in quotes")
        value = self._take()
        if not _NUMBER.fullmatch(_plain(value)) and (operator, value.text) != (":", "*"):
            self.texts.append((_plain(key), _plain(value)))
        return _compare(_plain(key), operator, value)

    def _fail(self, reason: str) -> NoReturn:
        raise FilterError(
            "the filter ends too early" if self._next.kind == "end" else reason, self._next.column
        )


def _tokens(source: str) -> list[_Token]:
    out: list[_Token] = []
    at = 0
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:
            quote = source[at] in "\"'"
            raise FilterError("this quote is never closed" if quote else f"unexpected {source[at]!r}", at + 1)
        kind = match.lastgroup or ""
        if kind != "space":
            token = _Token(kind, match[0], at + 1)
            if any("\ud800" <= character <= "\udfff" for character in token.text):
                raise FilterError("half of a surrogate pair is not a character", at + 1)
            out.append(token)
        at = match.end()
    out.append(_Token("end", "the end", len(source) + 1))
    return out


def _plain(token: _Token) -> str:
    return _ESCAPE.sub(r"\1", token.text[1:-1]) if token.kind == "string" else token.text


def _joined(word: str, parts: list[Sql]) -> Sql:
    if len(parts) == 1:
        return parts[0]
    return f"({word.join(sql for sql, _ in parts)})", [value for _, values in parts for value in values]


def _compare(key: str, operator: str, value: _Token) -> Sql:
    if operator == ":" and value.kind == "word" and value.text == "*":
        return f"({_HAS_KEY})", [key]
    if operator == "!=":
        equal, values = _compare(key, "=", value)
        return f"({_HAS_KEY} AND NOT {equal})", [key, *values]
    sql_operator = "=" if operator == ":" else operator
    test, values = _element_test(sql_operator, value)
    return f"(EXISTS ({_ELEMENTS} AND ({test})))", [key, *values]


def _element_test(operator: str, value: _Token) -> Sql:
    """Condition on one value ``e`` of the metadata; ``operator`` is SQL's own."""
    text = _plain(value)
    as_number = f"e.type IN ('integer', 'real') AND e.value {operator} ?"
    as_text = f"e.type = 'text' AND e.value {operator} ?"
    if not _NUMBER.fullmatch(text):
        return as_text, [text]
    if value.kind == "string":
        return f"({as_text}) OR ({as_number})", [text, float(text)]
    from_text = f"e.type = 'text' AND {_PLAIN_NUMBER} AND CAST(e.value AS REAL) {operator} ?"
    return f"({as_number}) OR ({from_text})", [float(text), float(text)]
