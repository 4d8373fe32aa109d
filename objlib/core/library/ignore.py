"""Ignore rules: the junk that every disk has, and the files that the user lists in gitignore syntax.

Rules are layers. From the strongest: ``.objlibignore`` of the folder itself, of the folders above it, the
setting ``ignore``, and last the built-in rules; in a layer the last line that fits decides. So a line such as
``!.notes/`` takes in what a weaker layer leaves out. The walk never enters a folder that is left out.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self
from unicodedata import normalize

from pathspec import GitIgnoreSpec

from objlib.core.errors import UsageError
from objlib.core.library.decode import LINE_END

IGNORE_FILE: Final = ".objlibignore"
"""Name of the files that hold rules, valid for the folder they are in and below."""

# Hidden files and folders (.git, .DS_Store, .~lock…, .swp), bytecode, what desktops and office programs leave,
# editors' backups and swap files, and downloads that are not done yet.
_JUNK: Final = re.compile(
    r"""
    \..* | ~\$.* | \#.*\# | .*~
    | .*\.(?:tmp|temp|part|partial|crdownload|swp|swo|pyc)
    | __pycache__ | __MACOSX | lost\+found | (?i:thumbs\.db|ehthumbs\.db|desktop\.ini)
    | \$RECYCLE\.BIN | System\ Volume\ Information | Icon\r
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class _Rule:
    """One line. ``spec`` holds its pattern without the final ``/``, which ``folders_only`` stands for."""

    spec: GitIgnoreSpec
    folders_only: bool

    def decide(self, path: str, *, folder: bool) -> bool | None:
        """True: leave out, False: take in, None: the rule does not fit this entry.

        The walk decided on each folder when it came to it, so a pattern has to fit the entry itself here, and not
        a folder above it; pathspec marks the latter by a named group.
        """
        if self.folders_only and not folder:
            return None
        (pattern,) = self.spec.patterns
        result = pattern.match_file(path)
        return pattern.include if result is not None and result.match.lastgroup is None else None


@dataclass(frozen=True, slots=True)
class _Layer:
    """Rules that hold below ``base``, a relative path that ends in ``/`` or is empty; the last one first."""

    base: str
    rules: tuple[_Rule, ...]

    def decide(self, path: str, *, folder: bool) -> bool | None:
        """The decision of the last rule that fits this entry; None if none fits."""
        inner = path[len(self.base) :]
        for rule in self.rules:
            ignored = rule.decide(inner, folder=folder)
            if ignored is not None:
                return ignored
        return None


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """The rules that hold in one folder. Made by :meth:`of`, and by :meth:`below` for the folders under it.

    Attributes:
        own: relative paths of our own files, which no rule can take in.
    """

    own: frozenset[str] = frozenset()
    _layers: tuple[_Layer, ...] = ()

    @classmethod
    def of(cls, lines: Sequence[str] = (), own: Iterable[str] = ()) -> Self:
        """The rules of the whole library: the setting ``ignore``, and the relative paths of our own files.

        Raises:
            UsageError: a line cannot be understood.
        """
        rules, wrong = _parse_rules(lines)
        if wrong:
            raise UsageError(
                f"the ignore rule {wrong[0]!r} in the settings cannot be understood; use gitignore syntax"
            )
        return cls(frozenset(own), _layers("", rules))

    def below(self, folder: str, text: str) -> tuple[Self, list[str]]:
        """The rules of a folder with the ignore file ``text``, and the lines of it that could not be understood.

        The folder is a relative path, empty for the library itself.
        """
        base = f"{folder}/" if folder else ""
        rules, wrong = _parse_rules(LINE_END.split(text.removeprefix("\ufeff")))
        return type(self)(self.own, _layers(base, rules) + self._layers), wrong

    def ignored(self, path: str, name: str, *, folder: bool) -> bool:
        """Whether to leave out the entry at ``path`` (relative, NFC), whose last component is ``name``."""
        if path in self.own or name == IGNORE_FILE:
            return True
        for layer in self._layers:
            ignored = layer.decide(path, folder=folder)
            if ignored is not None:
                return ignored
        return _JUNK.fullmatch(name) is not None


def _layers(base: str, rules: list[_Rule]) -> tuple[_Layer, ...]:
    return (_Layer(base, tuple(reversed(rules))),) if rules else ()


def _parse_rules(lines: Iterable[str]) -> tuple[list[_Rule], list[str]]:
    """The rules among ``lines``, and the lines that are none. Blank lines and comments are neither."""
    rules: list[_Rule] = []
    wrong: list[str] = []
    for line in lines:
        text = normalize("NFC", line)
        stripped = text.rstrip()
        # A space at the end counts only behind a backslash.
        text = stripped + " " if stripped.endswith("\\") and stripped != text else stripped
        folders_only = text.endswith("/")
        try:
            spec = GitIgnoreSpec.from_lines([text.removesuffix("/")])
        except (ValueError, re.error):
            wrong.append(line)
            continue
        if any(pattern.include is not None for pattern in spec.patterns):
            rules.append(_Rule(spec, folders_only))
    return rules, wrong
