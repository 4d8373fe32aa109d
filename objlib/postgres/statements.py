"""Statements in the placeholders of this repository, made those of PostgreSQL.

Our SQL has the three forms of SQLite: ``?`` in order, ``?1`` by number, ``:name`` by name. PostgreSQL has ``$1``.
A literal is left as it is, and so is the ``::`` of a cast.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

_TOKENS: Final = re.compile(r"'(?:[^']|'')*'|::|:([a-z_]\w*)|\?(\d*)", re.IGNORECASE)


@cache
def translate(sql: str) -> tuple[str, tuple[str, ...]]:
    """``sql`` with numbered placeholders, and the names of its parameters where it has names."""
    names: dict[str, int] = {}
    count = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal count
        name, number = match.groups()
        if name is not None:
            return f"${names.setdefault(name, len(names) + 1)}"
        if number is None:
            return match[0]
        if number:
            return f"${number}"
        count += 1
        return f"${count}"

    return _TOKENS.sub(replace, sql), tuple(names)


def in_order(names: Sequence[str], parameters: Sequence[Any] | Mapping[str, Any]) -> Sequence[Any]:
    """The parameters in the order of their numbers."""
    return [parameters[name] for name in names] if isinstance(parameters, Mapping) else parameters
