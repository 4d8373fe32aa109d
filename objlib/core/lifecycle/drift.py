"""Drift: how a document in the store differs from what the ledger expects, as a pure function of both sides.

:func:`classify` compares one file of the ledger (or none) with every document that carries its tag, and gives
each document one kind. It never guesses: a document that may be on its way is never called surplus, and a
document without this ledger's tags is left alone.
"""

import json
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final

from objlib.core.ids import RESERVED_KEYS
from objlib.core.library.metadata import MetadataValue
from objlib.core.remote import DocumentState


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
    """Its name or its metadata are not what would be sent today, as after a rename."""
    MISSING_ON_DISK = "missing_on_disk"
    """The file is gone from disk."""
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
}
"""Differences between store and ledger: they are reported, and a repair can mend them."""


_TEMPORARY: Final = re.compile(r"[a-z0-9-]{1,40}")
"""The shape of a temporary file's id, which is the name of a document that was imported."""


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


@dataclass(frozen=True, slots=True)
class Actual:
    """One document of the store.

    Attributes:
        name: full resource name.
        state: what the store says of it.
        content_hash: our tag of its bytes; None if it has none.
        title: :func:`title` of its name.
        metadata: :func:`digest` of its metadata.
        ours: whether its tags are those of this ledger.
        in_flight: whether the attempt that made it is not over.
        deleting: whether its deletion is on record.
    """

    name: str
    state: DocumentState
    content_hash: str | None
    title: str | None
    metadata: str
    ours: bool = True
    in_flight: bool = False
    deleting: bool = False


@dataclass(frozen=True, slots=True)
class Expected:
    """One file as the ledger knows it.

    Attributes:
        indexed: whether it is in the state ``indexed``.
        document: the document that it names, in whatever state.
        indexed_hash: the hash of that document's bytes.
        title: the name that would be sent today.
        metadata: :func:`digest` of the metadata that would be sent today.
        missing: whether it is gone from disk.
    """

    indexed: bool
    document: str | None
    indexed_hash: str | None
    title: str
    metadata: str
    missing: bool = False


def classify(expected: Expected | None, documents: Sequence[Actual]) -> dict[str, DriftKind]:
    """The kind of each document by its name; and a ghost, if the file's own document is not among them.

    Args:
        expected: the file of the ledger whose tag they carry; None if it knows none.
        documents: every document of the store with that tag, each once.
    """
    kinds = {actual.name: _kind(expected, actual) for actual in documents}
    if expected is not None and expected.indexed and expected.document is not None:
        kinds.setdefault(expected.document, DriftKind.GHOST)
    return kinds


def _kind(expected: Expected | None, actual: Actual) -> DriftKind:
    if expected is not None and actual.name == expected.document:
        return _kind_of_named(expected, actual)
    if not actual.ours:
        return DriftKind.FOREIGN
    if actual.in_flight:
        return DriftKind.IN_FLIGHT
    if actual.deleting:
        return DriftKind.DELETING
    return DriftKind.ORPHAN if expected is None else DriftKind.DUPLICATE


def _kind_of_named(expected: Expected, actual: Actual) -> DriftKind:
    """The kind of the document that the ledger names.

    Only an indexed file on disk can be repaired by sending it again; nothing else is called drift.
    """
    if actual.deleting:
        return DriftKind.DELETING
    if not expected.indexed or expected.missing:
        return DriftKind.OK
    if actual.state is DocumentState.FAILED:
        return DriftKind.BROKEN
    if actual.content_hash is not None and actual.content_hash != expected.indexed_hash:
        return DriftKind.STALE_CONTENT
    if actual.content_hash is None or not actual.ours or actual.metadata != expected.metadata:
        return DriftKind.METADATA_MISMATCH
    return DriftKind.OK if actual.title in (None, expected.title) else DriftKind.METADATA_MISMATCH


def title(display_name: str) -> str | None:
    """A document's name as far as it can be compared with a path; None where it is not ours to choose.

    The service names an imported document after the temporary file it came from, and cannot rename it.
    """
    return None if _TEMPORARY.fullmatch(display_name) else display_name


def digest(metadata: Mapping[str, MetadataValue]) -> str:
    """A digest of a document's metadata without our tags, numbers as the service keeps them: in 32 bits."""
    entries = {key: _stored(value) for key, value in metadata.items() if key not in RESERVED_KEYS}
    return sha256(json.dumps(entries, sort_keys=True).encode()).hexdigest()


def _stored(value: MetadataValue) -> MetadataValue:
    if isinstance(value, (str, list)):
        return value
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return float(value)
