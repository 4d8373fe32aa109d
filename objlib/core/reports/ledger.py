"""Reports on a ledger as a whole."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LedgerCopy:
    """A ledger that was copied to another place.

    Attributes:
        source, target: the places, without passwords.
        rows: by table.
        digest: SHA-256 over all rows, the same for both.
        dry_run: whether nothing was copied, and the rest is what would be.
        restored: whether the source is a dump.
    """

    source: str
    target: str
    rows: Mapping[str, int]
    digest: str
    dry_run: bool = False
    restored: bool = False


@dataclass(frozen=True, slots=True)
class LedgerDump:
    """A ledger that was written into a file.

    Attributes:
        ledger: its place, without a password.
        file: None for stdout.
        rows: by table.
        digest: SHA-256 over all rows.
        size: bytes of the file.
    """

    ledger: str
    file: str | None
    rows: Mapping[str, int]
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class LedgerCheck:
    """A ledger that was read as a whole.

    Attributes:
        rows: by table.
        digest: SHA-256 over all rows.
        findings: (subject, what is wrong with it); none for a sound ledger.
    """

    ledger: str
    rows: Mapping[str, int]
    digest: str
    findings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class CompactReport:
    """The history that was removed from a ledger.

    Attributes:
        before: Unix time; what is younger was kept.
        events, attempts, deletes, runs: records that were removed.
        bytes_before, bytes_after: what the ledger took, and takes; a server keeps the room for later records. None
            for the plan of a ledger in a server, which is made with a copy.
        dry_run: whether nothing was removed, and the rest is what would be.
    """

    before: float
    events: int
    attempts: int
    deletes: int
    runs: int
    bytes_before: int | None
    bytes_after: int | None
    dry_run: bool = False
