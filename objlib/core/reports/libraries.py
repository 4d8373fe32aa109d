"""Reports on the libraries of this user: the list of them, and a move."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A library at one service.

    Attributes:
        ledger: its file.
        present: whether it is there, and not another one in its place.
        service: ``embedded``, or the base URL.
        store: display name of the store; empty before the first upload.
        embedded_store: file of the embedded store; empty at another service.
        files: files in the library.
        searchable: files that are indexed.
        last_run: Unix time at which the last run began; None where there was none.
    """

    ledger: str
    present: bool
    service: str
    store: str
    embedded_store: str
    files: int = 0
    searchable: int = 0
    last_run: float | None = None


@dataclass(frozen=True, slots=True)
class LibraryEntry:
    """A library that is known; ``present`` says whether its folder is there."""

    library_id: str
    path: str
    present: bool
    services: tuple[LedgerEntry, ...]


@dataclass(frozen=True, slots=True)
class MoveReport:
    """A library that is in another folder now; ``found`` of ``looked`` files that were looked for are in it."""

    old: str
    new: str
    looked: int
    found: int
    dry_run: bool = False
