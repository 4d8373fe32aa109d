"""SQLite's errors, sorted: by result code, and by whether a transaction survives them."""

import sqlite3
from contextlib import suppress
from enum import Enum, auto
from typing import Final, TypeGuard

_STATEMENT_ONLY: Final = frozenset({
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_TOOBIG,
    sqlite3.SQLITE_RANGE,
    sqlite3.SQLITE_MISUSE,
})  # fmt: skip
"""Result codes that concern one statement and leave its transaction sound (sqlite.org/rescode.html)."""


class Refusal(Enum):
    """Why a file is not opened, though SQLite can read it."""

    EMPTY = auto()
    """It holds nothing, and may not be made."""
    FOREIGN = auto()
    """It is the database of another program."""
    NEWER = auto()
    """A newer program made it."""
    NO_WAL = auto()
    """Its file system has no shared memory for a write-ahead log."""


class RefusedFileError(Exception):
    """The file is not opened, and was not changed; its opener says so in its own words."""

    def __init__(self, refusal: Refusal, version: int = 0) -> None:
        super().__init__(refusal.name)
        self.refusal = refusal
        self.version = version


class ClosedError(sqlite3.ProgrammingError):
    """The database was used after its block."""


def primary_code(error: sqlite3.Error) -> int | None:
    """SQLite's primary result code: the low byte of the extended one. None for errors of Python's module."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else int(code) & 0xFF


def disk_is_full(error: sqlite3.Error) -> bool:
    """Whether there was no room to write; also by its text, since full-text tables have no code of their own for it."""
    return primary_code(error) == sqlite3.SQLITE_FULL or "disk is full" in str(error)


def is_fatal(error: Exception) -> TypeGuard[sqlite3.DatabaseError]:
    """Whether ``error`` puts the whole transaction in doubt, not only the statement that met it."""
    if not isinstance(error, sqlite3.DatabaseError):
        return False
    code = primary_code(error)
    return disk_is_full(error) or (code is not None and code not in _STATEMENT_ONLY)


def roll_back(conn: sqlite3.Connection) -> None:
    """Undo the open transaction, unless SQLite has done so by itself (as it may when the disk is full)."""
    if conn.in_transaction:
        with suppress(sqlite3.Error):  # what led here is reported, and says more
            conn.execute("ROLLBACK")
