"""The SQL of each event, and the compare-and-set that runs it.

One table of effects by event keeps the SQL of a transition in one place: the move itself is the same for all
(state, version, time), the rest is the fragment of its event. Everything here is synchronous and runs inside
the transaction of a batch.
"""

from typing import Any, Final

from objlib.core.errors import (
    GuardRejectedError,
    LedgerError,
    StaleTransitionError,
    TransitionNotAllowedError,
)
from objlib.core.lifecycle.table import Event, State, target
from objlib.ledger.database import LedgerConnection
from objlib.ledger.intents import IntentTable
from objlib.ledger.rows import FileRow
from objlib.ledger.transitions import Transition

_CLEAN = "attempts = 0, retry_at = NULL, last_error = NULL, failure_info = NULL"
_FAILED = "failure_info = :failure, last_error = :error, retry_at = NULL"
_REQUEUED = "last_error = :error, retry_at = :retry_at, attempts = attempts - :excused"

_ON_FILE: Final[dict[Event, str]] = {
    Event.START_UPLOAD: (
        "attempts = attempts + 1, retry_at = NULL, metadata_json = coalesce(:metadata, metadata_json)"
    ),
    Event.COMPLETE_UPLOAD: "retry_at = NULL",
    Event.ADOPT: "retry_at = NULL",
    # Every expression sees the row as it was before, so the old document is still in gemini_document.
    Event.COMPLETE_PROCESSING: (
        "superseded_document = CASE"
        " WHEN gemini_document <> :document THEN gemini_document"
        " WHEN superseded_document <> :document THEN superseded_document END,"
        " gemini_document = :document,"
        " (indexed_hash, sent_path) = (SELECT a.content_hash, nullif(a.file_path, files.file_path) FROM attempts a"
        " WHERE a.attempt_id = :attempt_id), " + _CLEAN
    ),
    Event.FAIL_UPLOAD: _FAILED,
    Event.FAIL_PROCESSING: _FAILED,
    Event.DEMOTE: _FAILED,
    Event.REQUEUE_UPLOAD: _REQUEUED,
    Event.REQUEUE_PROCESSING: _REQUEUED,
    Event.RETRY: _CLEAN,
    Event.RESET: (
        "gemini_document = CASE WHEN :gone = 0 THEN gemini_document END,"
        " indexed_hash = CASE WHEN :gone = 0 THEN indexed_hash END, " + _CLEAN
    ),
}

_OPEN_ATTEMPT = (
    "INSERT INTO attempts (attempt_id, file_id, file_path, content_hash, run_id, started_at, updated_at)"
    " SELECT :attempt_id, file_id, file_path, content_hash, :run_id, :now, :now FROM files WHERE file_id = :file_id"
)
_NAME_ATTEMPT = (
    "UPDATE attempts SET operation_name = coalesce(:operation, operation_name),"
    " document_name = coalesce(:document, document_name), run_id = :run_id, updated_at = :now"
    " WHERE attempt_id = :attempt_id"
)
_END_ATTEMPT = (
    "UPDATE attempts SET document_name = coalesce(:document, document_name), session_url = NULL,"
    " outcome = :outcome, updated_at = :now WHERE attempt_id = :attempt_id"
)

_ON_ATTEMPT: Final[dict[Event, str]] = {
    Event.START_UPLOAD: _OPEN_ATTEMPT,
    Event.COMPLETE_UPLOAD: _NAME_ATTEMPT,
    Event.ADOPT: _NAME_ATTEMPT,
    Event.COMPLETE_PROCESSING: _END_ATTEMPT,
    Event.FAIL_UPLOAD: _END_ATTEMPT,
    Event.FAIL_PROCESSING: _END_ATTEMPT,
    Event.REQUEUE_UPLOAD: _END_ATTEMPT,
    Event.REQUEUE_PROCESSING: _END_ATTEMPT,
}

_TAKES_DOCUMENT: Final = frozenset({Event.ADOPT, Event.COMPLETE_PROCESSING})
"""Events that give the row a document; an open intent to delete that document is withdrawn."""

_MOVE: Final[dict[Event, str]] = {
    event: (
        "UPDATE files SET gemini_state = :target, version = version + 1, gemini_state_updated_at = :now, "
        f"{_ON_FILE[event]} WHERE file_id = :file_id AND gemini_state = :state AND version = :version"
    )
    for event in Event
}
_RETURNING: Final = f" RETURNING {FileRow.columns()}"
_FRESH = "WHERE file_id = ? AND gemini_state = ? AND version = ?"
_RECORD = (
    "INSERT INTO events (attempt_id, timestamp, file_id, event, from_state, to_state, guard_result, outcome,"
    " error, run_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def apply_transition(conn: LedgerConnection, t: Transition, now: float) -> FileRow | Exception:
    """Try one transition and record the try, both in the transaction that the caller holds.

    Returns:
        The row after it; or, not raised so that the record is committed, the error that left the row alone:
        :class:`StaleTransitionError`, :class:`TransitionNotAllowedError`, :class:`GuardRejectedError`, or
        whatever the guard raised.
    """
    row = _try(conn, t, now, look=True)
    assert row is not None, "a move that looks has the row"
    return row


def apply_only(conn: LedgerConnection, t: Transition, now: float) -> Exception | None:
    """As :func:`apply_transition`, but the row is not read back: None after a move, or the error that prevented it."""
    result = _try(conn, t, now, look=False)
    return result if isinstance(result, Exception) else None


def _try(conn: LedgerConnection, t: Transition, now: float, *, look: bool) -> FileRow | Exception | None:
    try:
        goal = target(t.state, t.event)
    except TransitionNotAllowedError as refusal:
        _record(conn, t, t.state, "rejected", str(refusal), now=now)
        return refusal
    guard_result: str | None = None
    if t.guard is not None:
        fresh = FileRow.first(conn, _FRESH, t.file_id, t.state, t.version)
        if fresh is None:
            return _stale(conn, t, goal, now)
        try:
            reason = t.guard(fresh)
        except Exception as error:  # the guard is the caller's code: whatever it raises is handed back
            _record(conn, t, goal, "failed", describe(error), now=now, guard_result="raised")
            return error
        if reason is not None:
            _record(conn, t, goal, "rejected", reason, now=now, guard_result="rejected")
            return GuardRejectedError(t.file_id, t.event, reason)
        guard_result = "passed"
    moved, row = _move(conn, t, goal, now, look=look)
    if not moved:
        return _stale(conn, t, goal, now)
    _record(conn, t, goal, "success", t.reason, now=now, guard_result=guard_result)
    return row


def must_apply(conn: LedgerConnection, t: Transition, now: float) -> FileRow:
    """The row after a transition that cannot be refused: its row was read in this transaction, its edge exists."""
    row = apply_transition(conn, t, now)
    if isinstance(row, Exception):
        raise row
    return row


def record_failure(conn: LedgerConnection, t: Transition, error: Exception, *, now: float) -> None:
    """Record that ``t``, which the lifecycle allows, was tried and that ``error`` undid it."""
    _record(conn, t, target(t.state, t.event), "failed", describe(error), now=now)


def describe(error: BaseException) -> str:
    """``error`` as one line for the event log."""
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _move(
    conn: LedgerConnection, t: Transition, goal: State, now: float, *, look: bool
) -> tuple[bool, FileRow | None]:
    """Compare, set, and take all side effects.

    Returns:
        Whether the row was as ``t`` believes; and the row afterwards, where ``look`` asks for it.
    """
    parameters: dict[str, Any] = {
        "file_id": t.file_id, "state": t.state, "version": t.version, "target": goal, "now": now,
        "attempt_id": t.attempt_id, "run_id": t.run_id, **t.values,
    }  # fmt: skip
    older = _superseded(conn, t) if t.event is Event.COMPLETE_PROCESSING else None
    moved, row = _compare_and_set(conn, t, parameters, look=look or older is not None)
    if not moved:
        return False, None
    on_attempt = _ON_ATTEMPT.get(t.event)
    if on_attempt is not None and t.attempt_id is not None:
        conn.execute(on_attempt, parameters)
    document = t.values.get("document")
    if t.event in _TAKES_DOCUMENT and isinstance(document, str):
        IntentTable.withdraw(conn, now, document)
    for discard in t.discards:
        # In the same transaction: whichever is first, completing the row or failing it, decides on the document.
        why = "not indexed" if t.event is Event.FAIL_PROCESSING else "surplus document"
        IntentTable.open(conn, now, t.file_id, discard, reason=why, run_id=t.run_id)
    if older is not None and row is not None and older not in row.documents:
        IntentTable.open(conn, now, t.file_id, older, reason="superseded again", run_id=t.run_id)
    return True, row


def _compare_and_set(
    conn: LedgerConnection, t: Transition, parameters: dict[str, Any], *, look: bool
) -> tuple[bool, FileRow | None]:
    # SQLite collects what RETURNING gives in a table of its own: with it an update takes twice the time.
    if not look:
        return conn.execute(_MOVE[t.event], parameters).rowcount == 1, None
    cells = conn.execute(_MOVE[t.event] + _RETURNING, parameters).fetchone()
    return cells is not None, None if cells is None else FileRow.read(cells)


def _superseded(conn: LedgerConnection, t: Transition) -> str | None:
    """The superseded document before the move, once it is certain that the attempt's hash is known."""
    row = conn.execute(
        "SELECT superseded_document, (SELECT 1 FROM attempts WHERE attempt_id = ? AND file_id = ?)"
        " FROM files WHERE file_id = ?",
        (t.attempt_id, t.file_id, t.file_id),
    ).fetchone()
    if row is None or row[1] is None:
        raise LedgerError(
            f"the ledger has no attempt {t.attempt_id} of file {t.file_id}; nothing was recorded"
        )
    superseded: str | None = row[0]
    return superseded


def _stale(conn: LedgerConnection, t: Transition, goal: State, now: float) -> StaleTransitionError:
    refusal = StaleTransitionError(t.file_id, t.version)
    _record(conn, t, goal, "rejected", str(refusal), now=now)
    return refusal


def _record(
    conn: LedgerConnection,
    t: Transition,
    goal: State,
    outcome: str,
    error: str | None,
    *,
    now: float,
    guard_result: str | None = None,
) -> None:
    conn.execute(
        _RECORD,
        (t.attempt_id, now, t.file_id, t.event, t.state, goal, guard_result, outcome, error, t.run_id),
    )
