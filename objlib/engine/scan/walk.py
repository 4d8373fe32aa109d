"""Walk of the library: which files there are, without reading any.

Everything here blocks, and runs in a worker thread some hundreds of entries at a time. The walk is sorted and
depends on nothing but the disk. It holds the names of one folder and of the folders still to come, so its
memory grows with the largest single folder, not with the library.
"""

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from objlib.core.errors import UsageError
from objlib.core.library.decode import UnreadableError, decode
from objlib.core.library.ignore import IGNORE_FILE, IgnoreRules
from objlib.core.library.paths import display_names, readable
from objlib.core.library.snapshot import FileStatus
from objlib.engine.scan.read_file import open_regular

_GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR})
_KINDS: Final = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_MAX_INTEGER: Final = 2**63 - 1
"""SQLite keeps signed 64-bit integers; inode numbers may be larger, and dates later, than that."""


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
    """A folder still to be listed. ``above`` has device and inode of it and of the folders above it."""

    disk: bytes
    path: str
    exact: bytes
    rules: IgnoreRules
    above: frozenset[tuple[int, int]] = frozenset()

    def inner(self, name: str) -> str:
        """The path of an entry of this folder."""
        return f"{self.path}/{name}" if self.path else name


@dataclass(slots=True)
class Walk:
    """One walk over a library; :meth:`take` continues where its last call stopped.

    Attributes:
        root: the library.
        rules: what is left out.
        follow_links: whether links to folders are followed; links to files always are.
        ignored: entries left out by a rule so far; a folder counts once.
    """

    root: Path
    rules: IgnoreRules
    follow_links: bool = False
    ignored: int = 0
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
        root = os.fsencode(self.root)
        above = _open_root(self.root)
        pending = [_Folder(root, "", b"", self.rules, frozenset({above}))]
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
            names, rules, bad_rules = _listing(folder)
            for line in bad_rules:
                yield Skipped(
                    folder.inner(IGNORE_FILE), f"the rule {line!r} cannot be understood", blind=False
                )
            yield from self._entries_of(folder, rules, self._not_ignored(folder, rules, names))
        except OSError as error:
            if not folder.path:
                raise _unusable(self.root, error) from error
            if error.errno not in _GONE:
                yield Skipped(folder.path, f"the folder cannot be read: {_why(error)}", blind=True)

    def _not_ignored(
        self, folder: _Folder, rules: IgnoreRules, names: list[tuple[bytes, bool]]
    ) -> list[bytes]:
        """The names that no rule leaves out."""
        kept = []
        for name, is_folder in names:
            text = readable(name)
            if rules.ignored(folder.inner(text), text, folder=is_folder):
                self.ignored += 1
            else:
                kept.append(name)
        return kept

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
                if error.errno not in _GONE:
                    yield Skipped(path, f"it cannot be looked at: {_why(error)}", blind=True)
                continue
            linked = stat.S_ISLNK(status.st_mode)
            if linked:
                try:
                    status = os.stat(disk + name)  # noqa: PTH116  bytes, so that every name can be opened
                except OSError as error:
                    yield _broken_link(path, error)
                    continue
            if stat.S_ISREG(status.st_mode):
                yield _file_status(path, exact + name, status)
            elif stat.S_ISDIR(status.st_mode):
                inner = _Folder(disk + name, path, exact + name, rules, folder.above)
                entry = self._folder_to_enter(inner, status, linked=linked)
                if entry is not None:
                    yield entry
            else:
                kind = _KINDS.get(stat.S_IFMT(status.st_mode), "something special")
                yield Skipped(path, f"it is {kind}, not a file", blind=False)

    def _folder_to_enter(
        self, folder: _Folder, status: os.stat_result, *, linked: bool
    ) -> Skipped | _Folder | None:
        """``folder``, or why it is skipped; None when a rule leaves it out after all."""
        if not self.follow_links:
            reason = "it is a link to a folder; set follow_links to take in what is behind it"
            return Skipped(folder.path, reason, blind=False) if linked else folder
        identity = (status.st_dev, status.st_ino)
        if linked:
            if folder.rules.ignored(folder.path, folder.path.rpartition("/")[2], folder=True):
                self.ignored += 1
                return None
            if identity in folder.above:
                return Skipped(folder.path, "the link leads back to a folder that it is in", blind=False)
        return replace(folder, above=folder.above | {identity})


def _file_status(path: str, exact: bytes, status: os.stat_result) -> FileStatus:
    return FileStatus(
        path,
        None if exact == path.encode() else exact,
        status.st_size,
        max(-_MAX_INTEGER, min(status.st_mtime_ns, _MAX_INTEGER)),
        status.st_ino & _MAX_INTEGER,
    )


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
    if error.errno in _GONE:
        return UsageError(f"the library {root} does not exist; check --library, or mount the disk it is on")
    return UsageError(f"the library {root} cannot be read: {_why(error)}; change its mode or owner")


def _listing(folder: _Folder) -> tuple[list[tuple[bytes, bool]], IgnoreRules, list[str]]:
    """The sorted names of a folder, each with whether it is a folder; its rules; rules that cannot be understood.

    Raises:
        OSError: the folder cannot be read, or its rules cannot: without them, private files would be sent.
    """
    with os.scandir(folder.disk) as entries:
        names = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
    if (IGNORE_FILE.encode(), False) not in names:
        return names, folder.rules, []
    try:
        with open_regular(folder.disk + b"/" + IGNORE_FILE.encode()) as file:
            decoded = decode(file.read())
    except OSError as error:
        raise OSError(errno.EACCES, f"its {IGNORE_FILE} gives {_why(error)}") from error
    except UnreadableError as error:
        raise OSError(errno.EACCES, f"its {IGNORE_FILE} is no text") from error
    if decoded.remarks:
        raise OSError(errno.EACCES, f"its {IGNORE_FILE} is not UTF-8: {decoded.remarks[0]}")
    rules, bad_rules = folder.rules.below(folder.path, decoded.text)
    return names, rules, bad_rules


def _broken_link(path: str, error: OSError) -> Skipped:
    if error.errno in _GONE:
        return Skipped(path, "the link leads nowhere", blind=False)
    if error.errno == errno.ELOOP:
        return Skipped(path, "the link leads in a circle", blind=False)
    return Skipped(path, f"it cannot be looked at: {_why(error)}", blind=True)


def _why(error: OSError) -> str:
    """The system's reason, as part of a sentence."""
    text = error.strerror or type(error).__name__
    return text[:1].lower() + text[1:]
