"""Drift: the ways in which disk, ledger and store can differ, and which of them a repair mends."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class DriftKind(StrEnum):
    """The kind of a document or a file, compared with what the ledger expects; the values stand in JSON."""

    OK = "ok"
    """It is the document that the ledger names, and as the ledger expects it."""
    IN_FLIGHT = "in_flight"
    """An attempt that is not over made it; its run, or recovery, decides."""
    DELETING = "deleting"
    """Its deletion is on record; recovery carries it out."""
    FOREIGN = "foreign"
    """It does not carry this ledger's tags, and is never touched."""
    ORPHAN = "orphan"
    """It carries our tags, and the ledger knows no such file."""
    DUPLICATE = "duplicate"
    """The ledger knows the file, and names another document for it, or none."""
    GHOST = "ghost"
    """The ledger names it, and the store does not have it."""
    STALE_CONTENT = "stale_content"
    """It was made of other bytes than the ledger says."""
    BROKEN = "broken"
    """The store says FAILED of a document that the ledger takes for searchable."""
    METADATA_MISMATCH = "metadata_mismatch"
    """Its metadata are not what would be sent today, though its name is."""
    STALE_NAME = "stale_name"
    """It has the name, and the metadata from the path, that its file had before a rename. That is no fault."""
    MISSING_ON_DISK = "missing_on_disk"
    """The file is gone from disk."""
    REPLACED = "replaced"
    """There is something else in the file's place."""
    LEFT_OUT = "left_out"
    """The file is on disk, and a rule leaves it out."""
    CHANGED_ON_DISK = "changed_on_disk"
    """The file has other bytes than the ledger says."""
    UNREADABLE = "unreadable"
    """The file cannot be read."""


SURPLUS: Final = frozenset({DriftKind.ORPHAN, DriftKind.DUPLICATE})
"""Documents that a repair deletes."""
REPAIRABLE: Final = SURPLUS | {
    DriftKind.GHOST,
    DriftKind.STALE_CONTENT,
    DriftKind.BROKEN,
    DriftKind.METADATA_MISMATCH,
    DriftKind.STALE_NAME,
}
"""Differences between store and ledger: they are reported, and a repair can mend them."""
ON_REQUEST: Final = frozenset({DriftKind.METADATA_MISMATCH, DriftKind.STALE_NAME})
"""Differences that a repair mends only on request: the document is sent again for its description alone."""
INFORMATION: Final = frozenset({DriftKind.STALE_NAME})
"""Differences that are no drift: everything is as the user left it."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference, which is also one step of a repair.

    Attributes:
        kind: one of :data:`REPAIRABLE`, or how the file on disk differs.
        path: the file's path, or the document's own name where the ledger knows no such file.
        document: full resource name.
        file_id: our id of the file, from the ledger or from the document's tag.
    """

    kind: DriftKind
    path: str
    document: str
    file_id: str
