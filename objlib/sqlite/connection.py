"""One connection to a file of ours: durable, with a write-ahead log, at the newest version.

Everything here blocks and runs through a Runner. Nothing is changed in a file before it is known to be ours.
"""

import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from objlib.sqlite.errors import Refusal, RefusedFileError, primary_code
from objlib.sqlite.migrations import Schema

C = TypeVar("C", bound=sqlite3.Connection)

_POLL: Final = 0.01
"""Seconds between two tries to switch to WAL, where SQLite's own busy handler is not asked."""


def connect(
    path: Path,
    schema: Schema,
    factory: type[C],
    *,
    busy_timeout: float,
    now: float,
    create: bool = True,
) -> C:
    """Open the database at ``path``, made or migrated where need be. A commit waits for the disk.

    Args:
        path: the file.
        schema: what it holds.
        factory: the class of the connection.
        busy_timeout: seconds to wait for another program's lock.
        now: Unix time for the record of a migration.
        create: whether the tables may be made in an empty file, and the file where it is missing.

    Raises:
        RefusedFileError: it is no file of ours, or not one that this program can use.
        sqlite3.Error: SQLite cannot use it.
    """
    conn = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}",
        uri=True,
        timeout=busy_timeout,
        isolation_level=None,
        check_same_thread=False,
        factory=factory,
    )
    try:
        require_schema(conn, schema, create=create)
        switch_to_wal(conn, busy_timeout)
        conn.execute("PRAGMA synchronous = FULL")
        conn.execute("PRAGMA foreign_keys = ON")
        schema.migrate(conn, now)
    except BaseException:
        conn.close()
        raise
    return conn


def require_schema(conn: sqlite3.Connection, schema: Schema, *, create: bool) -> None:
    """Check that the database is ours, or empty where it may be made.

    Raises:
        RefusedFileError: it is neither.
    """
    if schema.read_version(conn) == 0 and not create:
        raise RefusedFileError(Refusal.EMPTY)


def disconnect(conn: sqlite3.Connection) -> None:
    """Copy the write-ahead log into the file as far as no other process needs it, and close the connection."""
    # The log is durable by itself: where it cannot be copied now (full disk), the next opener does it.
    with suppress(sqlite3.Error):
        conn.execute("PRAGMA wal_checkpoint(PASSIVE)")
    conn.close()


def switch_to_wal(conn: sqlite3.Connection, busy_timeout: float) -> None:
    """Use a write-ahead log. Where two open a new file, the loser gets BUSY at once and tries again.

    Raises:
        RefusedFileError: the file system has no shared memory for it.
    """
    deadline = time.monotonic() + busy_timeout
    mode = ""
    while not mode:
        try:
            (mode,) = conn.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if primary_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
            time.sleep(_POLL)
    if mode != "wal":
        raise RefusedFileError(Refusal.NO_WAL)
