"""Attempts: what is known about each try, as it becomes known."""

import sqlite3

from objlib.core.errors import StaleTransitionError, TransitionError
from objlib.core.identity import AttemptId, FileId
from objlib.ledger.rows import ATTEMPT_COLUMNS, AttemptRow, columns


class AttemptOverError(StaleTransitionError):
    """The attempt has been ended by someone else: nothing may be sent for it any more."""

    def __init__(self, attempt_id: AttemptId, file_id: FileId, version: int) -> None:
        # Not the parent's message, which speaks of a version that someone read: here it is the one of now.
        TransitionError.__init__(self, f"attempt {attempt_id} is over; another task or run ended it first")
        self.attempt_id = attempt_id
        self.file_id = file_id
        self.expected = version


def session_started(conn: sqlite3.Connection, *, attempt_id: AttemptId, session_url: str, now: float) -> None:
    """Record the upload session of an attempt: from now on bytes may have been sent.

    Raises:
        AttemptOverError: the attempt is over. A run that slept through its own recovery must not send bytes
            that nobody would know of.
    """
    known = conn.execute(
        "UPDATE attempts SET session_url = ?, updated_at = ? WHERE attempt_id = ? AND outcome IS NULL"
        " RETURNING 1",
        (session_url, now, attempt_id),
    )
    if known.fetchone() is None:
        about = conn.execute(
            "SELECT file_id, files.version FROM attempts JOIN files USING (file_id) WHERE attempt_id = ?",
            (attempt_id,),
        ).fetchone()
        raise AttemptOverError(attempt_id, *(about or ("", 0)))


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
