"""Opening the ledger's file, and what goes wrong with it as one line for the user.

Everything here blocks and runs through a Runner. Nothing is changed in a file before it is known to be ours.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from objlib.core.advice import advise
from objlib.core.config.ledger_url import LedgerUrl
from objlib.core.errors import LedgerError, NoLedgerError
from objlib.ledger.dialects.sqlite import SQLiteConnection
from objlib.ledger.schema import SCHEMA
from objlib.sqlite import connection
from objlib.sqlite.errors import ClosedError, Refusal, RefusedFileError, disk_is_full, primary_code
from objlib.sqlite.migrations import Schema
from objlib.sqlite.private import make_file
from objlib.sqlite.private_copy import copy_privately

OLDEST_SQLITE: Final = (3, 37, 0)
"""STRICT tables came with 3.37 (sqlite.org/stricttables.html), RETURNING with 3.35."""


def connect(
    path: Path,
    *,
    create: bool,
    busy_timeout: float,
    now: float,
    schema: Schema = SCHEMA,
    private: bool = False,
) -> SQLiteConnection:
    """Open the ledger at ``path``, made or migrated to the newest version where need be.

    Args:
        create: whether it, and folders above it, may be made.
        busy_timeout: seconds to wait for another program's lock.
        now: Unix time for the record of a migration.
        private: open a copy instead, which takes every write and goes with its connection.

    Raises:
        LedgerError: it cannot be used; the message says why and what to do.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise LedgerError(
            f"SQLite {sqlite3.sqlite_version} is too old for a ledger, which takes 3.37; use a newer Python"
        )
    _find_or_make(path, create=create, private=private)
    try:
        open_file = copy_privately if private else connection.connect
        return open_file(path, schema, SQLiteConnection, busy_timeout=busy_timeout, now=now, create=create)
    except RefusedFileError as error:
        kind = NoLedgerError if error.refusal is Refusal.EMPTY else LedgerError
        raise kind(_refusal(error, path, schema.newest)) from None
    except sqlite3.Error as error:
        raise ledger_error(error, path, busy_timeout) from error


def ledger_error(error: sqlite3.Error, path: Path, busy_timeout: float) -> LedgerError:
    """``error`` as the ledger's own error, with its cause attached; ``busy_timeout`` is in seconds."""
    translated = LedgerError(f"the ledger {path} {_problem(error, busy_timeout)}")
    translated.__cause__ = error
    return translated


def _find_or_make(path: Path, *, create: bool, private: bool) -> None:
    """Make sure that there is a regular, writable file at ``path``; for a private copy it may be missing."""
    try:
        if create and private and not path.exists():
            return
        if create and not private:
            make_file(path)
        if not path.exists():
            raise NoLedgerError(no_ledger(path))
        if not path.is_file():
            raise NoLedgerError(f"the ledger {path} is a folder or a device; name a file with --ledger")
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


def no_ledger(path: Path | LedgerUrl) -> str:
    """The line for a ledger that is not there."""
    return (
        f"there is no ledger {path}: `{advise('upload')}` makes it; if it was lost, "
        f"`{advise('rebuild')}` makes it again from the store"
    )


def _refusal(error: RefusedFileError, path: Path, newest: int) -> str:
    match error.refusal:
        case Refusal.EMPTY:
            return no_ledger(path)
        case Refusal.FOREIGN:
            return f"{path} is a database, but not a ledger of objlib; choose another file with --ledger"
        case Refusal.NEWER:
            return (
                f"the ledger {path} is of version {error.version}, made by a newer objlib than this one, "
                f"which knows {newest}; upgrade objlib, or choose another with --ledger"
            )
        case Refusal.NO_WAL:
            return (
                f"the file system of the ledger {path} has no shared memory for SQLite's write-ahead log; "
                "choose a place on a local disk with --ledger"
            )


_ADVICE: Final = {
    sqlite3.SQLITE_READONLY: (
        "cannot be written: make the file and its folder writable, or choose another with --ledger"
    ),
    sqlite3.SQLITE_BUSY: (
        "has been locked by another program for more than {busy:g} s; wait until that is done, or end it, and try again"
    ),
    sqlite3.SQLITE_CORRUPT: "is damaged; put a copy back in its place, or move it away and start a new one",
    sqlite3.SQLITE_NOTADB: "is not an SQLite database; choose another file with --ledger",
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened: check that its folder can be written, or choose another with --ledger"
    ),
    sqlite3.SQLITE_IOERR: "cannot be read or written ({error}); check the disk it is on and try again",
    sqlite3.SQLITE_NOMEM: "got no memory from the system; end other programs and try again (what was recorded is safe)",
    sqlite3.SQLITE_INTERRUPT: "had a statement ended in its middle ({error}); nothing of it was recorded; run it again",
    sqlite3.SQLITE_NOLFS: "cannot grow: its file system takes no larger file; choose another with --ledger",
    sqlite3.SQLITE_CONSTRAINT: "refused a value ({error}); this is a mistake in the program, please report it",
}
"""A problem as a part of a sentence, by SQLite's code."""
_AS: Final = {
    sqlite3.SQLITE_PERM: sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_LOCKED: sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_PROTOCOL: sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_FORMAT: sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_ABORT: sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_MISMATCH: sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_TOOBIG: sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_RANGE: sqlite3.SQLITE_CONSTRAINT,
}
"""Codes that mean the same to the user as another one."""


def _problem(error: sqlite3.Error, busy_timeout: float) -> str:
    if isinstance(error, ClosedError):
        return str(error)
    if disk_is_full(error):
        return "cannot grow: the disk is full; free some space and try again (what was recorded is safe)"
    code = primary_code(error)
    # Python's module refuses some values itself, without a code.
    if code is None and isinstance(error, sqlite3.DataError | sqlite3.IntegrityError):
        code = sqlite3.SQLITE_CONSTRAINT
    advice = None if code is None else _ADVICE.get(_AS.get(code, code))
    if advice is None:
        return f"refused a statement ({error}); this is a mistake in the program, please report it"
    return advice.format(busy=busy_timeout, error=error)


@contextmanager
def server_driver(url: LedgerUrl) -> Iterator[None]:
    """Import the driver of a database within the block.

    Raises:
        LedgerError: it is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise LedgerError(
            f"the ledger {url} takes a driver that is not installed ({error}): pip install 'objlib[postgres]'"
        ) from error
