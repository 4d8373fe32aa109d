"""Snapshots: which changes of a dead process's folder the next process can see."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from objlib.testing.snapshot import LEDGER, LIBRARY, STORE, digest, restore_snapshot, take_snapshot


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder after os._exit: one of the two databases has everything in its write-ahead log."""
    living, dead = tmp_path / "living", tmp_path / "dead"
    (living / LIBRARY).mkdir(parents=True)
    (living / LIBRARY / "a.txt").write_text("a")
    with closing(sqlite3.connect(living / STORE)) as store, store:
        store.execute("CREATE TABLE documents (name)")
    with closing(sqlite3.connect(living / LEDGER, isolation_level=None)) as ledger:
        ledger.execute("PRAGMA journal_mode = WAL")
        ledger.execute("CREATE TABLE files (name)")
        ledger.execute("INSERT INTO files VALUES ('a.txt')")
        shutil.copytree(living, dead)  # before the connection is closed in good order
    assert (dead / f"{LEDGER}-wal").stat().st_size > 0
    return dead


def change(database: Path, statement: str) -> None:
    with closing(sqlite3.connect(database)) as db, db:
        db.execute(statement)


def test_a_page_in_the_log_or_in_the_file_makes_no_difference(folder: Path, tmp_path: Path) -> None:
    before = digest(folder, tmp_path / "scratch")
    assert (folder / f"{LEDGER}-wal").stat().st_size > 0, "a digest changes nothing"
    assert digest(folder, tmp_path / "scratch") == before
    change(folder / LEDGER, "PRAGMA wal_checkpoint(TRUNCATE)")
    assert not (folder / f"{LEDGER}-wal").exists()
    assert digest(folder, tmp_path / "scratch") == before


@pytest.mark.parametrize(
    ("database", "statement"),
    [
        (LEDGER, "UPDATE files SET name = 'b.txt'"),
        (LEDGER, "UPDATE files SET rowid = 7"),
        (LEDGER, "PRAGMA user_version = 2"),
        (STORE, "INSERT INTO documents VALUES ('d')"),
    ],
)
def test_every_page_makes_a_difference(folder: Path, tmp_path: Path, database: str, statement: str) -> None:
    before = digest(folder, tmp_path / "scratch")
    change(folder / database, statement)
    assert digest(folder, tmp_path / "scratch") != before


def test_everything_that_a_scan_can_see_makes_a_difference(folder: Path, tmp_path: Path) -> None:
    path = folder / LIBRARY / "a.txt"
    os.utime(path, ns=(1, 1))
    digests = [digest(folder, tmp_path / "scratch")]
    path.write_text("b")
    os.utime(path, ns=(1, 1))
    digests.append(digest(folder, tmp_path / "scratch"))
    os.utime(path, ns=(1, 2))
    digests.append(digest(folder, tmp_path / "scratch"))
    path = path.rename(path.with_name("c.txt"))
    digests.append(digest(folder, tmp_path / "scratch"))
    (other := path.with_name("other")).write_text("b")
    os.utime(other, ns=(1, 2))
    other.replace(path)
    digests.append(digest(folder, tmp_path / "scratch"))
    assert len(set(digests)) == len(digests)


def test_a_snapshot_is_restored(folder: Path, tmp_path: Path) -> None:
    before = digest(folder, tmp_path / "scratch")
    take_snapshot(folder, tmp_path / "snapshot")
    change(folder / LEDGER, "DELETE FROM files")
    (folder / f"{STORE}-wal").write_bytes(b"of a later run")
    restore_snapshot(tmp_path / "snapshot", folder)
    assert {path.name for path in folder.iterdir()} == {
        LIBRARY,
        LEDGER,
        f"{LEDGER}-wal",
        f"{LEDGER}-shm",
        STORE,
    }
    assert digest(folder, tmp_path / "scratch") == before


def test_an_unknown_file_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "ledger.lock").touch()
    with pytest.raises(ValueError, match=r"ledger\.lock"):
        digest(folder, tmp_path / "scratch")
