"""Errors of SQLite by what they leave of a transaction."""

import sqlite3

import pytest

from objlib.capture import CapturedError
from objlib.sqlite.errors import disk_is_full, is_fatal, primary_code


def coded(kind: type[sqlite3.Error], code: int | None, text: str = "as SQLite puts it") -> sqlite3.Error:
    """An error with a result code, as the module sets it; None for an error of the module itself."""
    error = kind(text)
    if code is not None:
        error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "fatal"),
    [
        (coded(sqlite3.OperationalError, sqlite3.SQLITE_FULL), True),
        (coded(sqlite3.OperationalError, sqlite3.SQLITE_BUSY_SNAPSHOT), True),
        (coded(sqlite3.OperationalError, sqlite3.SQLITE_IOERR_WRITE), True),
        (coded(sqlite3.DatabaseError, sqlite3.SQLITE_CORRUPT), True),
        (coded(sqlite3.OperationalError, sqlite3.SQLITE_ERROR), False),
        (coded(sqlite3.IntegrityError, sqlite3.SQLITE_CONSTRAINT_UNIQUE), False),
        (coded(sqlite3.ProgrammingError, None), False),
        (ValueError("of the work, and not of the database"), False),
    ],
)
def test_an_error_is_fatal_where_it_puts_the_transaction_in_doubt(error: Exception, fatal: bool) -> None:
    assert is_fatal(error) is fatal


def test_a_full_disk_under_a_full_text_table_is_fatal_by_its_text() -> None:
    error = coded(sqlite3.OperationalError, sqlite3.SQLITE_ERROR, "database or disk is full")
    assert disk_is_full(error)
    assert is_fatal(error)


def test_an_extended_code_has_its_primary_code_in_the_low_byte() -> None:
    assert primary_code(coded(sqlite3.OperationalError, sqlite3.SQLITE_IOERR_WRITE)) == sqlite3.SQLITE_IOERR
    assert primary_code(coded(sqlite3.OperationalError, None)) is None


def test_a_captured_error_is_raised_once() -> None:
    captured = CapturedError()
    with captured:
        raise ZeroDivisionError
    assert isinstance(captured.error, ZeroDivisionError)
    with pytest.raises(ZeroDivisionError):
        captured.reraise()
    captured.reraise()
