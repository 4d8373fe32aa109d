"""Waiting for the write lock of another process: often, with equal chances, and within a limit."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest

from objlib.sqlite import write_lock as module
from objlib.sqlite.write_lock import write_lock


class Clock:
    """Time that passes only while someone waits; something may happen meanwhile."""

    def __init__(self, tries: int, then: Callable[[], object] = lambda: None) -> None:
        self.now = 100.0
        self.pauses: list[float] = []
        self._tries, self._then = tries, then

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
        if len(self.pauses) == self._tries:
            self._then()


def connect(path: Path) -> sqlite3.Connection:
    conn = sqlite3.connect(path, timeout=0.4, isolation_level=None)
    conn.execute("PRAGMA journal_mode = WAL")
    return conn


def timeout(conn: sqlite3.Connection) -> int:
    (milliseconds,) = conn.execute("PRAGMA  busy_timeout").fetchone()
    return cast("int", milliseconds)


def test_a_long_waiter_tries_as_often_as_one_that_has_just_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(connect(tmp_path / "x.db")) as holder, closing(connect(tmp_path / "x.db")) as waiter:
        holder.execute("BEGIN IMMEDIATE")
        clock = Clock(60, lambda: holder.execute("COMMIT"))
        monkeypatch.setattr(module, "time", clock)
        with write_lock(waiter):
            waiter.execute("CREATE TABLE t (x)")
            waiter.execute("COMMIT")
        assert len(clock.pauses) == 60
        assert 0 < min(clock.pauses) < max(clock.pauses) < 0.005
        assert len(set(clock.pauses)) > 30
        assert holder.execute("SELECT count(*) FROM t").fetchone() == (0,)
        assert timeout(waiter) == 400


def test_the_wait_ends_with_the_time_that_the_connection_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(connect(tmp_path / "x.db")) as holder, closing(connect(tmp_path / "x.db")) as waiter:
        holder.execute("BEGIN IMMEDIATE")
        clock = Clock(-1)
        monkeypatch.setattr(module, "time", clock)
        with pytest.raises(sqlite3.OperationalError, match="locked"), write_lock(waiter):
            pytest.fail("another connection holds the lock")
        assert 0.4 <= clock.now - 100 < 0.41
        assert timeout(waiter) == 400


def test_any_other_error_is_raised_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(connect(tmp_path / "x.db")) as conn:
        clock = Clock(-1)
        monkeypatch.setattr(module, "time", clock)
        conn.execute("BEGIN")
        with pytest.raises(sqlite3.OperationalError, match="transaction"), write_lock(conn):
            pytest.fail("a transaction was open")
        assert clock.pauses == []


def test_a_transaction_that_the_block_left_open_is_not_committed(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "x.db")) as conn, closing(connect(tmp_path / "x.db")) as other:
        conn.execute("CREATE TABLE t (x)")
        with write_lock(conn):
            conn.execute("INSERT INTO t VALUES (1)")  # without an end
        assert conn.in_transaction
        assert other.execute("SELECT count(*) FROM t").fetchone() == (0,)
        conn.execute("ROLLBACK")
