"""Attempts: what is known about each try, as it becomes known."""

import sqlite3

from objlib.core.identity import AttemptId, FileId
from objlib.ledger.rows import ATTEMPT_COLUMNS, AttemptRow, columns


def session_started(conn: sqlite3.Connection, *, attempt_id: AttemptId, session_url: str, now: float) -> None:
    """Record the upload session of an attempt that is not over: from now on bytes may have been sent."""
    conn.execute(
        "UPDATE attempts SET session_url = ?, updated_at = ? WHERE attempt_id = ? AND outcome IS NULL",
        (session_url, now, attempt_id),
    )


def attempt_names(
    conn: sqlite3.Connection,
    *,
    attempt_id: AttemptId,
    operation: str | None,
    document: str | None,
    now: float,
) -> None:
    """Record the operation and document of an attempt (full resource names); None leaves what is known."""
    conn.execute(
        "UPDATE attempts SET operation_name = coalesce(?, operation_name),"
        " document_name = coalesce(?, document_name), updated_at = ? WHERE attempt_id = ?",
        (operation, document, now, attempt_id),
    )


def clear_session(conn: sqlite3.Connection, *, attempt_id: AttemptId, now: float) -> None:
    """Wipe the session URL, which authorises whoever has it, once it is of no more use."""
    conn.execute(
        "UPDATE attempts SET session_url = NULL, updated_at = ?"
        " WHERE attempt_id = ? AND session_url IS NOT NULL",
        (now, attempt_id),
    )


def last_attempt(conn: sqlite3.Connection, file_id: FileId) -> AttemptRow | None:
    """The latest try at a file."""
    cells = conn.execute(
        f"SELECT {columns(ATTEMPT_COLUMNS)} FROM attempts WHERE file_id = ? ORDER BY seq DESC LIMIT 1",
        (file_id,),
    ).fetchone()
    return None if cells is None else AttemptRow(*cells)
