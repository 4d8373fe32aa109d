"""Checking a ledger from within: the file's integrity, and what its tables promise of each other."""

from pathlib import Path
from typing import IO, Final

from objlib.core.config.ledger_url import LedgerUrl
from objlib.core.lifecycle.table import TRANSIENT
from objlib.ledger.copying import Copied, digest_rows
from objlib.ledger.database import LedgerConnection
from objlib.ledger.dump import write_dump
from objlib.ledger.table import Table, query

LISTED: Final = 20
"""Findings of one kind that are listed at most."""
_MOVING: Final = ", ".join(f"'{state}'" for state in sorted(TRANSIENT))
_PROMISES: Final = (
    (
        "its log ends in another state",
        "SELECT f.file_path || ' is ' || f.gemini_state || ', and the log says ' || e.to_state FROM files f"
        " JOIN events e ON e.event_id = (SELECT max(event_id) FROM events"
        " WHERE file_id = f.file_id AND outcome = 'success')"
        " WHERE e.to_state <> f.gemini_state ORDER BY f.file_path",
    ),
    (
        "is under way without an attempt",
        f"SELECT f.file_path || ' is ' || f.gemini_state FROM files f WHERE f.gemini_state IN ({_MOVING})"
        " AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.file_id = f.file_id AND a.outcome IS NULL)"
        " ORDER BY f.file_path",
    ),
    (
        "has an attempt that never ended",
        "SELECT f.file_path || ' is ' || f.gemini_state FROM attempts a JOIN files f ON f.file_id = a.file_id"
        f" WHERE a.outcome IS NULL AND f.gemini_state NOT IN ({_MOVING}) ORDER BY f.file_path",
    ),
    (
        "is the document of several files",
        "SELECT gemini_document FROM files WHERE gemini_document IS NOT NULL"
        " GROUP BY gemini_document HAVING count(*) > 1 ORDER BY gemini_document",
    ),
)
"""A problem, and a query of the rows that have it."""


class CheckTable(Table):
    """The ledger as a whole."""

    @query
    def dump(conn: LedgerConnection, file: IO[bytes], place: Path | LedgerUrl, now: float) -> Copied:
        """Write all of it into ``file``, from its start."""
        return write_dump(conn, file, place, now)

    @query
    def findings(conn: LedgerConnection) -> list[tuple[str, str]]:
        """(subject, what is wrong with it); none for a sound ledger. Reads all of it."""
        findings = [("the database", problem) for problem in conn.dialect.damage(conn, LISTED)]
        for problem, sql in _PROMISES:
            cursor = conn.execute(f"{sql} LIMIT {LISTED}")
            findings += [(subject, problem) for (subject,) in cursor]
        return findings

    @query
    def digest(conn: LedgerConnection) -> Copied:
        """The rows of each table, and one digest of all. Reads all of it."""
        return digest_rows(conn)
