"""Removal of history that nothing reads any more, a page of files at a time.

These stay however old they are, since something rests on each:

* of each file the event of its last move, which explains its state, and its last event, a refusal perhaps;
* attempts that are not over, with their events: recovery settles them;
* of each file the last attempt, the last one that was indexed, by which ``explain`` tells that a pruned file was there,
  and those of the documents that it has;
* open intents, since a delete may have been sent, and runs that have not ended, or own an open attempt.
"""

from dataclasses import dataclass
from typing import Final

from objlib.ledger.database import LedgerConnection
from objlib.ledger.runs import KEPT_SERIES
from objlib.ledger.table import Table, command, query

PAGE: Final = 500
"""Files whose history is thinned in one transaction: some milliseconds."""

_EVENTS: Final = """
    DELETE FROM events WHERE event_id IN (
        SELECT e.event_id FROM events e
        JOIN (
            SELECT file_id, max(event_id) AS last, max(event_id) FILTER (WHERE outcome = 'success') AS moved
            FROM events WHERE file_id > :after AND file_id <= :until GROUP BY file_id
        ) AS kept ON kept.file_id = e.file_id
        LEFT JOIN attempts a ON a.attempt_id = e.attempt_id
        WHERE e.timestamp < :cutoff AND e.event_id <> kept.last AND e.event_id <> coalesce(kept.moved, 0)
        AND (a.attempt_id IS NULL OR a.outcome IS NOT NULL)
    )
    """
_ATTEMPTS: Final = """
    DELETE FROM attempts WHERE seq IN (
        SELECT a.seq FROM attempts a
        JOIN (
            SELECT file_id, max(seq) AS last, max(seq) FILTER (WHERE outcome = 'indexed') AS indexed
            FROM attempts WHERE file_id > :after AND file_id <= :until GROUP BY file_id
        ) AS kept ON kept.file_id = a.file_id
        JOIN files f ON f.file_id = a.file_id
        WHERE a.outcome IS NOT NULL AND a.updated_at < :cutoff
        AND a.seq <> kept.last AND a.seq <> coalesce(kept.indexed, 0)
        AND coalesce(a.document_name <> f.gemini_document, TRUE)
        AND coalesce(a.document_name <> f.superseded_document, TRUE)
    )
    """
# An operation is asked about until its attempt is over, and never again.
_OPERATIONS: Final = """
    UPDATE attempts SET operation_name = NULL
    WHERE file_id > :after AND file_id <= :until AND operation_name IS NOT NULL
    AND outcome IS NOT NULL AND updated_at < :cutoff
    """


@dataclass(frozen=True, slots=True)
class Thinned:
    """The history of a page of files that was removed.

    Attributes:
        events, attempts: rows that are gone.
        until: the last file of the page; None where no page is left.
    """

    events: int
    attempts: int
    until: str | None


class CompactionTable(Table):
    """History that nothing reads any more."""

    @command
    def thin(conn: LedgerConnection, cutoff: float, after: str = "", limit: int = PAGE) -> Thinned:
        """Remove history from before ``cutoff`` (Unix time) of the next ``limit`` files after ``after``, by id."""
        (until,) = conn.execute(
            "SELECT max(file_id) FROM"
            " (SELECT DISTINCT file_id FROM events WHERE file_id > ? ORDER BY file_id LIMIT ?) AS page",
            (after, limit),
        ).fetchone()
        if until is None:
            return Thinned(0, 0, None)
        page = {"after": after, "until": until, "cutoff": cutoff}
        events = conn.execute(_EVENTS, page).rowcount
        attempts = conn.execute(_ATTEMPTS, page).rowcount
        conn.execute(_OPERATIONS, page)
        return Thinned(events, attempts, until)

    @command
    def thin_intents(conn: LedgerConnection, cutoff: float) -> int:
        """Remove intents that were closed before ``cutoff``."""
        return conn.execute("DELETE FROM intents WHERE done_at < ?", (cutoff,)).rowcount

    @command
    def thin_runs(conn: LedgerConnection, cutoff: float) -> int:
        """Remove runs that ended before ``cutoff``, but for the last ones."""
        return conn.execute(
            "DELETE FROM runs WHERE ended < ?"
            " AND run_id NOT IN (SELECT run_id FROM runs ORDER BY started DESC, run_id LIMIT ?)"
            " AND run_id NOT IN (SELECT run_id FROM attempts WHERE outcome IS NULL AND run_id IS NOT NULL)",
            (cutoff, KEPT_SERIES),
        ).rowcount

    @query
    def size(conn: LedgerConnection) -> int:
        """Bytes that the ledger takes on the disk of its database."""
        return int(conn.execute(conn.dialect.size).fetchone()[0])
