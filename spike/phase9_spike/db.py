"""The spike's database is a ledger as it ships; beside it, the old way to write to one: a connection per write."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import trio

from objlib.core.ids import FileId, new_file_id
from objlib.ledger.connection import connect
from objlib.sqlite.connection import disconnect
from objlib.sqlite.errors import primary_code, roll_back
from objlib.threads import Runner, thread_runner

LOCK_WAIT: Final = 0.05
"""Seconds that one try waits for a lock by itself; the waiting between tries is trio's, and can be cancelled."""


@dataclass(frozen=True, slots=True)
class Executed:
    """The result of a statement: rows changed, rows returned, and the number of tries."""

    rowcount: int
    rows: list[tuple[Any, ...]]
    tries: int


async def init_spike_db(db_path: Path, files: int = 1, *, runner: Runner | None = None) -> list[FileId]:
    """Make a ledger of the shipped schema with untracked files; returns their ids, in order.

    Args:
        db_path: the file to make.
        files: how many.
        runner: in place of a worker thread, for virtual time.
    """
    return await (runner or thread_runner(1))(partial(make_spike_db, db_path, files))


def make_spike_db(db_path: Path, files: int) -> list[FileId]:
    """:func:`init_spike_db` for a caller without an event loop of trio's."""
    with closing(connect(db_path, create=True, busy_timeout=10, now=1.0)) as conn:
        ids = [new_file_id() for _ in range(files)]
        conn.execute("BEGIN IMMEDIATE")
        conn.executemany(
            "INSERT INTO files (file_id, file_path, content_hash, size, mtime_ns, mime_type,"
            " gemini_state_updated_at) VALUES (?, ?, 'hash', 10, 1, 'text/plain', 1.0)",
            [(file_id, f"{number:06}.txt") for number, file_id in enumerate(ids)],
        )
        conn.execute("COMMIT")
        disconnect(conn)
    return ids


async def read_file_state(db_path: Path, file_id: str) -> tuple[str, int]:
    """(state, version) of a file as a stranger sees it: through a connection of its own.

    Raises:
        LookupError: there is no such file.
    """
    return await trio.to_thread.run_sync(partial(peek, db_path, file_id))


def peek(db_path: Path, file_id: str) -> tuple[str, int]:
    """:func:`read_file_state` for a caller without an event loop of trio's."""
    with closing(sqlite3.connect(f"{db_path.absolute().as_uri()}?mode=ro", uri=True)) as conn:
        row = conn.execute("SELECT gemini_state, version FROM files WHERE file_id = ?", (file_id,)).fetchone()
    if row is None:
        raise LookupError(f"no file {file_id}")
    return str(row[0]), int(row[1])


async def execute_with_retry(
    db_path: Path,
    sql: str,
    params: Sequence[Any] = (),
    max_retries: int = 3,
    initial_delay: float = 0.05,
    multiplier: float = 2.0,
) -> Executed:
    """Run one statement in a transaction of a new connection; again, later, when the database was locked.

    Args:
        db_path: the database.
        sql: one statement.
        params: its parameters.
        max_retries: tries after the first.
        initial_delay: seconds before the first of them.
        multiplier: how much longer each further wait is.

    Raises:
        sqlite3.Error: the database is still locked, or anything else went wrong, which is never tried again.
    """
    delay, tries = initial_delay, 1
    while True:
        try:
            rowcount, rows = await trio.to_thread.run_sync(partial(_once, db_path, sql, params))
            return Executed(rowcount, rows, tries)
        except sqlite3.OperationalError as error:
            if primary_code(error) != sqlite3.SQLITE_BUSY or tries > max_retries:
                raise
        await trio.sleep(delay)
        delay, tries = delay * multiplier, tries + 1


def _once(db_path: Path, sql: str, params: Sequence[Any]) -> tuple[int, list[tuple[Any, ...]]]:
    # Used by one thread from opening to closing, so SQLite's own check of that stays on.
    with closing(sqlite3.connect(db_path, timeout=LOCK_WAIT, isolation_level=None)) as conn:
        conn.execute("PRAGMA journal_mode = WAL")
        conn.execute("PRAGMA synchronous = FULL")
        conn.execute("BEGIN IMMEDIATE")
        try:
            cursor = conn.execute(sql, params)
            rows = cursor.fetchall()
            conn.execute("COMMIT")
        except BaseException:
            roll_back(conn)
            raise
    return cursor.rowcount, rows
