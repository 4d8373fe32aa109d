"""Intents: a remote delete is recorded before it is sent, so that no crash can hide one."""

from objlib.core.ids import FileId, RunId, new_id
from objlib.ledger.database import LedgerConnection
from objlib.ledger.rows import IntentRow
from objlib.ledger.table import Table, query, stamped


class IntentTable(Table):
    """Documents that are to be deleted."""

    @stamped
    def open(
        conn: LedgerConnection,
        now: float,
        file_id: FileId | None,
        document: str,
        reason: str,
        run_id: RunId | None,
    ) -> IntentRow:
        """Record that ``document`` is to be deleted; its open intent, an older one if there is."""
        conn.execute(
            "INSERT INTO intents (intent_id, file_id, document_name, reason, run_id, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (document_name) WHERE done_at IS NULL DO NOTHING",
            (new_id(now), file_id, document, reason, run_id, now),
        )
        intent = IntentRow.first(conn, "WHERE document_name = ? AND done_at IS NULL", document)
        assert intent is not None, "it is there or was inserted in this very transaction"
        return intent

    @query
    def page(conn: LedgerConnection, after: str = "", limit: int = 500) -> list[IntentRow]:
        """At most ``limit`` open intents with an id above ``after``, oldest first."""
        page = "WHERE done_at IS NULL AND intent_id > ? ORDER BY intent_id LIMIT ?"
        return IntentRow.all(conn, page, after, limit)

    @stamped
    def close(conn: LedgerConnection, now: float, intent_id: str, outcome: str) -> None:
        """Close an intent; no row refers to its document as superseded any more. A closed one stays as it is."""
        closed = conn.execute(
            "UPDATE intents SET done_at = ?, outcome = ? WHERE intent_id = ? AND done_at IS NULL"
            " RETURNING document_name",
            (now, outcome, intent_id),
        ).fetchone()
        if closed is not None:
            conn.execute("UPDATE files SET superseded_document = NULL WHERE superseded_document = ?", closed)

    @stamped
    def withdraw(conn: LedgerConnection, now: float, document: str) -> None:
        """Withdraw the open intent on ``document``, if any: the document now belongs to a row.

        An intent whose delete was sent stays, since the delete cannot be undone.
        """
        conn.execute(
            "UPDATE intents SET done_at = ?, outcome = 'kept'"
            " WHERE document_name = ? AND done_at IS NULL AND sent_at IS NULL",
            (now, document),
        )
