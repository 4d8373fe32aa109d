"""Attempts: the upload session and the document of each try at a file."""

from collections.abc import Iterable
from typing import Final

from objlib.core.errors import StaleTransitionError, TransitionError
from objlib.core.ids import AttemptId, FileId
from objlib.ledger.database import LedgerConnection
from objlib.ledger.intents import IntentTable
from objlib.ledger.rows import AttemptRow
from objlib.ledger.table import Table, compare_and_set, query, stamped
from objlib.ledger.transitions import Move

PACE_ATTEMPTS: Final = 1000
"""The last attempts by which a pace is measured: some minutes of a quick run."""
MIN_PACE_FILES: Final = 5
"""Indexed files below which they say nothing about a pace."""


class AttemptOverError(StaleTransitionError):
    """Another task or run ended the attempt: nothing may be sent for it any more."""

    def __init__(self, attempt_id: AttemptId, file_id: FileId, version: int) -> None:
        # Not the parent's message, which speaks of the version that a caller read: here it is the present one.
        TransitionError.__init__(self, f"attempt {attempt_id} is over; another task or run ended it first")
        self.attempt_id = attempt_id
        self.file_id = file_id
        self.expected = version


class AttemptTable(Table):
    """Tries at getting a file into the store."""

    @compare_and_set
    def record_session(conn: LedgerConnection, now: float, attempt_id: AttemptId, session_url: str) -> None:
        """Record the upload session of an attempt: from now on bytes may have been sent.

        Raises:
            AttemptOverError: the attempt is over. A run that slept through its own recovery must not send bytes
                that no later run could find.
        """
        updated = conn.execute(
            "UPDATE attempts SET session_url = ?, updated_at = ? WHERE attempt_id = ? AND outcome IS NULL",
            (session_url, now, attempt_id),
        )
        if updated.rowcount != 1:
            attempt = conn.execute(
                "SELECT file_id, files.version FROM attempts JOIN files USING (file_id) WHERE attempt_id = ?",
                (attempt_id,),
            ).fetchone()
            raise AttemptOverError(attempt_id, *(attempt or ("", 0)))

    @stamped
    def record_document(
        conn: LedgerConnection,
        now: float,
        move: Move,
        *,
        expected: str | None,
        document: str,
        surplus: Iterable[str],
    ) -> None:
        """Record the document of an attempt under way, and the intents to delete its ``surplus``.

        Raises:
            StaleTransitionError: the attempt is over, or has another document than ``expected`` by now.
        """
        updated = conn.execute(
            "UPDATE attempts SET document_name = ?, updated_at = ?"
            f" WHERE attempt_id = ? AND {conn.dialect.same('document_name', '?')} AND outcome IS NULL",
            (document, now, move.attempt_id, expected),
        )
        if updated.rowcount != 1:
            raise StaleTransitionError(move.row.file_id, move.row.version)
        IntentTable.withdraw(conn, now, document)
        for extra in surplus:
            why = "surplus document"
            IntentTable.open(conn, now, move.row.file_id, extra, reason=why, run_id=move.run_id)

    @query
    def last(conn: LedgerConnection, file_id: FileId) -> AttemptRow | None:
        """The latest try at a file."""
        return AttemptRow.first(conn, "WHERE file_id = ? ORDER BY seq DESC", file_id)

    @query
    def pace(conn: LedgerConnection) -> float | None:
        """Files per second that the last run with uploads indexed, by its last attempts; None without enough."""
        recent = conn.execute(
            "SELECT run_id, updated_at FROM attempts WHERE outcome = 'indexed'"
            " AND seq > (SELECT coalesce(max(seq), 0) FROM attempts) - ? ORDER BY seq DESC",
            (PACE_ATTEMPTS,),
        ).fetchall()
        times = [at for run_id, at in recent if run_id == recent[0][0]]
        if len(times) < MIN_PACE_FILES or max(times) <= min(times):
            return None
        return float((len(times) - 1) / (max(times) - min(times)))
