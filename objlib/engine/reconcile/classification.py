"""Classification: how each document of one file differs from what the ledger expects, as a pure function of both.

It never guesses: a document that may be on its way is never called surplus, and a document without this ledger's
tags is left alone.
"""

import struct
from collections.abc import Iterable

from objlib.core.ids import RESERVED_KEYS
from objlib.core.library.metadata import MetadataValue
from objlib.core.lifecycle.drift import DriftKind
from objlib.core.lifecycle.table import State
from objlib.core.remote import TEMPORARY_NAME, DocumentState
from objlib.gemini.metadata import display_name
from objlib.ledger import FileRow, Listed, Standing


def classify(
    row: FileRow | None, documents: Iterable[tuple[Listed, Standing]], owners: frozenset[str]
) -> dict[str, DriftKind]:
    """The kind of each document by its name; and a ghost, if the file's own document is not among them.

    Args:
        row: the file of the ledger whose tag they carry; None if it knows none.
        documents: every document of the store with that tag, each once.
        owners: tags of the documents of this ledger.
    """
    kinds = {listed.document: _kind(row, listed, standing, owners) for listed, standing in documents}
    if row is not None and row.state is State.INDEXED and row.document is not None:
        kinds.setdefault(row.document, DriftKind.GHOST)
    return kinds


def _kind(row: FileRow | None, listed: Listed, standing: Standing, owners: frozenset[str]) -> DriftKind:
    # A document without a ledger's tag is ours where the ledger knows its file: older versions sent no such tag.
    of_this_ledger = row is not None if listed.ledger_id is None else listed.ledger_id in owners
    ours = listed.file_id is not None and of_this_ledger
    if row is not None and row.document == listed.document:
        return _kind_of_named(row, listed, standing, ours=ours)
    if not ours:
        return DriftKind.FOREIGN
    if standing.in_flight:
        return DriftKind.IN_FLIGHT
    if standing.leaving:
        return DriftKind.DELETING
    return DriftKind.ORPHAN if row is None else DriftKind.DUPLICATE


def _kind_of_named(row: FileRow, listed: Listed, standing: Standing, *, ours: bool) -> DriftKind:
    """The kind of the document that the ledger names.

    Only an indexed file on disk can be repaired by sending it again; nothing else is called drift.
    """
    if standing.leaving:
        return DriftKind.DELETING
    if row.state is not State.INDEXED or row.missing_since is not None:
        return DriftKind.OK
    if listed.state == DocumentState.FAILED:
        return DriftKind.BROKEN
    if standing.adopted and listed.file_id is None:
        return DriftKind.OK  # it cannot carry our tags, nor the metadata that we would send
    if listed.content_hash is not None and listed.content_hash != row.indexed_hash:
        return DriftKind.STALE_CONTENT
    named = TEMPORARY_NAME.fullmatch(listed.display_name) or listed.display_name == display_name(
        row.file_path
    )
    if listed.content_hash is not None and ours and (standing.renamed or not named):
        return DriftKind.STALE_NAME
    if listed.content_hash is None or not ours or as_kept(listed.metadata) != as_kept(row.metadata):
        return DriftKind.METADATA_MISMATCH
    return DriftKind.OK


def as_kept(metadata: dict[str, MetadataValue]) -> dict[str, MetadataValue]:
    """Metadata without our tags, as the service keeps it: numbers in 32 bits."""
    return {key: _as_kept(value) for key, value in metadata.items() if key not in RESERVED_KEYS}


def _as_kept(value: MetadataValue) -> MetadataValue:
    if isinstance(value, (str, list)):
        return value
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return float(value)
