"""The scope of a library: one definition for scan, prune, verify, status and explain.

An entry belongs to it when no rule leaves it out and it is a regular file there, or behind a link that is followed.
Everything here blocks, and opens rules files only.
"""

import errno
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple, Self
from unicodedata import normalize

from objlib.core.config.settings import CONFIG_NAME, Settings
from objlib.core.errors import UsageError
from objlib.core.library.control_text import decode_control
from objlib.core.library.ignore import GIT_FILE, IgnoreRules
from objlib.core.library.paths import Named, readable
from objlib.engine.scan.read_file import open_regular, status_of

GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR})
"""Errors of an entry that is not there."""
MAX_CACHED_FOLDERS: Final = 10_000
"""Folders whose rules are kept in memory."""
KINDS: Final = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
"""Words for an entry that is no regular file."""


_SQLITE_FILES: Final = ("", "-wal", "-shm", "-journal")


class RulesError(OSError):
    """A rules file that cannot be read or understood, so that nothing of its folder may be sent."""


class Absence(StrEnum):
    """Why a file is not in the library: LINK is one that is not followed. All but UNREADABLE may be pruned."""

    GONE = "gone"
    LEFT_OUT = "left_out"
    LINK = "link"
    REPLACED = "replaced"
    UNREADABLE = "unreadable"


class Absent(NamedTuple):
    """An absence with its reason, as the end of a sentence that begins with "it"."""

    kind: Absence
    reason: str


@dataclass(slots=True)
class Scope:
    """The border of one library.

    Attributes:
        root: the library.
        rules: the rules that hold in the whole of it.
        follow_links: whether links to files and folders outside are followed.
        rules_above: git's files of rules around the library that count.
    """

    root: Path
    rules: IgnoreRules
    follow_links: bool = False
    rules_above: tuple[Path, ...] = ()
    _cache: dict[bytes, IgnoreRules] = field(default_factory=dict, init=False)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The border of the library of ``settings``.

        Raises:
            UsageError: a rule in the settings cannot be understood.
        """
        rules = IgnoreRules.of(
            settings.ignore,
            _own_files(settings),
            exclude=settings.exclude,
            include=settings.include,
            gitignore=settings.gitignore,
        )
        above: tuple[Path, ...] = ()
        if settings.gitignore:
            inner = rules.sources
            rules = _with_rules_above(settings.library, rules)
            above = tuple(Path(source) for source in sorted(rules.sources - inner))
        return cls(settings.library, rules, settings.follow_links, above)

    def absent(self, file: Named) -> Absent | None:
        """Why ``file`` is not in the library now; None if it is."""
        exact = os.fsencode(file.file_path) if file.path_bytes is None else file.path_bytes
        return self._absent(exact.split(b"/"))

    def link_reason(self, link: bytes, *, folder: bool) -> str:
        """Why the link at the disk path ``link`` is not followed; empty if it is. ``folder`` is what it leads to.

        A link into the library is no way past its rules, and no second way into a folder.
        """
        target, root = os.path.realpath(link), os.path.realpath(os.fsencode(self.root))
        kind = "folder" if folder else "file"
        if target != root and not target.startswith(root.rstrip(b"/") + b"/"):
            advice = "set follow_links to take in what is behind it"
            return "" if self.follow_links else f"it is a link to a {kind} outside the library; {advice}"
        parts = [part for part in target[len(root) :].split(b"/") if part]
        absent = self._absent(parts) if parts else None
        if absent is not None and absent.kind in {Absence.LEFT_OUT, Absence.UNREADABLE}:
            return f"it is a link to a {kind} of the library, and {absent.reason}"
        return f"it is a link to {readable(b'/'.join(parts)) or 'the library itself'}" if folder else ""

    def _absent(self, parts: list[bytes]) -> Absent | None:
        rules, disk, path, status = self.rules, os.fsencode(self.root), "", None
        for name in parts:
            try:
                if status is not None and not stat.S_ISDIR(status.st_mode):
                    return Absent(Absence.GONE, "it is gone from disk")
                rules = self._cached_rules(disk, path, rules)
                disk = disk + b"/" + name
                status = os.lstat(disk)
                text = readable(name)
                path = f"{path}/{text}" if path else text
                linked = stat.S_ISLNK(status.st_mode)
                if linked:
                    status = status_of(disk)
            except OSError as error:
                if error.errno in GONE:
                    return Absent(Absence.GONE, "it is gone from disk")
                if error.errno == errno.ELOOP:
                    return Absent(Absence.REPLACED, "there is a link in its place that leads in a circle")
                return Absent(Absence.UNREADABLE, f"it cannot be looked at: {why(error)}")
            folder = stat.S_ISDIR(status.st_mode)
            rule = rules.reason(path, text, folder=folder and not linked)
            if not rule and linked and folder:
                rule = rules.reason(path, text, folder=True)
            if rule:
                return Absent(Absence.LEFT_OUT, f"it is left out by {rule}")
            if linked and not folder and not stat.S_ISREG(status.st_mode):
                other = KINDS.get(stat.S_IFMT(status.st_mode), "something else")
                return Absent(Absence.REPLACED, f"there is a link to {other} in its place")
            reason = self.link_reason(disk, folder=folder) if linked else ""
            if reason:
                return Absent(Absence.LINK, reason)
        kind = KINDS.get(stat.S_IFMT(status.st_mode)) if status is not None else None
        return None if kind is None else Absent(Absence.REPLACED, f"there is {kind} in its place")

    def _cached_rules(self, disk: bytes, path: str, rules: IgnoreRules) -> IgnoreRules:
        if disk not in self._cache:
            if len(self._cache) >= MAX_CACHED_FOLDERS:
                self._cache.clear()
            present = [name for name in rules.files if os.path.lexists(disk + b"/" + name.encode())]
            self._cache[disk] = folder_rules(disk, path, rules, present)
        return self._cache[disk]


def folder_rules(disk: bytes, path: str, rules: IgnoreRules, names: Sequence[str]) -> IgnoreRules:
    """The rules of a folder with the rules files ``names``, from ``rules`` of the folder above.

    Raises:
        RulesError: a file cannot be read or understood: without it, private files would be sent.
    """
    for name in names:
        try:
            rules = rules.below(path, _rules_text(disk + b"/" + name.encode()), name)
        except (OSError, ValueError) as error:
            raise RulesError(errno.EACCES, f"its {name} cannot be used: {_reason(error)}") from error
    return rules


def _rules_text(path: bytes) -> str:
    with open_regular(path) as file:
        return decode_control(file.read())


def _reason(error: OSError | ValueError) -> str:
    return why(error) if isinstance(error, OSError) else str(error)


def _with_rules_above(library: Path, rules: IgnoreRules) -> IgnoreRules:
    """The rules of git that stand above the library, up to its repository, and in that; git reads them too.

    Raises:
        UsageError: one cannot be read or understood.
    """
    folders = (library, *library.parents)
    root = next((depth for depth, folder in enumerate(folders) if os.path.lexists(folder / ".git")), None)
    if root is None:
        return rules
    files = [(folder, folder / GIT_FILE) for folder in folders[1 : root + 1]]
    for folder, file in (*files, (folders[root], folders[root] / ".git" / "info" / "exclude")):
        if not os.path.lexists(file):
            continue
        try:
            inner = [readable(os.fsencode(part)) for part in library.relative_to(folder).parts]
            rules = rules.above(
                str(file), _rules_text(os.fsencode(file)), "".join(f"{part}/" for part in inner)
            )
        except (OSError, ValueError) as error:
            raise UsageError(f"{file} cannot be used: {_reason(error)}; leave out --gitignore") from error
    return rules


def why(error: OSError) -> str:
    """The system's reason, as part of a sentence."""
    text = error.strerror or type(error).__name__
    return text if isinstance(error, RulesError) else text[:1].lower() + text[1:]


def _own_files(settings: Settings) -> list[str]:
    """Our own files that lie in the library, relative to it and spelt as the walk spells them."""
    own = [Path(f"{path}{end}") for path in (settings.ledger, settings.embedded) for end in _SQLITE_FILES]
    own.append(settings.library / CONFIG_NAME)
    if settings.config is not None:
        own.append(settings.config)
    root, resolved = settings.library.resolve(), [path.resolve() for path in own]
    return [
        normalize("NFC", path.relative_to(root).as_posix()) for path in resolved if path.is_relative_to(root)
    ]
