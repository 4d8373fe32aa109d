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
    """

    source: str
    target: str
    rows: Mapping[str, int]
    digest: str
    dry_run: bool = False


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
