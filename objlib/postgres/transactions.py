"""A batch of the group commit on PostgreSQL: reads by themselves, then all writes as one transaction.

Moves of single rows, which are a compare-and-set each, run beside those of other sessions: they share an advisory
lock. An operation that reads what it then writes by takes the lock for itself, so that it sees what it would see on
SQLite, where a writer is always alone. The locks end with their transaction, also with one whose program died.

The statements of a batch are sent ahead: an answer that nothing reads is not waited for, so that a batch costs less
time where the server is far away. All answers are in before the COMMIT is sent. Where any statement fails, the batch is
done again, one statement after another, and only then does an error say which operation it belongs to.

A commit whose answer is lost is unknown. Each transaction records an operation id as its last statement, and a new
session asks for it: with a row of its own under the same id, for which the server lets it wait until the old
transaction has ended, and after which the old one can never commit.

Everything here blocks and runs through a Runner.
"""

import random
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, Final, TypeVar

import psycopg
from outcome import Error, Outcome, Value

from objlib.commit_queue import Op, Work
from objlib.postgres.errors import Fate, fate
from objlib.postgres.session import Session, SessionConnection

C = TypeVar("C", bound=SessionConnection)
T = TypeVar("T")

Translate = Callable[[psycopg.Error], Exception]
"""Makes an error of the database what its callers get."""

TRIES: Final = 12
"""Times that a transaction is done which others undo, or whose connection breaks."""
_LONGEST_PAUSE: Final = 0.2
"""Seconds: upper bound of the random pause before a transaction that others undid is done again."""

_READ: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ"
_WRITE: Final = (
    "BEGIN; SELECT pg_advisory_xact_lock{how}({key}); SELECT extract(epoch FROM clock_timestamp())::float8"
)
_COMMIT: Final = "INSERT INTO operations (operation_id, fenced) VALUES ('{id}', FALSE); COMMIT"


class _OpError(Exception):
    """An operation failed by itself; the transaction is done again with a savepoint before each."""


def perform(session: Session[C], translate: Translate, batch: Sequence[Op[C, Any]]) -> list[Outcome[Any]]:
    """Carry out a batch: every read by itself, then all writes as one transaction.

    Reads come first, so that they see nothing that is not committed yet.
    """
    reads = {op: _read(session, op.work, translate) for op in batch if not op.writes}
    writers = [op for op in batch if op.writes]
    writes = dict(zip(writers, _write_all(session, writers, translate), strict=True))
    return [reads[op] if op in reads else writes[op] for op in batch]


def _read(session: Session[C], work: Work[C, Any], translate: Translate) -> Outcome[Any]:
    """One read, in a transaction so that all its queries see the same moment."""
    for tries in range(1, TRIES + 1):
        try:
            conn = session.connect()
            conn.script(_READ)
            value = work(conn)
            conn.script("COMMIT")
        except psycopg.Error as error:
            if not _again(session, error, tries):
                return Error(_for_caller(error, translate))
        except Exception as error:
            _roll_back(session)
            return Error(error)
        except BaseException:
            _roll_back(session)
            raise
        else:
            return Value(value)
    raise AssertionError("the last try returns")


def _write_all(session: Session[C], ops: Sequence[Op[C, Any]], translate: Translate) -> list[Outcome[Any]]:
    """All writes as one transaction; where one fails, once more with a savepoint before each."""
    if not ops:
        return []
    ahead, savepoints, tries = True, False, 0
    while True:
        tries += 1
        operation = uuid.uuid4().hex
        committing = False
        results: list[Outcome[Any]] = []
        try:
            conn = session.connect()
            shared = "" if any(op.alone for op in ops) else "_shared"
            begun = conn.script(_WRITE.format(how=shared, key=session.key))
            while begun.nextset():
                pass
            (now,) = begun.fetchone() or (0.0,)
            session.set_clock(now)
            with conn.ahead() if ahead else nullcontext():
                results = [_write(session, conn, op, translate, savepoints=savepoints) for op in ops]
            committing = True
            conn.script(_COMMIT.format(id=operation))
        except _OpError:
            _roll_back(session)
            ahead, savepoints = False, True
        except psycopg.Error as error:
            if committing and fate(error, broken=session.broken) is Fate.LOST:
                session.drop()
                try:
                    if was_committed(session, operation):
                        return results
                except psycopg.Error as second:
                    return [Error(translate(second)) for _ in ops]
            elif ahead and not committing and fate(error, broken=session.broken) is not Fate.LOST:
                _roll_back(session)
                ahead = False
            elif not _again(session, error, tries):
                return [Error(translate(error)) for _ in ops]
        except BaseException:
            _roll_back(session)
            raise
        else:
            return results


def _write(
    session: Session[C], conn: C, op: Op[C, Any], translate: Translate, *, savepoints: bool
) -> Outcome[Any]:
    """One operation of a batch. Raises only what puts the whole batch in doubt."""
    if savepoints:
        conn.script("SAVEPOINT op")
    try:
        value = op.work(conn)
    except Exception as error:
        if isinstance(error, psycopg.Error) and fate(error, broken=session.broken) is not Fate.STATEMENT:
            raise
        if not savepoints:
            raise _OpError from error
        conn.script("ROLLBACK TO op")
        if op.rescue is not None:
            _rescue(session, conn, op, error)
        conn.script("RELEASE op")
        return Error(_for_caller(error, translate))
    if savepoints:
        conn.script("RELEASE op")
    return Value(value)


def _rescue(session: Session[C], conn: C, op: Op[C, Any], error: Exception) -> None:
    """Let the rescue have its say after ``error``; where it fails too, that stands in a note on ``error``."""
    assert op.rescue is not None
    try:
        op.rescue(conn, error)
    except Exception as second:
        if isinstance(second, psycopg.Error) and fate(second, broken=session.broken) is not Fate.STATEMENT:
            raise
        conn.script("ROLLBACK TO op")
        error.add_note(f"and it could not be recorded: {type(second).__name__}: {second}")


def was_committed(session: Session[C], operation: str) -> bool:
    """Whether the transaction with this operation id is committed; if not, it can never be.

    Raises:
        psycopg.Error: the server did not say.
    """
    for tries in range(1, TRIES + 1):
        try:
            conn = session.connect()
            # Waits for a transaction that has inserted the same id and has not ended.
            conn.script(
                f"INSERT INTO operations (operation_id, fenced) VALUES ('{operation}', TRUE) ON CONFLICT DO NOTHING"
            )
            row = conn.execute(
                "SELECT fenced FROM operations WHERE operation_id = ?", (operation,)
            ).fetchone()
        except psycopg.Error as error:
            if not _again(session, error, tries):
                raise
        else:
            assert row is not None, "it was there or was inserted just now"
            return not row[0]
    raise AssertionError("the last try returns or raises")


def _again(session: Session[C], error: psycopg.Error, tries: int) -> bool:
    """Clear up after an error that undid a transaction; whether the transaction is to be done once more."""
    lot = fate(error, broken=session.broken)
    if lot is Fate.LOST:
        session.drop()
        return tries < TRIES
    _roll_back(session)
    if lot is Fate.AGAIN and tries < TRIES:
        time.sleep(random.uniform(0, _LONGEST_PAUSE))  # spreads sessions, hides nothing
        return True
    return False


def _roll_back(session: Session[C]) -> None:
    """Undo the open transaction; where that cannot be said to the server, the end of the session does it."""
    if session.broken:
        return
    try:
        session.connect().script("ROLLBACK")
    except psycopg.Error:
        session.drop()


def _for_caller(error: Exception, translate: Translate) -> Exception:
    """``error`` as the caller of a failed operation gets it: that of the work, or of the ledger, never the driver's."""
    if not isinstance(error, psycopg.Error):
        return error
    translated = translate(error)
    for note in getattr(error, "__notes__", ()):
        translated.add_note(note)
    return translated
