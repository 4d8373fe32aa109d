"""Opening the ledger's file: is it ours, is it of our version, and then the one connection to it.

Everything here blocks and runs through a Runner. Nothing is changed in a file before it is known to be ours.
"""

import os
import sqlite3
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from objlib.core.errors import LedgerError
from objlib.ledger.problems import ledger_error, primary_code
from objlib.ledger.schema import APPLICATION_ID, MIGRATIONS, Migration

OLDEST_SQLITE: Final = (3, 37, 0)
"""STRICT tables came with 3.37 (sqlite.org/stricttables.html), RETURNING with 3.35."""

_POLL: Final = 0.01
"""Seconds between two tries to switch to WAL, where SQLite's own busy handler is not asked."""


def connect(
    path: Path,
    *,
    create: bool,
    busy_timeout: float,
    now: float,
    migrations: Sequence[Migration] = MIGRATIONS,
) -> sqlite3.Connection:
    """Open the ledger at ``path``, made or migrated to the newest version where need be.

    Args:
        path: the file. Where it has to be made it is readable by its owner alone, because the session URLs
            in it authorise whoever has them.
        create: whether it, and folders above it, may be made.
        busy_timeout: seconds to wait for another program's lock.
        now: Unix time for the record of a migration.
        migrations: what leads to the newest version.

    Raises:
        LedgerError: it cannot be used; the message says why and what to do.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise LedgerError(
            f"SQLite {sqlite3.sqlite_version} is too old for a ledger, which takes 3.37; use a newer Python"
        )
    _find_or_make(path, create=create)
    try:
        conn = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=busy_timeout,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            _prepare(conn, path, create=create, busy_timeout=busy_timeout, now=now, migrations=migrations)
        except BaseException:
            conn.close()
            raise
    except sqlite3.Error as error:
        raise ledger_error(error, path, busy_timeout) from error
    return conn


def roll_back(conn: sqlite3.Connection) -> None:
    """Undo the open transaction, unless SQLite has done so by itself (as it may when the disk is full)."""
    if conn.in_transaction:
        with suppress(sqlite3.Error):  # what led here is reported, and says more
            conn.execute("ROLLBACK")


def disconnect(conn: sqlite3.Connection) -> None:
    """Copy the write-ahead log into the file as far as nobody else needs it, and close the connection."""
    # The log is durable by itself: where it cannot be copied now (full disk), the next opener does it.
    with suppress(sqlite3.Error):
        conn.execute("PRAGMA wal_checkpoint(PASSIVE)")
    conn.close()


def _find_or_make(path: Path, *, create: bool) -> None:
    """Make sure that there is a regular, writable file at ``path``."""
    try:
        if create:
            path.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        if not path.exists():
            raise LedgerError(f"there is no ledger {path}; run `objlib scan` to make one, or check --ledger")
        if not path.is_file():
            raise LedgerError(f"the ledger {path} is a folder or a device; name a file with --ledger")
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise LedgerError(
            f"the ledger {path} cannot be made or read: {why}; choose another with --ledger"
        ) from error
    if not os.access(path, os.R_OK | os.W_OK):
        raise LedgerError(
            f"the ledger {path} may not be read and written by this user; "
            "change its mode, or choose another with --ledger"
        )


def _prepare(
    conn: sqlite3.Connection,
    path: Path,
    *,
    create: bool,
    busy_timeout: float,
    now: float,
    migrations: Sequence[Migration],
) -> None:
    newest = migrations[-1].version
    version = _read_version(conn, path, newest)
    if version == 0 and not create:
        raise LedgerError(f"there is no ledger {path} yet; run `objlib scan` to make one, or check --ledger")
    _switch_to_wal(conn, path, busy_timeout)
    conn.execute("PRAGMA synchronous = FULL")
    conn.execute("PRAGMA foreign_keys = ON")
    while version < newest:
        _migrate_once(conn, path, newest, now, migrations)
        version = _read_version(conn, path, newest)


def _read_version(conn: sqlite3.Connection, path: Path, newest: int) -> int:
    """The ledger's version, all of it read at one moment: another process may be making the ledger just now."""
    conn.execute("BEGIN")
    try:
        return _version(conn, path, newest)
    finally:
        roll_back(conn)


def _version(conn: sqlite3.Connection, path: Path, newest: int) -> int:
    """The ledger's version; 0 for an empty database. The caller holds a transaction.

    Raises:
        LedgerError: it is not a ledger, or it was made by a newer program.
    """
    (application,) = conn.execute("PRAGMA application_id").fetchone()
    (version,) = conn.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        (things,) = conn.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if application or version or things:
            raise LedgerError(
                f"{path} is a database, but not a ledger of objlib; choose another file with --ledger"
            )
    if version > newest:
        raise LedgerError(
            f"the ledger {path} is of version {version}, made by a newer objlib than this one, "
            f"which knows {newest}; upgrade objlib, or choose another with --ledger"
        )
    return int(version)


def _migrate_once(
    conn: sqlite3.Connection, path: Path, newest: int, now: float, migrations: Sequence[Migration]
) -> None:
    """Take the next step, unless another process has just taken it: decided under the write lock."""
    conn.execute("BEGIN IMMEDIATE")
    try:
        version = _version(conn, path, newest)
        step = next((step for step in migrations if step.version == version + 1), None)
        if step is not None:
            for statement in step.statements:
                conn.execute(statement)
            conn.execute("INSERT INTO migrations VALUES (?, ?, ?)", (step.version, step.name, now))
            # Pragmas take no parameters; both numbers are our own, and both are part of the transaction.
            conn.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            conn.execute(f"PRAGMA user_version = {step.version}")
        conn.execute("COMMIT")
    except BaseException:
        roll_back(conn)
        raise


def _switch_to_wal(
    conn: sqlite3.Connection,
    path: Path,
    busy_timeout: float,
) -> None:
    """Use a write-ahead log. Where two open a new file, the loser is told BUSY at once and tries again."""
    give_up = time.monotonic() + busy_timeout
    mode = ""
    while not mode:
        try:
            (mode,) = conn.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if primary_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() >= give_up:
                raise
            time.sleep(_POLL)
    if mode != "wal":
        raise LedgerError(
            f"the file system of the ledger {path} has no shared memory for SQLite's write-ahead log; "
            "choose a place on a local disk with --ledger"
        )
