"""Ignore rules: the junk that every disk has, and the files that the user lists in gitignore syntax.

Rules are layers. From the strongest: ``--exclude``, ``.objlibignore`` of the folder itself, of the folders above it,
the setting ``ignore``, on request ``.gitignore`` of the folder and of those above it, and last the built-in rules; in
a layer the last line that fits decides. So a line such as ``!.notes/`` takes in what a weaker layer leaves out. A line
of ``.gitignore`` is about git: ``!.env.example`` there takes in no file that the built-in rules leave out.
With ``--include``, of the files that are left only those are taken in that fit it. The walk never enters a folder that
is left out.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Self
from unicodedata import normalize

from objlib.core.errors import UsageError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILE: Final = ".objlibignore"
"""Name of the files that hold rules, valid for the folder they are in and below."""
GIT_FILE: Final = ".gitignore"
"""Name of git's files of rules."""

_JUNK: Final = re.compile(
    r"""
    (?P<hidden>\..*)
    | (?P<backup>~\$.* | \#.*\# | .*~)
    | (?P<unfinished>.*\.(?:tmp|temp|part|partial|crdownload|swp|swo|pyc))
    | (?P<system>__pycache__ | __MACOSX | lost\+found | (?i:thumbs\.db|ehthumbs\.db|desktop\.ini)
      | \$RECYCLE\.BIN | System\ Volume\ Information | Icon\r)
    """,
    re.VERBOSE | re.DOTALL,
)
"""The built-in rules; each group is one rule of :data:`_BUILT_IN`."""
_BUILT_IN: Final = {
    "hidden": "hidden files and folders",
    "backup": "backups and lock files of editors",
    "unfinished": "temporary and unfinished files",
    "system": "files of desktops and systems",
}
_TRAPS: Final = (
    (re.compile(r"\s#"), r"ends in a comment, which has to stand on a line of its own (in a name, write \#)"),
    (
        re.compile(r"^!?(?:\.\.?|~)/"),
        "fits nothing; write the path as it is seen from the folder of the rules",
    ),
    (re.compile(r"(?<!\\)(?:\\\\)*\\[0-9A-Za-z]"), "separates folders by a backslash; write / instead"),
)
"""Signs of a rule that was meant otherwise than git reads it, and what to tell the user."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """One line. ``spec`` holds its pattern without the final ``/``, which ``folders_only`` stands for."""

    line: str
    spec: "GitIgnoreSpec"
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
    """Rules that hold below ``base``, a relative path that ends in ``/`` or is empty; the last one first.

    ``source`` is where they stand, for the user. ``above`` is the path of the library from the folder in which they
    stand, where that is above it.
    """

    base: str
    source: str
    rules: tuple[_Rule, ...]
    above: str = ""

    def decide(self, path: str, *, folder: bool) -> tuple[bool, _Rule] | None:
        """The last rule that fits this entry, and whether it leaves it out; None if none fits."""
        inner = self.above + path[len(self.base) :]
        for rule in self.rules:
            ignored = rule.decide(inner, folder=folder)
            if ignored is not None:
                return ignored, rule
        return None


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """The rules that hold in one folder. Made by :meth:`of`, and by :meth:`below` for the folders under it.

    Attributes:
        own: relative paths of our own files, which no rule can take in.
        files: names of the files that hold rules, the weakest first.
    """

    own: frozenset[str] = frozenset()
    files: tuple[str, ...] = (IGNORE_FILE,)
    _layers: tuple[_Layer, ...] = ()
    _git: tuple[_Layer, ...] = ()
    _include: "GitIgnoreSpec | None" = None

    @classmethod
    def of(
        cls,
        lines: Sequence[str] = (),
        own: Iterable[str] = (),
        *,
        exclude: Sequence[str] = (),
        include: Sequence[str] = (),
        gitignore: bool = False,
    ) -> Self:
        """The rules of the whole library: the setting ``ignore``, and the relative paths of our own files.

        Args:
            lines: the setting ``ignore``.
            own: the relative paths of our own files.
            exclude: rules that are stronger than any other.
            include: rules of which a file has to fit one, where there are any.
            gitignore: whether ``.gitignore`` counts.

        Raises:
            UsageError: a line cannot be understood.
        """
        _settings_rules(include, "include")
        return cls(
            frozenset(own),
            (GIT_FILE, IGNORE_FILE) if gitignore else (IGNORE_FILE,),
            _layers("", "--exclude", _settings_rules(exclude, "exclude"))
            + _layers("", "the setting ignore", _settings_rules(lines, "ignore")),
            _include=_spec(normalize("NFC", line) for line in include) if include else None,
        )

    @property
    def sources(self) -> frozenset[str]:
        """Where the rules of these layers stand, such as ``notes/.objlibignore``."""
        return frozenset(layer.source for layer in (*self._layers, *self._git))

    def below(self, folder: str, text: str, name: str = IGNORE_FILE) -> Self:
        """The rules of a folder whose ignore file ``name`` holds ``text``.

        The folder is a relative path, empty for the library itself.

        Raises:
            ValueError: a line cannot be understood. To go on without it could send what it was to hide.
        """
        base = f"{folder}/" if folder else ""
        layers = _layers(base, base + name, _parse_rules(text.splitlines(), own=name != GIT_FILE))
        if name == GIT_FILE:
            return replace(self, _git=layers + self._git)
        strong = [layer for layer in self._layers if layer.source == "--exclude"]
        rest = [layer for layer in self._layers if layer.source != "--exclude"]
        return replace(self, _layers=(*strong, *layers, *rest))

    def above(self, source: str, text: str, library: str) -> Self:
        """The rules with those of git from above the library, weaker than those so far.

        Args:
            source: its path, for the user.
            text: what it holds.
            library: the path of the library from its folder; it ends in ``/`` or is empty.

        Raises:
            ValueError: a line cannot be understood.
        """
        layers = _layers("", source, _parse_rules(text.splitlines(), own=False))
        return replace(self, _git=self._git + tuple(replace(layer, above=library) for layer in layers))

    def is_own(self, path: str, name: str) -> bool:
        """Whether an entry is a file of objlib itself, which no rule can take in."""
        return path in self.own or name == IGNORE_FILE

    def reason(self, path: str, name: str, *, folder: bool) -> str:
        """The rule that leaves out the entry at ``path`` (relative, NFC) with the last component ``name``, or ''."""
        if self.is_own(path, name):
            return "it is a file of objlib itself"
        return self._layer_reason(path, name, folder=folder) or self._include_reason(path, folder=folder)

    def _layer_reason(self, path: str, name: str, *, folder: bool) -> str:
        decision = _decide(self._layers, path, folder=folder)
        if decision is None:
            decision = _decide(self._git, path, folder=folder)
            if decision is not None and not decision[0]:
                decision = None  # what git keeps may still be hidden, or a backup
        if decision is not None:
            ignored, rule, layer = decision
            return f"the rule {rule.line!r} in {layer.source}" if ignored else ""
        junk = _JUNK.fullmatch(name)
        return "" if junk is None else f"the built-in rule for {_BUILT_IN[junk.lastgroup or '']}"

    def _include_reason(self, path: str, *, folder: bool) -> str:
        if folder or self._include is None or self._include.match_file(path):
            return ""
        return "the setting include, of which it fits no rule"


def _decide(layers: Iterable[_Layer], path: str, *, folder: bool) -> tuple[bool, _Rule, _Layer] | None:
    """The decision of the strongest layer with a rule for an entry; None where none has one."""
    for layer in layers:
        decision = layer.decide(path, folder=folder)
        if decision is not None:
            return *decision, layer
    return None


def _spec(patterns: Iterable[str]) -> "GitIgnoreSpec":
    from pathspec import (
        GitIgnoreSpec,  # it takes long to load, and a command that reads no rules can do without
    )

    return GitIgnoreSpec.from_lines(patterns)


def _settings_rules(lines: Sequence[str], setting: str) -> list[_Rule]:
    try:
        return _parse_rules(lines, own=True)
    except ValueError as error:
        raise UsageError(f"{error}; it is in the setting {setting}") from None


def _layers(base: str, source: str, rules: list[_Rule]) -> tuple[_Layer, ...]:
    return (_Layer(base, source, tuple(reversed(rules))),) if rules else ()


def _parse_rules(lines: Iterable[str], *, own: bool) -> list[_Rule]:
    """The rules among ``lines``, which may be blank or comments.

    Args:
        lines: text in gitignore syntax.
        own: whether they were written for objlib. Then one that git takes and that can hardly mean what it does, so
            that what it was to hide would be sent, is no rule.

    Raises:
        ValueError: a line is no rule.
    """
    rules: list[_Rule] = []
    for line in lines:
        text = normalize("NFC", line)
        stripped = text.rstrip()
        # A space at the end counts only behind a backslash.
        text = stripped + " " if stripped.endswith("\\") and stripped != text else stripped
        folders_only = text.endswith("/")
        try:
            spec = _spec([text.removesuffix("/")])
        except (ValueError, re.error):
            raise ValueError(f"the rule {line!r} cannot be understood; use gitignore syntax") from None
        if any(pattern.include is not None for pattern in spec.patterns):
            if own and (trap := next((why for sign, why in _TRAPS if sign.search(text)), "")):
                raise ValueError(f"the rule {line!r} {trap}")
            rules.append(_Rule(line.strip(), spec, folders_only))
    return rules
