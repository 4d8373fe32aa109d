"""Documents of another tool that files took over: the ledger knows them by name, since they carry no tag of ours."""

from collections.abc import Iterable
from typing import Final

from objlib.core.ids import FileId, RunId, new_attempt_id
from objlib.core.lifecycle.adoption import Adoption, LooseDocument, LooseFile, digests
from objlib.core.lifecycle.table import State
from objlib.core.remote import DocumentState
from objlib.ledger.database import LedgerConnection
from objlib.ledger.files import FileTable
from objlib.ledger.listings import Listed
from objlib.ledger.rows import FileRow
from objlib.ledger.table import Table, query, stamped
from objlib.ledger.transition_sql import must_apply
from objlib.ledger.transitions import Move

_FREE: Final = (
    f"gemini_state = '{State.UNTRACKED}' AND gemini_document IS NULL AND superseded_document IS NULL"
    " AND missing_since IS NULL AND file_id NOT IN (SELECT file_id FROM attempts WHERE outcome IS NULL)"
)
"""Files on disk that have no document, and that no attempt is sending."""
_HELD: Final = (
    "SELECT gemini_document FROM files WHERE gemini_document IS NOT NULL"
    " UNION SELECT superseded_document FROM files WHERE superseded_document IS NOT NULL"
    " UNION SELECT document_name FROM intents WHERE done_at IS NULL"
)
"""Documents that a file has, or whose removal is on record."""


class AdoptionTable(Table):
    """Documents of another tool."""

    @query
    def documents(conn: LedgerConnection, listing_id: str) -> list[LooseDocument]:
        """The searchable documents of a listing that carry no mark of any ledger, and that no file has."""
        listed = Listed.all(
            conn,
            "WHERE listing_id = ? AND file_id IS NULL AND ledger_id IS NULL AND attempt_id IS NULL AND state = ?"
            f" AND document NOT IN ({_HELD}) ORDER BY created, document",
            listing_id,
            DocumentState.ACTIVE,
        )
        # A digest under our own key counts as well: an older objlib sent no other tag with it.
        return [
            LooseDocument(
                each.document,
                each.display_name,
                each.size,
                digests([*each.metadata.values(), each.content_hash]),
            )
            for each in listed
        ]

    @query
    def files(conn: LedgerConnection) -> list[LooseFile]:
        """The files on disk that have no document, and that nothing sends."""
        rows = FileRow.all(conn, f"WHERE {_FREE} ORDER BY file_path")
        return [LooseFile(row.file_id, row.file_path, row.size, row.content_hash) for row in rows]

    @stamped
    def adopt(conn: LedgerConnection, now: float, pairs: Iterable[Adoption], *, run_id: RunId) -> int:
        """Let files take documents over by the ordinary edges; how many did.

        A file that changed since it was compared, or that has a document by now, is left alone; so is a document
        that another file has.
        """
        adopted = 0
        for pair in pairs:
            free = conn.execute(
                f"SELECT 1 FROM files WHERE file_id = ? AND content_hash = ? AND {_FREE}"
                f" AND ? NOT IN ({_HELD})",
                (pair.file_id, pair.content_hash, pair.document),
            ).fetchone()
            row = FileTable.get(conn, FileId(pair.file_id)) if free else None
            if row is None:
                continue
            attempt = new_attempt_id(now)
            row = must_apply(conn, Move(row, run_id, attempt).start_upload(), now)
            row = must_apply(
                conn, Move(row, run_id, attempt).adopt(operation=None, document=pair.document), now
            )
            must_apply(conn, Move(row, run_id, attempt).complete_processing(pair.document), now)
            conn.execute(
                "INSERT INTO adopted (document, display_name) VALUES (?, ?)"
                " ON CONFLICT (document) DO UPDATE SET display_name = excluded.display_name",
                (pair.document, pair.display_name),
            )
            adopted += 1
        return adopted

    @query
    def titled(conn: LedgerConnection, title: str) -> FileId | None:
        """The file whose document another tool uploaded under this name; None where there is none, or several."""
        rows = conn.execute(
            "SELECT file_id FROM adopted JOIN files ON gemini_document = document WHERE display_name = ? LIMIT 2",
            (title,),
        ).fetchall()
        return FileId(rows[0][0]) if len(rows) == 1 else None

    @query
    def held(conn: LedgerConnection) -> frozenset[str]:
        """The documents of another tool that files have now."""
        cursor = conn.execute("SELECT document FROM adopted JOIN files ON gemini_document = document")
        return frozenset(document for (document,) in cursor)
