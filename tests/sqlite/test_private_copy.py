"""Reading without a trace: what a private copy holds, and what it leaves as it was."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from objlib.sqlite import connection, private_copy
from objlib.sqlite.errors import Refusal, RefusedFileError
from objlib.sqlite.migrations import Migration, Schema

OLD = Schema(0x1234, (Migration(1, "first", ("CREATE TABLE t (x)",)),))
NEW = Schema(0x1234, (*OLD.migrations, Migration(2, "second", ("CREATE TABLE u (y)",))))


def opened(path: Path, schema: Schema = NEW) -> sqlite3.Connection:
    return connection.connect(path, schema, sqlite3.Connection, busy_timeout=1, now=0)


def copied(path: Path, *, create: bool = False, schema: Schema = NEW) -> sqlite3.Connection:
    return private_copy.copy_privately(path, schema, sqlite3.Connection, busy_timeout=1, now=0, create=create)


def rows(conn: sqlite3.Connection) -> list[int]:
    return [x for (x,) in conn.execute("SELECT x FROM t ORDER BY x")]


def state(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file with its bytes and its time stamp."""
    return {each.name: (each.read_bytes(), each.stat().st_mtime_ns) for each in sorted(folder.iterdir())}


@contextmanager
def untouched(folder: Path) -> Iterator[None]:
    before = state(folder)
    yield
    assert state(folder) == before


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "private"
    folder.mkdir()
    with closing(opened(folder / "a.db")) as conn:
        conn.execute("INSERT INTO t VALUES (1)")
    return folder / "a.db"


def abandon(path: Path, twin: Path, *, index: bool) -> Path:
    """Files as a killed process leaves them; without ``index``, its shared memory is lost."""
    twin.mkdir()
    with closing(opened(path)) as conn:
        conn.execute("INSERT INTO t VALUES (2)")
        for end in ("", "-wal", "-shm") if index else ("", "-wal"):
            (twin / f"a.db{end}").write_bytes(path.with_name(f"a.db{end}").read_bytes())
    return twin / "a.db"


def test_a_copy_takes_writes_and_the_file_is_as_it_was(path: Path) -> None:
    with untouched(path.parent), closing(copied(path)) as copy:
        copy.execute("INSERT INTO t VALUES (2)")
        assert rows(copy) == [1, 2]


def test_a_missing_file_gives_an_empty_copy_and_is_not_made(tmp_path: Path) -> None:
    with untouched(tmp_path), closing(copied(tmp_path / "no" / "a.db", create=True)) as copy:
        assert rows(copy) == []
    with pytest.raises(sqlite3.Error):
        copied(tmp_path / "no" / "a.db").close()


def test_a_copy_of_an_older_file_is_migrated(tmp_path: Path) -> None:
    opened(tmp_path / "old.db", OLD).close()
    with untouched(tmp_path), closing(copied(tmp_path / "old.db")) as copy:
        assert copy.execute("SELECT count(*) FROM u").fetchone() == (0,)


def test_a_file_of_another_program_and_an_empty_one_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    with closing(sqlite3.connect(tmp_path / "foreign.db")) as conn:
        conn.execute("CREATE TABLE other (x)")
    for name, refusal in (("empty.db", Refusal.EMPTY), ("foreign.db", Refusal.FOREIGN)):
        with untouched(tmp_path), pytest.raises(RefusedFileError) as error:
            copied(tmp_path / name).close()
        assert error.value.refusal is refusal


@pytest.mark.parametrize("index", [True, False], ids=["with its index", "index lost"])
def test_a_dead_process_leaves_a_log_that_is_read_and_kept(path: Path, tmp_path: Path, index: bool) -> None:
    dead = abandon(path, tmp_path / "dead", index=index)
    with untouched(dead.parent), closing(copied(dead)) as copy:
        assert rows(copy) == [1, 2]


def test_a_file_that_another_process_writes_is_read_as_of_its_last_commit(path: Path) -> None:
    with closing(opened(path)) as other:
        other.execute("INSERT INTO t VALUES (2)")
        before = state(path.parent)
        with closing(copied(path)) as copy:
            assert rows(copy) == [1, 2]
        after = state(path.parent)
        # A process has the shared memory once, so that this one's writer lets the reader write its mark there.
        assert before.pop("a.db-shm") != after.pop("a.db-shm")
        assert after == before


def test_a_copy_begins_again_when_another_process_opens_the_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others: list[sqlite3.Connection] = []
    read = private_copy.read_unchanged

    def opened_meanwhile(
        path: Path, factory: type[sqlite3.Connection], *, busy_timeout: float
    ) -> private_copy.Reading:
        reading = read(path, busy_timeout=busy_timeout)
        if not others:
            others.append(opened(path))
            others[0].execute("INSERT INTO t VALUES (2)")
        return reading

    monkeypatch.setattr(private_copy, "read_unchanged", opened_meanwhile)
    with closing(copied(path)) as copy:
        assert rows(copy) == [1, 2]
    others[0].close()


def test_a_reading_that_another_process_disturbed_is_refused(path: Path) -> None:
    reading = private_copy.read_unchanged(path, busy_timeout=1)
    with closing(reading.conn):
        assert rows(reading.conn) == [1]
        reading.check()
        with closing(opened(path)) as other:
            other.execute("INSERT INTO t VALUES (2)")
        with pytest.raises(sqlite3.OperationalError, match="another process"):
            reading.check()


def test_a_reading_takes_no_write(path: Path) -> None:
    reading = private_copy.read_unchanged(path, busy_timeout=1)
    with closing(reading.conn), pytest.raises(sqlite3.OperationalError):
        reading.conn.execute("INSERT INTO t VALUES (2)")
