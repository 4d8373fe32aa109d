"""Listings of the store, kept page by page, so that an interrupted one resumes.

A store of 100,000 documents is 5,000 pages. The ledger keeps the listed documents together with the token of
the next page, in one transaction for each page. So a crash or Ctrl-C costs one page at most, and memory holds
one page at a time. A listing is dropped when it has been compared.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any, ClassVar, Final, Self

from objlib.core.errors import LedgerError
from objlib.core.ids import RunId, new_id
from objlib.ledger.database import LedgerConnection
from objlib.ledger.rows import Metadata, Row, count, encode_metadata
from objlib.ledger.table import Table, command, query, stamped


@dataclass(frozen=True, slots=True)
class Listing:
    """A listing that is under way.

    Attributes:
        token: page token of the next page; None at the start.
        pages: how many pages are recorded.
    """

    listing_id: str
    token: str | None
    pages: int


@dataclass(frozen=True, slots=True)
class Listed(Row):
    """One document as a page of the store lists it. Tags that it does not carry are None."""

    table = "listed"
    renamed: ClassVar = {"metadata": "metadata_json"}

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

    @classmethod
    def read(cls, cells: Sequence[Any]) -> Self:
        """The row, its metadata decoded."""
        return cls(*(*cells[:-1], json.loads(cells[-1])))


_REPLACED: Final = ", ".join(f"{name} = excluded.{name}" for name in Listed.columns().split(", ")[1:])


class ListingTable(Table):
    """Listings of the store that are under way."""

    @stamped
    def begin(
        conn: LedgerConnection,
        now: float,
        *,
        store: str,
        run_id: RunId,
        alive: Collection[str],
        since: float,
    ) -> Listing:
        """Start a listing, or resume one of a dead run; drop the listings that no run will resume.

        Args:
            store: resource name.
            run_id: the run that lists.
            alive: live runs, whose listings are theirs.
            since: Unix time; a listing whose last page came before it is too old to resume.
        """
        dead = f"run_id NOT IN {conn.dialect.texts('?')}"
        others = json.dumps([run for run in alive if run != run_id])
        listing = conn.execute(
            f"SELECT listing_id, token, pages FROM listings WHERE {dead} AND store = ? AND updated >= ?"
            " AND token IS NOT NULL ORDER BY pages DESC LIMIT 1",
            (others, store, since),
        ).fetchone()
        resumed = "" if listing is None else listing[0]
        conn.execute(
            f"DELETE FROM listings WHERE ({dead} OR updated < ?) AND listing_id <> ?",
            (others, since, resumed),
        )
        if listing is None:
            listing_id = new_id(now)
            conn.execute(
                "INSERT INTO listings (listing_id, store, run_id, started, updated) VALUES (?, ?, ?, ?, ?)",
                (listing_id, store, run_id, now, now),
            )
            return Listing(listing_id, None, 0)
        conn.execute(
            "UPDATE listings SET run_id = ?, updated = ? WHERE listing_id = ?", (run_id, now, resumed)
        )
        return Listing(resumed, listing[1], int(listing[2]))

    @stamped
    def add_page(
        conn: LedgerConnection,
        now: float,
        listing_id: str,
        *,
        run_id: RunId,
        documents: Iterable[Listed],
        token: str | None,
    ) -> None:
        """Record a page and the token of the next.

        Pages may overlap: a document that is recorded already is replaced.

        Raises:
            LedgerError: another run has taken the listing over.
        """
        owned = conn.execute(
            "UPDATE listings SET token = ?, pages = pages + 1, updated = ? WHERE listing_id = ? AND run_id = ?"
            " RETURNING 1",
            (token, now, listing_id, run_id),
        ).fetchone()
        if owned is None:
            raise LedgerError(
                "another run went on with this listing of the store; run the same command again"
            )
        conn.executemany(
            f"INSERT INTO listed (listing_id, {Listed.columns()}) VALUES (?{', ?' * len(fields(Listed))})"
            f" ON CONFLICT (listing_id, document) DO UPDATE SET {_REPLACED}",
            [
                (listing_id, *astuple(document)[:-1], encode_metadata(document.metadata))
                for document in documents
            ],
        )

    @command
    def restart(conn: LedgerConnection, listing_id: str) -> None:
        """Forget the pages of a listing whose token the store no longer accepts."""
        conn.execute("DELETE FROM listed WHERE listing_id = ?", (listing_id,))
        conn.execute("UPDATE listings SET token = NULL, pages = 0 WHERE listing_id = ?", (listing_id,))

    @command
    def drop(conn: LedgerConnection, listing_id: str) -> None:
        """Delete a listing."""
        conn.execute("DELETE FROM listings WHERE listing_id = ?", (listing_id,))

    @query
    def count(conn: LedgerConnection, listing_id: str) -> int:
        """How many different documents a listing holds."""
        return count(conn, "FROM listed WHERE listing_id = ?", listing_id)
