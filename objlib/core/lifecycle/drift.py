"""What a document in the store is to the ledger: a pure function of what both sides say.

:func:`judge` looks at one file of the ledger (or none) and at every document that carries its mark, and gives
each document one word. It decides nothing by time or by luck: whatever could be on its way is never judged
to be too much, and whatever is not marked as this ledger's is nobody's business here.
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


class DriftKind(StrEnum):
    """What a document is, or that one is not there."""

    WELL = "well"
    """It is the document that the ledger names, and as the ledger wants it."""
    IN_FLIGHT = "in flight"
    """An attempt that is not over made it; its run, or recovery, decides."""
    LEAVING = "leaving"
    """Its removal is on record; recovery carries it out."""
    FOREIGN = "foreign"
    """It does not carry this ledger's mark, and is never touched."""
    ORPHAN = "orphan"
    """It carries our mark, and the ledger knows no such file."""
    DUPLICATE = "duplicate"
    """The file is known, and has another document or none that the ledger knows of."""
    GHOST = "ghost"
    """The ledger names it, and the store does not have it."""
    STALE = "stale bytes"
    """It was made of other bytes than the ledger says."""
    BROKEN = "broken"
    """The store says FAILED of what the ledger takes for searchable."""
    METADATA = "wrong metadata"
    """Its name or its metadata are not what would be sent today, as after a rename."""


SURPLUS: Final = frozenset({DriftKind.ORPHAN, DriftKind.DUPLICATE})
"""What is removed."""
DRIFT: Final = SURPLUS | {DriftKind.GHOST, DriftKind.STALE, DriftKind.BROKEN, DriftKind.METADATA}
"""What is told, and can be repaired."""


class Held(StrEnum):
    """What the store says of a document."""

    PENDING = "pending"
    ACTIVE = "active"
    FAILED = "failed"


_TEMPORARY: Final = re.compile(r"[a-z0-9-]{1,40}")
"""What the id of a temporary file looks like; the name of a document that was imported."""


@dataclass(frozen=True, slots=True)
class Holding:
    """One document of the store.

    Attributes:
        name: full resource name.
        state: what the store says of it.
        content_hash: our mark of its bytes; None if it has none.
        title: :func:`title` of its name.
        metadata: :func:`digest` of its metadata.
        ours: whether its marks are those of this ledger.
        in_flight: whether the attempt that made it is not over.
        leaving: whether its removal is on record.
    """

    name: str
    state: Held
    content_hash: str | None
    title: str | None
    metadata: str
    ours: bool = True
    in_flight: bool = False
    leaving: bool = False


@dataclass(frozen=True, slots=True)
class Known:
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


@dataclass(frozen=True, slots=True)
class Finding:
    """A document and what it is."""

    document: str
    kind: DriftKind


def judge(known: Known | None, holdings: Sequence[Holding]) -> list[Finding]:
    """What each of ``holdings`` is; and a ghost, if the file's own document is not among them.

    Args:
        known: the file of the ledger whose mark they carry; None if it knows none.
        holdings: every document of the store with that mark, each once.
    """
    judged = [Finding(each.name, _kind(known, each)) for each in holdings]
    names = {each.name for each in holdings}
    if known is not None and known.indexed and known.document is not None and known.document not in names:
        judged.append(Finding(known.document, DriftKind.GHOST))
    return judged


def _kind(known: Known | None, each: Holding) -> DriftKind:
    if known is not None and each.name == known.document:
        return _named(known, each)
    if not each.ours:
        return DriftKind.FOREIGN
    if each.in_flight:
        return DriftKind.IN_FLIGHT
    if each.leaving:
        return DriftKind.LEAVING
    return DriftKind.ORPHAN if known is None else DriftKind.DUPLICATE


def _named(known: Known, each: Holding) -> DriftKind:
    """The document that the ledger names. Only an indexed file on disk can be repaired by sending it again."""
    if each.leaving:
        return DriftKind.LEAVING
    if not known.indexed or known.missing:
        return DriftKind.WELL
    if each.state is Held.FAILED:
        return DriftKind.BROKEN
    if each.content_hash is not None and each.content_hash != known.indexed_hash:
        return DriftKind.STALE
    if each.content_hash is None or not each.ours or each.metadata != known.metadata:
        return DriftKind.METADATA
    return DriftKind.WELL if each.title in (None, known.title) else DriftKind.METADATA


def title(display_name: str) -> str | None:
    """A document's name as far as it can be compared with a path; None where it is not ours to choose.

    A document that was imported is called after the temporary file it came from, and nothing can rename it.
    """
    return None if _TEMPORARY.fullmatch(display_name) else display_name


def digest(metadata: Mapping[str, MetadataValue]) -> str:
    """A digest of a document's metadata without our marks, numbers as the service keeps them: in 32 bits."""
    entries = {key: _stored(value) for key, value in metadata.items() if key not in RESERVED_KEYS}
    return sha256(json.dumps(entries, sort_keys=True).encode()).hexdigest()


def _stored(value: MetadataValue) -> MetadataValue:
    if isinstance(value, (str, list)):
        return value
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return float(value)
