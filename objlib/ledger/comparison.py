"""The ledger's side of a comparison with the store: files beside the documents that carry their tags."""

import json
from dataclasses import dataclass
from typing import Final

from objlib.core.failures import Failure
from objlib.core.ids import FileId, RunId
from objlib.core.lifecycle.table import State
from objlib.ledger.database import LedgerConnection
from objlib.ledger.files import FileTable
from objlib.ledger.intents import IntentTable
from objlib.ledger.listings import Listed
from objlib.ledger.rows import FileRow, IntentRow, count
from objlib.ledger.table import Table, query, stamped
from objlib.ledger.transition_sql import apply_transition
from objlib.ledger.transitions import Move

_IN_FLIGHT: Final = "EXISTS (SELECT 1 FROM attempts a WHERE a.attempt_id = {attempt} AND a.outcome IS NULL)"
_ADOPTED: Final = "EXISTS (SELECT 1 FROM adopted d WHERE d.document = {document})"
_LEAVING: Final = (
    "(EXISTS (SELECT 1 FROM intents i WHERE i.document_name = {document} AND i.done_at IS NULL)"
    " OR EXISTS (SELECT 1 FROM files s WHERE s.superseded_document = {document}))"
)
_RENAMED: Final = (
    "EXISTS (SELECT 1 FROM attempts a JOIN files r ON r.file_id = a.file_id"
    " WHERE a.attempt_id = {attempt} AND coalesce(a.file_path, r.sent_path) <> r.file_path)"
)


@dataclass(frozen=True, slots=True)
class Standing:
    """The ledger's records of one document, beyond the row of its file.

    Attributes:
        in_flight: its attempt is not over.
        leaving: its removal is on record.
        renamed: it was sent with another path than that of its file; the attempt of
            an older ledger does not say before the file is renamed again.
        adopted: another tool uploaded it, and a file took it over; it carries no tag.
    """

    in_flight: bool
    leaving: bool
    renamed: bool = False
    adopted: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """One file and the documents that carry its tag; ``row`` is None where the ledger has no such file."""

    file_id: str
    row: FileRow | None
    documents: tuple[tuple[Listed, Standing], ...]


class ComparisonTable(Table):
    """Files beside the documents that carry their tags."""

    @query
    def groups(conn: LedgerConnection, listing_id: str, *, after: str, limit: int) -> list[Group]:
        """A page, by ``file_id``, of the files that are indexed or that some listed document belongs to."""
        ids = [
            file_id
            for (file_id,) in conn.execute(
                "SELECT file_id FROM (SELECT DISTINCT file_id FROM listed WHERE listing_id = ?1 AND file_id > ?2"
                " ORDER BY file_id LIMIT ?3) AS of_listing"
                " UNION SELECT file_id FROM (SELECT file_id FROM files"
                f" WHERE gemini_state = '{State.INDEXED}' AND file_id > ?2 ORDER BY file_id LIMIT ?3) AS of_files"
                " ORDER BY file_id LIMIT ?3",
                (listing_id, after, limit),
            )
        ]
        id_list = json.dumps(ids)
        listed_files = FileRow.all(conn, f"WHERE file_id IN {conn.dialect.texts('?')}", id_list)
        rows = {row.file_id: row for row in listed_files}
        documents: dict[str, list[tuple[Listed, Standing]]] = {}
        members = conn.dialect.texts("?2")
        columns = (
            f"{Listed.columns('l')}, {_IN_FLIGHT.format(attempt='l.attempt_id')},"
            f" {_LEAVING.format(document='l.document')}, {_ADOPTED.format(document='l.document')},"
            f" {_RENAMED.format(attempt='l.attempt_id')}"
        )
        for file_id, *cells, in_flight, leaving, adopted, renamed in conn.execute(
            f"SELECT l.file_id, {columns} FROM listed l"
            f" WHERE l.listing_id = ?1 AND l.file_id IN {members}"
            f" UNION ALL SELECT f.file_id, {columns} FROM files f JOIN listed l ON l.document = f.gemini_document"
            f" WHERE l.listing_id = ?1 AND l.file_id IS NULL AND f.file_id IN {members}"
            " ORDER BY created, document",
            (listing_id, id_list),
        ):
            standing = Standing(bool(in_flight), bool(leaving), bool(renamed), bool(adopted))
            documents.setdefault(file_id, []).append((Listed.read(cells), standing))
        return [
            Group(file_id, rows.get(FileId(file_id)), tuple(documents.get(file_id, ()))) for file_id in ids
        ]

    @query
    def untagged(conn: LedgerConnection, listing_id: str) -> int:
        """How many listed documents carry no tag of a file and are in no row of the ledger."""
        return count(
            conn,
            "FROM listed WHERE listing_id = ? AND file_id IS NULL AND document NOT IN"
            f" (SELECT gemini_document FROM files WHERE gemini_state = '{State.INDEXED}')",
            listing_id,
        )

    @query
    def standing(
        conn: LedgerConnection, document: str, *, file_id: str | None, attempt_id: str | None
    ) -> tuple[FileRow | None, Standing]:
        """The row of a document's file as it is now, and the standing of the document."""
        row = None if file_id is None else FileTable.get(conn, FileId(file_id))
        in_flight, leaving, renamed, adopted = conn.execute(
            f"SELECT {_IN_FLIGHT.format(attempt='?1')}, {_LEAVING.format(document='?2')},"
            f" {_RENAMED.format(attempt='?1')}, {_ADOPTED.format(document='?2')}",
            (attempt_id, document),
        ).fetchone()
        return row, Standing(bool(in_flight), bool(leaving), bool(renamed), bool(adopted))

    @query
    def indexed_total(conn: LedgerConnection) -> int:
        """How many files have a document."""
        return count(conn, "FROM files WHERE gemini_document IS NOT NULL")

    @stamped
    def open_surplus(
        conn: LedgerConnection,
        now: float,
        document: str,
        *,
        file_id: str | None,
        attempt_id: str | None,
        reason: str,
        run_id: RunId,
    ) -> IntentRow | None:
        """Record a delete intent for an unreferenced document; None if it is referenced."""
        row, standing = ComparisonTable.standing(conn, document, file_id=file_id, attempt_id=attempt_id)
        if standing.in_flight or (row is not None and row.document == document):
            return None
        owner = None if row is None else row.file_id
        return IntentTable.open(conn, now, owner, document, reason=reason, run_id=run_id)

    @stamped
    def requeue_broken(
        conn: LedgerConnection, now: float, row: FileRow, *, failure: Failure, reason: str, run_id: RunId
    ) -> FileRow | Exception:
        """Demote a row whose document is broken, and queue the file again, in one transaction.

        It takes two moves, so that the history has the finding and the remedy. One transaction, because between
        them the row would be one that only ``--retry-failed`` takes up.

        Returns:
            The row after both; or the error, not raised so that the record of the refusal is committed.
        """
        demoted = apply_transition(conn, Move(row, run_id).demote(failure), now)
        if isinstance(demoted, Exception):
            return demoted
        return apply_transition(conn, Move(demoted, run_id).retry(reason), now)

    @query
    def indexed(conn: LedgerConnection) -> int:
        """How many files are indexed, those included that left the library since."""
        return count(conn, f"FROM files WHERE gemini_state = '{State.INDEXED}'")

    @query
    def sample(conn: LedgerConnection, *, size: int | None, after: str, limit: int) -> list[FileId]:
        """Ids of indexed files: ``size`` at random, or a page of all of them by id where it is None."""
        which = f"FROM files WHERE gemini_state = '{State.INDEXED}'"
        if size is None:
            cursor = conn.execute(
                f"SELECT file_id {which} AND file_id > ? ORDER BY file_id LIMIT ?", (after, limit)
            )
        else:
            cursor = conn.execute(f"SELECT file_id {which} ORDER BY random() LIMIT ?", (size,))
        return [FileId(file_id) for (file_id,) in cursor]
