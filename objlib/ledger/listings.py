"""The notes of one listing of the store, with the cursor that an interrupted one goes on from.

A store of 100,000 documents is 5,000 pages. What was listed so far is kept in the ledger together with the
token of the next page, in one transaction for each page, so that neither a crash nor Ctrl-C costs more than
the page it struck, and memory holds one page at a time. The notes are dropped when they have been compared.
"""

import json
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from objlib.core.errors import LedgerError
from objlib.core.ids import RunId, new_id
from objlib.ledger.rows import Metadata, encode_metadata
from objlib.ledger.table import Table, command, query, stamped


@dataclass(frozen=True, slots=True)
class Listing:
    """A listing that is under way.

    Attributes:
        token: asks for the next page; None at the start.
        pages: how many were noted so far.
    """

    listing_id: str
    token: str | None
    pages: int


@dataclass(frozen=True, slots=True)
class Listed:
    """One document as a page of the store tells it. The marks are None where it does not carry them."""

    document: str
    file_id: str | None
    attempt_id: str | None
    ledger_id: str | None
    content_hash: str | None
    state: str
    created: float
    display_name: str
    size: int
    mime_type: str
    metadata: Metadata


LISTED_COLUMNS: Final = (
    "document", "file_id", "attempt_id", "ledger_id", "content_hash", "state", "created", "display_name",
    "size", "mime_type", "metadata_json",
)  # fmt: skip
"""Columns of ``listed`` in the order of :class:`Listed`."""


def listed_row(cells: Sequence[Any]) -> Listed:
    """A row of ``listed`` from its cells in the order of :data:`LISTED_COLUMNS`."""
    values = list(cells)
    values[10] = json.loads(values[10])
    return Listed(*values)


class ListingTable(Table):
    """Listings of the store that are under way."""

    @stamped
    def begin(
        conn: sqlite3.Connection,
        now: float,
        *,
        store: str,
        run_id: RunId,
        alive: Collection[str],
        since: float,
    ) -> Listing:
        """Start a listing, or go on with one that a dead run left; what nobody will go on with is dropped.

        Args:
            conn: the ledger's connection, inside a write transaction.
            store: resource name.
            run_id: who lists.
            alive: runs that live; what they list is theirs.
            since: Unix time; a listing that was last added to before it is too old to go on with.
        """
        dead = "run_id NOT IN (SELECT value FROM json_each(?))"
        living = json.dumps([each for each in alive if each != run_id])
        found = conn.execute(
            f"SELECT listing_id, token, pages FROM listings WHERE {dead} AND store = ? AND updated >= ?"
            " AND token IS NOT NULL ORDER BY pages DESC LIMIT 1",
            (living, store, since),
        ).fetchone()
        kept = "" if found is None else found[0]
        conn.execute(
            f"DELETE FROM listings WHERE ({dead} OR updated < ?) AND listing_id <> ?", (living, since, kept)
        )
        if found is None:
            listing_id = new_id(now)
            conn.execute(
                "INSERT INTO listings (listing_id, store, run_id, started, updated) VALUES (?, ?, ?, ?, ?)",
                (listing_id, store, run_id, now, now),
            )
            return Listing(listing_id, None, 0)
        conn.execute("UPDATE listings SET run_id = ?, updated = ? WHERE listing_id = ?", (run_id, now, kept))
        return Listing(kept, found[1], int(found[2]))

    @stamped
    def add_page(
        conn: sqlite3.Connection,
        now: float,
        listing_id: str,
        *,
        run_id: RunId,
        documents: Iterable[Listed],
        token: str | None,
    ) -> None:
        """Note a page and the token of the next.

        A document that was noted before, since pages may overlap, is noted as it is now.

        Raises:
            LedgerError: another run has taken the listing over.
        """
        mine = conn.execute(
            "UPDATE listings SET token = ?, pages = pages + 1, updated = ? WHERE listing_id = ? AND run_id = ?"
            " RETURNING 1",
            (token, now, listing_id, run_id),
        ).fetchone()
        if mine is None:
            raise LedgerError(
                "another run went on with this listing of the store; run the same command again"
            )
        conn.executemany(
            f"INSERT OR REPLACE INTO listed (listing_id, {', '.join(LISTED_COLUMNS)})"
            f" VALUES (?{', ?' * len(LISTED_COLUMNS)})",
            [
                (
                    listing_id, each.document, each.file_id, each.attempt_id, each.ledger_id, each.content_hash,
                    each.state, each.created, each.display_name, each.size, each.mime_type,
                    encode_metadata(each.metadata),
                )
                for each in documents
            ],
        )  # fmt: skip

    @command
    def restart(conn: sqlite3.Connection, listing_id: str) -> None:
        """Forget what was noted: the store does not know the token any more."""
        conn.execute("DELETE FROM listed WHERE listing_id = ?", (listing_id,))
        conn.execute("UPDATE listings SET token = NULL, pages = 0 WHERE listing_id = ?", (listing_id,))

    @command
    def drop(conn: sqlite3.Connection, listing_id: str) -> None:
        """Drop the notes of a listing."""
        conn.execute("DELETE FROM listings WHERE listing_id = ?", (listing_id,))

    @query
    def count(conn: sqlite3.Connection, listing_id: str) -> int:
        """How many different documents were noted."""
        (found,) = conn.execute("SELECT count(*) FROM listed WHERE listing_id = ?", (listing_id,)).fetchone()
        return int(found)
