"""The switch to a write-ahead log, on file systems that make it hard."""

import sqlite3
from typing import cast

import pytest

from objlib.sqlite.connection import switch_to_wal
from objlib.sqlite.errors import RefusedFileError


class Obstinate:
    """A connection to a file system that refuses a write-ahead log, at first or for good."""

    def __init__(self, *answers: str | sqlite3.OperationalError) -> None:
        self.answers = list(answers)

    def execute(self, _: str) -> "Obstinate":
        return self

    def fetchone(self) -> tuple[str]:
        answer = self.answers.pop(0)
        if isinstance(answer, sqlite3.OperationalError):
            raise answer
        return (answer,)


def busy() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    return error


def switch(conn: Obstinate, busy_timeout: float) -> None:
    switch_to_wal(cast("sqlite3.Connection", conn), busy_timeout)


def test_the_switch_to_a_write_ahead_log_is_tried_until_the_time_is_up() -> None:
    conn = Obstinate(busy(), busy(), "wal", "delete", busy())
    switch(conn, 5)
    with pytest.raises(RefusedFileError, match="NO_WAL"):
        switch(conn, 5)
    with pytest.raises(sqlite3.OperationalError):
        switch(conn, 0)
    assert conn.answers == []
