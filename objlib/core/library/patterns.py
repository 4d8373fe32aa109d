"""Path patterns: metadata from the path of a file, such as ``{course}/Year {year}/{lecture}.txt``.

A pattern covers a whole path, component by component. ``{name}`` takes one or more characters and never
crosses a ``/``; where several could share out a component, the leftmost takes as much as it can. Everything
else has to be there to the letter, upper and lower case included. ``**/`` in front allows any folders before.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from unicodedata import normalize

from objlib.core.errors import UsageError
from objlib.core.ids import RESERVED_KEYS

_ANYWHERE: Final = "**/"
_PIECE: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}|([^{}]+)|(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Component:
    """One component: ``literals[0] {names[0]} literals[1] {names[1]} … literals[-1]``."""

    literals: tuple[str, ...]
    names: tuple[str, ...]

    def match(self, text: str) -> tuple[str, ...] | None:
        """The value of each name, or None.

        From the right, each literal is taken at its last possible place, which gives every name on its left
        all the room there is: what a greedy regular expression finds, without its backtracking.
        """
        if not self.names:
            return () if text == self.literals[0] else None
        first, *middle, last = self.literals
        start, stop = len(first), len(text) - len(last)
        if stop <= start or not text.startswith(first) or not text.endswith(last):
            return None
        values: list[str] = []
        for literal in reversed(middle):
            at = text.rfind(literal, start + 1, stop - 1)
            if at < 0:
                return None
            values.append(text[at + len(literal) : stop])
            stop = at
        values.append(text[start:stop])
        return tuple(reversed(values))


@dataclass(frozen=True, slots=True)
class PathPattern:
    """A parsed pattern. Made by :func:`parse_pattern`.

    Attributes:
        text: the pattern as it was written.
    """

    text: str
    _components: tuple[_Component, ...]
    _anywhere: bool

    def match(self, path: str) -> dict[str, str] | None:
        """The values in ``path`` (relative, ``/`` between components) by name; None when it does not fit."""
        parts = path.split("/")
        surplus = len(parts) - len(self._components)
        if surplus < 0 or (surplus and not self._anywhere):
            return None
        named: dict[str, str] = {}
        for component, part in zip(self._components, parts[surplus:], strict=True):
            values = component.match(part)
            if values is None:
                return None
            named.update(zip(component.names, values, strict=True))
        return named


def parse_pattern(text: str) -> PathPattern:
    """Parse one pattern.

    Raises:
        UsageError: it is malformed, or one of its names is reserved; the message quotes it.
    """
    body = normalize("NFC", text)
    anywhere = body.startswith(_ANYWHERE)
    components = tuple(_component(text, part) for part in body.removeprefix(_ANYWHERE).split("/"))
    names = [name for component in components for name in component.names]
    for name in names:
        if name in RESERVED_KEYS:
            raise _wrong(text, f"the name {name} is reserved; choose another")
        if names.count(name) > 1:
            raise _wrong(text, f"the name {name} stands in it twice")
    if not names:
        raise _wrong(text, "it names nothing; put a {name} where the path tells something")
    return PathPattern(text, components, anywhere)


def parse_patterns(texts: Iterable[str]) -> tuple[PathPattern, ...]:
    """Parse all patterns of the settings, in order.

    Raises:
        UsageError: as :func:`parse_pattern`.
    """
    return tuple(parse_pattern(text) for text in texts)


def _component(pattern: str, part: str) -> _Component:
    if part in {"", ".", ".."}:
        raise _wrong(pattern, "paths are relative to the library, with one / between their parts")
    if "*" in part:
        raise _wrong(pattern, "* has a meaning only as **/ in front; write a {name} for what varies")
    literals = [""]
    names: list[str] = []
    for piece in _PIECE.finditer(part):
        name, literal, stray = piece.groups()
        if stray is not None:
            raise _wrong(pattern, f"there is a stray {stray}; a name is written {{like_this}}")
        if literal is not None:
            literals[-1] = literal
            continue
        if names and not literals[-1]:
            raise _wrong(pattern, f"nothing separates {{{names[-1]}}} from {{{name}}}; put something between")
        names.append(name)
        literals.append("")
    return _Component(tuple(literals), tuple(names))


def _wrong(pattern: str, why: str) -> UsageError:
    return UsageError(f"the metadata pattern {pattern!r} does not work: {why}")
