"""Walk of the library: which files there are, without reading any.

Everything here blocks, and runs in a worker thread some hundreds of entries at a time. The walk is sorted and
depends on nothing but the disk. It holds the names of one folder and of the folders still to come, so its
memory grows with the largest single folder, not with the library.
"""

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from objlib.core.errors import UsageError
from objlib.core.library.ignore import IgnoreRules
from objlib.core.library.paths import display_names, readable
from objlib.core.library.snapshot import FileStatus, bounded, ctime
from objlib.core.reports import MAX_LISTED
from objlib.engine.scan.read_file import status_of
from objlib.engine.scan.scope import GONE, KINDS, RulesError, Scope, folder_rules, why

_MAX_INTEGER: Final = 2**63 - 1
"""SQLite keeps signed 64-bit integers; inode numbers may be larger than that."""


class Skipped(NamedTuple):
    """Something that was not taken in.

    Attributes:
        path: its path.
        reason: why, for the user.
        blind: whether it may hide files, so that no file there counts as missing.
    """

    path: str
    reason: str
    blind: bool


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder still to be listed."""

    disk: bytes
    path: str
    exact: bytes
    rules: IgnoreRules

    def inner(self, name: str) -> str:
        """The path of an entry of this folder."""
        return f"{self.path}/{name}" if self.path else name


@dataclass(slots=True)
class Walk:
    """One walk over a library; :meth:`take` continues where its last call stopped.

    Attributes:
        scope: what belongs to the library.
        limit: entries that ``left_out`` may have.
        ignored: entries left out by a rule so far; a folder counts once.
        left_out: (path, rule) of the first of them.
        rules_files: disk paths of the files with rules so far, relative to the library.
    """

    scope: Scope
    limit: int = MAX_LISTED
    ignored: int = 0
    left_out: list[tuple[str, str]] = field(default_factory=list)
    rules_files: list[str] = field(default_factory=list)
    _entered: set[tuple[int, int]] = field(default_factory=set, init=False)
    """Device and inode of the folders so far; kept only where links are followed."""
    _entries: Iterator[FileStatus | Skipped] | None = field(default=None, init=False)

    def take(self, count: int) -> list[FileStatus | Skipped]:
        """The next entries, ``count`` unless the walk ends; an empty list is the end.

        Raises:
            UsageError: the library is not there, is no folder, or cannot be read.
        """
        if self._entries is None:
            self._entries = self._walk()
        return list(islice(self._entries, count))

    def _walk(self) -> Iterator[FileStatus | Skipped]:
        root = os.fsencode(self.scope.root)
        self._entered = {_open_root(self.scope.root)}
        pending = [_Folder(root, "", b"", self.scope.rules)]
        while pending:
            inner: list[_Folder] = []
            for entry in self._folder(pending.pop()):
                if isinstance(entry, _Folder):
                    inner.append(entry)
                else:
                    yield entry
            pending += reversed(inner)

    def _folder(self, folder: _Folder) -> Iterator[FileStatus | Skipped | _Folder]:
        """The entries of one folder: files, skipped entries, and folders still to be listed.

        Raises:
            UsageError: it is the library itself, and cannot be read.
        """
        try:
            names, rules = _listing(folder)
            new = () if rules is folder.rules else rules.sources - folder.rules.sources
            self.rules_files += [
                os.fsdecode(folder.exact + b"/" * bool(folder.path) + name.encode())
                for name in rules.files
                if folder.inner(name) in new
            ]
            yield from self._entries_of(folder, rules, self._not_ignored(folder, rules, names))
        except OSError as error:
            if not folder.path:
                raise _unusable(self.scope.root, error) from error
            if error.errno not in GONE:
                reason = f"the folder cannot be read: {why(error)}; mend that, or leave it out by a rule"
                yield Skipped(folder.path, reason, blind=True)

    def _not_ignored(
        self, folder: _Folder, rules: IgnoreRules, names: list[tuple[bytes, bool]]
    ) -> list[bytes]:
        """The names that no rule leaves out."""
        kept = []
        for name, is_folder in names:
            text = readable(name)
            if not self._is_left_out(folder.inner(text), text, rules, folder=is_folder):
                kept.append(name)
        return kept

    def _is_left_out(self, path: str, name: str, rules: IgnoreRules, *, folder: bool) -> bool:
        """Whether a rule leaves out an entry; counts it, unless it is a file of objlib itself."""
        rule = rules.reason(path, name, folder=folder)
        if rule and not rules.is_own(path, name):
            self.ignored += 1
            if len(self.left_out) < self.limit:
                self.left_out.append((path, rule))
        return bool(rule)

    def _entries_of(
        self, folder: _Folder, rules: IgnoreRules, names: list[bytes]
    ) -> Iterator[FileStatus | Skipped | _Folder]:
        """The entry of each of ``names``.

        Raises:
            PermissionError: the folder may be listed but not used, so nothing in it can be looked at.
        """
        disk = folder.disk + b"/"
        exact = folder.exact + b"/" if folder.path else b""
        for name, shown in zip(names, display_names(names), strict=True):
            path = folder.inner(shown)
            try:
                status = os.lstat(disk + name)
            except PermissionError:
                raise
            except OSError as error:
                if error.errno not in GONE:
                    yield Skipped(path, f"it cannot be looked at: {why(error)}", blind=True)
                continue
            linked = stat.S_ISLNK(status.st_mode)
            if linked:
                target = self._follow(disk + name, path, rules)
                if not isinstance(target, os.stat_result):
                    if target is not None:
                        yield target
                    continue
                status = target
            if stat.S_ISREG(status.st_mode):
                yield _file_status(path, exact + name, status)
            elif stat.S_ISDIR(status.st_mode):
                if self._enter(status, linked=linked):
                    yield _Folder(disk + name, path, exact + name, rules)
                else:
                    yield Skipped(path, "it is another way to a folder that is taken in already", blind=False)
            else:
                kind = KINDS.get(stat.S_IFMT(status.st_mode), "something special")
                yield Skipped(path, f"it is {kind}, not a file", blind=False)

    def _follow(self, link: bytes, path: str, rules: IgnoreRules) -> os.stat_result | Skipped | None:
        """The status of what a link leads to, or why it is not followed; None when a rule leaves it out after all."""
        try:
            status = status_of(link)
        except OSError as error:
            return _broken_link(path, error)
        folder = stat.S_ISDIR(status.st_mode)
        if folder and self._is_left_out(path, path.rpartition("/")[2], rules, folder=True):
            return None
        followed = folder or stat.S_ISREG(status.st_mode)
        reason = self.scope.link_reason(link, folder=folder) if followed else ""
        return Skipped(path, reason, blind=False) if reason else status

    def _enter(self, status: os.stat_result, *, linked: bool) -> bool:
        """Whether to list a folder: once, whichever ways lead to it. Without links there is one way."""
        if not self.scope.follow_links:
            return True
        identity = (status.st_dev, status.st_ino)
        if identity in self._entered or (linked and not status.st_ino):
            return False
        if status.st_ino:
            self._entered.add(identity)
        return True


def _file_status(path: str, exact: bytes, status: os.stat_result) -> FileStatus:
    return FileStatus(
        path,
        None if exact == path.encode() else exact,
        status.st_size,
        bounded(status.st_mtime_ns),
        status.st_ino & _MAX_INTEGER,
        ctime(status),
    )


def root_identity(root: Path) -> tuple[int, int] | None:
    """Device and inode of the library's folder, which is another one once its disk is unmounted; None without one."""
    try:
        return _open_root(root)
    except UsageError:
        return None


def _open_root(root: Path) -> tuple[int, int]:
    """Device and inode of the library.

    Raises:
        UsageError: there is no folder that can be read.
    """
    try:
        status = root.stat()
    except OSError as error:
        raise _unusable(root, error) from error
    if not stat.S_ISDIR(status.st_mode):
        raise UsageError(f"the library {root} is not a folder; name a folder with --library")
    return status.st_dev, status.st_ino


def _unusable(root: Path, error: OSError) -> UsageError:
    if error.errno in GONE:
        return UsageError(f"the library {root} does not exist; check --library, or mount the disk it is on")
    if isinstance(error, RulesError):
        return UsageError(f"the library {root} is not read: {error.strerror}")
    return UsageError(f"the library {root} cannot be read: {why(error)}; change its mode or owner")


def _listing(folder: _Folder) -> tuple[list[tuple[bytes, bool]], IgnoreRules]:
    """The sorted names of a folder, each with whether it is a folder, and its rules.

    Raises:
        OSError: the folder or its rules cannot be read.
    """
    with os.scandir(folder.disk) as entries:
        names = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
    there = {name for name, _ in names}
    rules_files = [name for name in folder.rules.files if name.encode() in there]
    return names, folder_rules(folder.disk, folder.path, folder.rules, rules_files)


def _broken_link(path: str, error: OSError) -> Skipped:
    if error.errno in GONE:
        return Skipped(path, "the link leads nowhere", blind=False)
    if error.errno == errno.ELOOP:
        return Skipped(path, "the link leads in a circle", blind=False)
    return Skipped(path, f"it cannot be looked at: {why(error)}", blind=True)
