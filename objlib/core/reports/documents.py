"""Reports on the documents of a library: what a folder holds, and the text of one document."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class DocumentEntry:
    """One file of a listing.

    Attributes:
        path: relative to the library.
        state: of the lifecycle, or "skipped".
        size: bytes.
        changed: whether it is indexed in an older version than the last scan saw.
        error: why it failed or was skipped.
        metadata: as it is sent with the document.
    """

    path: str
    file_id: str
    state: str
    size: int
    changed: bool = False
    error: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FolderEntry:
    """A folder of a listing, with the counts of all files below it."""

    path: str
    files: int
    size: int
    indexed: int
    failed: int


@dataclass(frozen=True, slots=True)
class FolderListing:
    """A page of the files of one folder, by path.

    Attributes:
        folders: the folders directly in it; on the first page only.
        after: the path with which the next page is asked for; empty on the last one.
    """

    folder: str
    folders: tuple[FolderEntry, ...]
    documents: tuple[DocumentEntry, ...]
    after: str = ""


@dataclass(frozen=True, slots=True)
class DocumentText:
    """The text of a file on disk, by lines.

    Attributes:
        lines: those from ``first`` on, without their ends.
        first: number of the first of them, from 1.
        total: lines of the whole file; 0 where it has no text that can be shown.
        note: one line about what is not as the document in the store is, or why there is no text.
    """

    path: str
    file_id: str
    state: str
    mime_type: str
    size: int
    lines: tuple[str, ...] = ()
    first: int = 1
    total: int = 0
    note: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Facets:
    """Values of metadata with the number of documents that have each, the most frequent first.

    Attributes:
        keys: the values by key; of each key at most some dozens.
    """

    keys: Mapping[str, tuple[tuple[str | float, int], ...]]
