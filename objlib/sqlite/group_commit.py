"""A batch of the group commit on SQLite: reads by themselves, then all writes as one transaction.

Everything here blocks and runs through a Runner.
"""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, TypeVar

from outcome import Error, Outcome, Value

from objlib.commit_queue import BATCH, CommitQueue, Op, Rescue, Work, serve_queue
from objlib.sqlite.errors import ClosedError, is_fatal, roll_back
from objlib.sqlite.write_lock import write_lock
from objlib.threads import Runner

C = TypeVar("C", bound=sqlite3.Connection)

GroupCommit = CommitQueue[sqlite3.Connection]
"""The queue before a connection to SQLite."""

Translate = Callable[[sqlite3.Error], Exception]
"""Makes an error of the database what its callers get."""


def group_commit(
    conn: C, runner: Runner, translate: Translate, batch: int = BATCH
) -> AbstractAsyncContextManager[CommitQueue[C]]:
    """Serve ``conn``, which stays open afterwards, for the length of the block.

    Args:
        conn: the connection.
        runner: where it is used; it must run one function at a time.
        translate: makes an error of the database what its callers get.
        batch: operations per transaction at most.
    """

    def closed() -> Exception:
        return translate(ClosedError("is closed already; this is a mistake in the program"))

    return serve_queue(partial(perform, conn, translate), runner, closed, batch)


def perform(conn: C, translate: Translate, batch: Sequence[Op[C, Any]]) -> list[Outcome[Any]]:
    """Carry out a batch: every read by itself, then all writes as one transaction.

    Reads come first, so that they see nothing that is not committed yet.
    """
    reads = {op: _read(conn, op.work, translate) for op in batch if not op.writes}
    if not reads:
        return _write_all(conn, batch, translate)
    writers = [op for op in batch if op.writes]
    writes = dict(zip(writers, _write_all(conn, writers, translate), strict=True))
    return [reads[op] if op in reads else writes[op] for op in batch]


def rewrite(conn: Any) -> None:
    """Rewrite the file without the pages that are free; a read, whose transaction it leaves for the time."""
    conn.execute("COMMIT")
    conn.execute("VACUUM")
    conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    conn.execute("BEGIN")


def _read(conn: C, work: Work[C, Any], translate: Translate) -> Outcome[Any]:
    """One read, in a transaction so that all its queries see the same moment."""
    try:
        conn.execute("BEGIN")
        value = work(conn)
        conn.execute("COMMIT")
    except Exception as error:
        roll_back(conn)
        return Error(_for_caller(error, translate))
    except BaseException:
        roll_back(conn)
        raise
    return Value(value)


def _write_all(conn: C, ops: Sequence[Op[C, Any]], translate: Translate) -> list[Outcome[Any]]:
    """All writes as one transaction, in which one may fail alone."""
    if not ops:
        return []
    try:
        results = None if any(op.alone for op in ops) else _at_once(conn, ops)
        return _one_by_one(conn, ops, translate) if results is None else results
    except sqlite3.DatabaseError as error:
        return [Error(translate(error)) for _ in ops]


def _at_once(conn: C, ops: Sequence[Op[C, Any]]) -> list[Outcome[Any]] | None:
    """All writes without a savepoint, which would take a fifth of their time; None, and nothing done, if one fails."""
    with write_lock(conn):
        try:
            results: list[Outcome[Any]] = [Value(op.work(conn)) for op in ops]
            conn.execute("COMMIT")
        except Exception as error:
            roll_back(conn)
            if is_fatal(error):
                raise
            return None
        except BaseException:
            roll_back(conn)
            raise
    return results


def _one_by_one(conn: C, ops: Sequence[Op[C, Any]], translate: Translate) -> list[Outcome[Any]]:
    """All writes, each behind a savepoint."""
    with write_lock(conn):
        try:
            results = [_write(conn, op, translate) for op in ops]
            conn.execute("COMMIT")
        except BaseException:
            roll_back(conn)
            raise
    return results


def _write(conn: C, op: Op[C, Any], translate: Translate) -> Outcome[Any]:
    """One operation of a batch. Raises only what puts the whole batch in doubt."""
    conn.execute("SAVEPOINT op")
    try:
        value = op.work(conn)
    except Exception as error:
        if is_fatal(error) or not conn.in_transaction:
            raise
        conn.execute("ROLLBACK TO op")
        if op.rescue is not None:
            _rescue(conn, op.rescue, error)
        conn.execute("RELEASE op")
        return Error(_for_caller(error, translate))
    conn.execute("RELEASE op")
    return Value(value)


def _for_caller(error: Exception, translate: Translate) -> Exception:
    """``error`` as the caller of a failed operation gets it.

    An error about the values of a statement (a broken constraint, a type that SQLite does not know) stays as
    it is; one about the database is translated.
    """
    return translate(error) if is_fatal(error) or isinstance(error, sqlite3.OperationalError) else error


def _rescue(conn: C, rescue: Rescue[C], error: Exception) -> None:
    """Let ``rescue`` have its say after ``error``; where it fails too, that stands in a note on ``error``."""
    try:
        rescue(conn, error)
    except Exception as second:
        if is_fatal(second):
            raise
        conn.execute("ROLLBACK TO op")
        error.add_note(f"and it could not be recorded: {type(second).__name__}: {second}")
