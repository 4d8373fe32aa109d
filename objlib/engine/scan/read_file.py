"""Reading of a file: its hash, its type, its metadata, and whether any store could take it.

Everything here blocks, and runs in a worker thread some dozens of files at a time: a hop per file would cost more than
the reading.
"""

import errno
import os
import stat
import time
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import replace
from hashlib import sha256
from io import FileIO
from pathlib import Path
from typing import Final

from objlib.core.failures import Failure, FailureKind
from objlib.core.library.front_matter import HEAD
from objlib.core.library.metadata import document_metadata
from objlib.core.library.mime import detect
from objlib.core.library.paths import Named, disk_path
from objlib.core.library.patterns import PathPattern
from objlib.core.library.snapshot import NO_TYPE, UNREAD, UNTRUSTED, FileSnapshot, bounded, ctime

MAX_DOCUMENT: Final = 104_857_600
"""Bytes a document may have: 100 MiB (File Search reference, ``media.uploadToFileSearchStore``)."""
MTIME_TICK: Final = 2_000_000_000
"""Nanoseconds in which a second change may leave the time stamp as it is: FAT has the coarsest, 2 s."""
MAX_SKEW: Final = 24 * 3600 * 1_000_000_000
"""Nanoseconds that the clock of a file server may be ahead. A later date was set by hand, and a change would replace it
by the present."""

BUFFER: Final = 256 * 1024
"""Bytes that are hashed at once: what fits beside the rest into a core's own cache."""
_FLAGS: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR})
_OUT_OF_RESOURCES: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""Errors of this process rather than of the file."""
_MORE_READINGS: Final = 2
"""Readings after the first, of a file that changes while it is read."""

_PICTURE: Final = (
    "a picture, and the store takes text alone; a store that is made with --embedding-model gemini-embedding-2 "
    "takes PNG and JPEG (or list it in .objlibignore)"
)
_NOT_TAKEN: Final = {
    "application/epub+zip": "an EPUB book, which File Search does not take; "
    "convert it to text or PDF, or list it in .objlibignore",
    "image/jpeg": _PICTURE,
    "image/png": _PICTURE,
}
"""Why a store does not take a type, and what to do."""

Clock = Callable[[], int]
"""Nanoseconds since 1970 by the clock that stamps the files."""


def read_files(
    root: Path, files: Iterable[Named], patterns: Sequence[PathPattern], clock: Clock
) -> tuple[list[FileSnapshot | None], bool]:
    """:func:`read_file` for several files, with one buffer for all; also whether most of the time went into waiting."""
    buffer = bytearray(BUFFER)
    began, worked = time.perf_counter(), time.thread_time()
    snapshots = [read_file(root, file, patterns, clock, buffer) for file in files]
    waited = time.perf_counter() - began > 2 * (time.thread_time() - worked)
    return snapshots, waited


def read_file(
    root: Path, file: Named, patterns: Sequence[PathPattern], clock: Clock, buffer: bytearray | None = None
) -> FileSnapshot | None:
    """Read a file; None when it is not there (any more), or is no regular file.

    A file that changes while it is read is read again; one that goes on changing gets a time stamp that makes
    the next scan read it once more.

    Raises:
        OSError: this process is out of resources (open files, memory).
    """
    path, shown = disk_path(root, file), file.file_path
    try:
        began = clock()
        descriptor, status = open_descriptor(path)
        try:
            read, stable = _read(descriptor, (began, status), shown, patterns, buffer)
            for _ in range(_MORE_READINGS):
                if stable:
                    break
                os.lseek(descriptor, 0, os.SEEK_SET)
                before = clock(), os.fstat(descriptor)
                read, stable = _read(descriptor, before, shown, patterns, buffer)
        finally:
            os.close(descriptor)
        return read if stable else replace(read, mtime_ns=UNTRUSTED)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in _OUT_OF_RESOURCES:
            raise
        if error.errno in _GONE:
            return None
        return _unreadable(path, file.file_path, error)


def status_of(path: str | bytes) -> os.stat_result:
    """The status of a file, behind links, by a path that may be bytes: not every name is valid Unicode."""
    return os.stat(path)  # noqa: PTH116  a Path takes no bytes


def open_regular(path: str | bytes) -> FileIO:
    """Open a regular file to read. Nothing else is opened: that alone makes some devices act, and a pipe waits.

    Raises:
        FileNotFoundError: there is none, or it is no regular file.
        OSError: it cannot be opened.
    """
    return FileIO(open_descriptor(path)[0], closefd=True)


def open_descriptor(path: str | bytes) -> tuple[int, os.stat_result]:
    """The descriptor of :func:`open_regular`, and the status of the file."""
    if stat.S_ISREG(status_of(path).st_mode):
        descriptor = os.open(path, _FLAGS)
        status = os.fstat(descriptor)
        # It may have been replaced since.
        if stat.S_ISREG(status.st_mode):
            return descriptor, status
        os.close(descriptor)
    raise FileNotFoundError(errno.ENOENT, "no regular file", path)


def _read(
    descriptor: int,
    start: tuple[int, os.stat_result],
    path: str,
    patterns: Sequence[PathPattern],
    buffer: bytearray | None,
) -> tuple[FileSnapshot, bool]:
    """Read the file from the start once; also whether it still is what it was at ``start``, a time and its status."""
    began, before = start
    mtime, inode, changed = _trusted(before.st_mtime_ns, began), before.st_ino & (2**63 - 1), ctime(before)
    size = before.st_size
    if size > MAX_DOCUMENT:
        return _too_large(FileSnapshot(UNREAD, size, mtime, inode, ctime_ns=changed)), True
    digest, head, size = _digest(descriptor, size, buffer)
    if size > MAX_DOCUMENT:
        return _too_large(FileSnapshot(UNREAD, size, mtime, inode, ctime_ns=changed)), False
    after = os.fstat(descriptor)
    stable = (before.st_mtime_ns, before.st_size, changed) == (after.st_mtime_ns, after.st_size, ctime(after))
    mime = detect(path, head)
    entries = document_metadata(path, head, patterns).entries
    read = FileSnapshot(digest, size, mtime, inode, mime or NO_TYPE, entries, _unfit(size, mime), changed)
    return read, stable


def _digest(descriptor: int, size: int, buffer: bytearray | None) -> tuple[str, bytes, int]:
    """The hash of a file to its end, its head, and how many bytes it has, which may be more than its status said.

    Not more than :data:`MAX_DOCUMENT` bytes and a buffer are read.

    Args:
        descriptor: the file, at its start.
        size: bytes by its status.
        buffer: room for a large file; made where it is missing.
    """
    if size < HEAD:
        # One question takes all of a small file: its status after that tells whether there was more to come.
        data = os.read(descriptor, size + 1)
        if len(data) == size and size:
            return sha256(data).hexdigest(), data, size
    else:
        data = b""
    digest, view, head, total = sha256(data), memoryview(buffer or bytearray(BUFFER)), data, len(data)
    with FileIO(descriptor, closefd=False) as source:
        while count := source.readinto(view):
            digest.update(view[:count])
            if total < HEAD:
                head += view[: min(count, HEAD - total)]
            total += count
            if total > MAX_DOCUMENT:
                break
    return digest.hexdigest(), head, total


def judged(snapshot: FileSnapshot, taken: Set[str]) -> FileSnapshot:
    """The snapshot, with a failure if the store at hand does not take the type of its file."""
    mime = snapshot.mime_type
    if snapshot.failure is not None or mime == NO_TYPE or mime in taken:
        return snapshot
    return replace(snapshot, failure=Failure.of(FailureKind.UNSUPPORTED, f"is {_NOT_TAKEN.get(mime, mime)}"))


def _trusted(mtime: int, began: int) -> int:
    """``mtime`` if any later change will show in it, otherwise :data:`UNTRUSTED`.

    Git calls the other case "racily clean": a file that was modified in the same tick of its file system's
    clock before and after it was read looks the same both times (git's Documentation/technical/racy-git.txt).
    """
    if began - MTIME_TICK <= mtime <= began + MAX_SKEW or mtime == UNTRUSTED:
        return UNTRUSTED
    return bounded(mtime)


def _unreadable(path: str, shown: str, error: OSError) -> FileSnapshot | None:
    try:
        status = Path(path).stat()
    except OSError as gone:
        if gone.errno in _GONE:
            return None
        size, mtime, inode, changed = 0, UNTRUSTED, 0, 0
    else:
        size, mtime, inode = status.st_size, bounded(status.st_mtime_ns), status.st_ino & (2**63 - 1)
        changed = ctime(status)
    why = (error.strerror or type(error).__name__).lower()
    message = f"{shown} cannot be read: {why}; change its mode or owner, or list it in .objlibignore"
    failure = Failure.of(FailureKind.UNREADABLE, message)
    return FileSnapshot(UNREAD, size, mtime, inode, failure=failure, ctime_ns=changed)


def _too_large(unread: FileSnapshot) -> FileSnapshot:
    message = (
        f"is {unread.size / 2**20:,.1f} MiB, and a document may have {MAX_DOCUMENT / 2**20:.0f} MiB; "
        "split it, or list it in .objlibignore"
    )
    failure = Failure.of(FailureKind.TOO_LARGE, message)
    return replace(unread, failure=failure)


def _unfit(size: int, mime: str | None) -> Failure | None:
    if size == 0:
        return Failure.of(FailureKind.EMPTY, "is empty; it gets in as soon as it has content")
    if mime is None:
        message = "is binary and of no type that the store reads; convert it to text or PDF"
        return Failure.of(FailureKind.UNSUPPORTED, f"{message}, or list it in .objlibignore")
    return None
