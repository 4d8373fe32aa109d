"""SQLite's errors as one line for a person: what happened, to which file, what to do."""

import sqlite3
from pathlib import Path
from typing import Final, TypeGuard

from objlib.core.errors import LedgerError

_STATEMENT_ONLY: Final = frozenset({
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_TOOBIG,
    sqlite3.SQLITE_RANGE,
    sqlite3.SQLITE_MISUSE,
})  # fmt: skip
"""Result codes that concern one statement and leave its transaction sound (sqlite.org/rescode.html)."""


def primary_code(error: sqlite3.Error) -> int | None:
    """SQLite's primary result code: the low byte of the extended one. None for errors of Python's module."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else int(code) & 0xFF


def is_fatal(error: Exception) -> TypeGuard[sqlite3.DatabaseError]:
    """Whether ``error`` puts the whole transaction in doubt, not only the statement that met it."""
    if not isinstance(error, sqlite3.DatabaseError):
        return False
    code = primary_code(error)
    return code is not None and code not in _STATEMENT_ONLY


def ledger_error(error: sqlite3.Error, path: Path, busy_timeout: float) -> LedgerError:
    """``error`` as the ledger's own error, with its cause attached.

    Args:
        error: what SQLite said.
        path: the ledger's file.
        busy_timeout: how long a lock was waited for, in seconds.
    """
    translated = LedgerError(f"the ledger {path} {_what_happened(error, busy_timeout)}")
    translated.__cause__ = error
    return translated


def for_caller(error: Exception, path: Path, busy_timeout: float) -> Exception:
    """``error`` as the caller of a failed operation gets it.

    What concerns the values of a statement (a broken constraint, a type that SQLite does not know) stays as it
    is; what concerns the database becomes a :class:`LedgerError`.
    """
    if is_fatal(error) or isinstance(error, sqlite3.OperationalError):
        return ledger_error(error, path, busy_timeout)
    return error


def _what_happened(error: sqlite3.Error, busy_timeout: float) -> str:
    match primary_code(error):
        case sqlite3.SQLITE_FULL:
            return "cannot grow: the disk is full; free some space and try again (what was recorded is safe)"
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return "cannot be written: make the file and its folder writable, or choose another with --ledger"
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return (
                f"has been locked by another program for more than {busy_timeout:g} s; "
                "wait until that is done, or end it, and try again"
            )
        case sqlite3.SQLITE_CORRUPT:
            return "is damaged; put a copy back in its place, or move it away and start a new one"
        case sqlite3.SQLITE_NOTADB:
            return "is not an SQLite database; choose another file with --ledger"
        case sqlite3.SQLITE_CANTOPEN:
            return "cannot be opened: check that its folder can be written, or choose another with --ledger"
        case sqlite3.SQLITE_IOERR:
            return f"cannot be read or written ({error}); check the disk it is on and try again"
        case _:
            return f"refused a statement ({error}); this is a mistake in the program, please report it"
