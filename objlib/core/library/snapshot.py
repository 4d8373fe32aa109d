"""The snapshot of a file, as one value between its reader and the ledger."""

import os
import sys
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from objlib.core.failures import Failure
from objlib.core.library.metadata import MetadataValue

UNREAD: Final = ""
"""The content hash of a file that could not be read, or that is too large to be sent."""
UNTRUSTED: Final = -1
"""An mtime that no file has: the next scan reads the file again, whatever its status says."""
NO_TYPE: Final = "application/octet-stream"
"""The type of a file that no store takes; it is never sent."""


class FileStatus(NamedTuple):
    """A regular file as its folder shows it, before it is read.

    Attributes:
        path: relative, ``/`` between components, valid Unicode (see :mod:`objlib.core.library.paths`).
        path_bytes: the exact bytes of the relative path where they are not those of ``path``.
        size: bytes.
        mtime_ns: time of the last modification, nanoseconds since 1970.
        inode: inode number (its low 63 bits), 0 where the file system has none.
        ctime_ns: time of the last change of content or status, which no program can set; 0 where there is none.
    """

    path: str
    path_bytes: bytes | None
    size: int
    mtime_ns: int
    inode: int
    ctime_ns: int


@dataclass(frozen=True, slots=True)
class FileSnapshot:
    """A file as it was when it was read.

    Attributes:
        content_hash: SHA-256 (hex) of its bytes, :data:`UNREAD` where they are not known.
        size: bytes.
        mtime_ns: time of the last modification, :data:`UNTRUSTED` when a later change could have the same.
        inode: inode number, 0 where there is none.
        mime_type: the type to send it as.
        metadata: the values of its path and its front matter.
        failure: why no store could take it, None for any ordinary file.
        ctime_ns: time of the last change of content or status, 0 where there is none.
    """

    content_hash: str
    size: int
    mtime_ns: int
    inode: int
    mime_type: str = NO_TYPE
    metadata: dict[str, MetadataValue] = field(default_factory=dict)
    failure: Failure | None = None
    ctime_ns: int = 0


_LAST: Final = 2**63 - 1
"""The largest integer of SQLite."""


def bounded(time_ns: int) -> int:
    """A time as SQLite can keep it, in nanoseconds since 1970: the year 2262 is the last."""
    return time_ns if -_LAST <= time_ns <= _LAST else max(-_LAST, min(time_ns, _LAST))


def ctime(status: os.stat_result) -> int:
    """The time of the last change of a file's content or status; 0 on Windows, which keeps that of its creation."""
    return 0 if sys.platform == "win32" else bounded(status.st_ctime_ns)
