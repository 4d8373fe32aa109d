"""What a dead process leaves: what makes two folders the same to the next process, and what does not."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from objlib.testing.snapshot import LEDGER, LIBRARY, STORE, digest, keep, put_back


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two databases, of which one has everything in its log, as a process leaves it that ends by os._exit."""
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


def test_where_sqlite_keeps_a_page_makes_no_difference(folder: Path, tmp_path: Path) -> None:
    before = digest(folder, tmp_path / "aside")
    assert (folder / f"{LEDGER}-wal").stat().st_size > 0, "it only looks"
    assert digest(folder, tmp_path / "aside") == before
    change(folder / LEDGER, "PRAGMA wal_checkpoint(TRUNCATE)")
    assert not (folder / f"{LEDGER}-wal").exists()
    assert digest(folder, tmp_path / "aside") == before


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
    before = digest(folder, tmp_path / "aside")
    change(folder / database, statement)
    assert digest(folder, tmp_path / "aside") != before


def test_what_a_scan_can_see_makes_a_difference(folder: Path, tmp_path: Path) -> None:
    path = folder / LIBRARY / "a.txt"
    os.utime(path, ns=(1, 1))
    marks = [digest(folder, tmp_path / "aside")]
    path.write_text("b")
    os.utime(path, ns=(1, 1))
    marks.append(digest(folder, tmp_path / "aside"))
    os.utime(path, ns=(1, 2))
    marks.append(digest(folder, tmp_path / "aside"))
    path = path.rename(path.with_name("c.txt"))
    marks.append(digest(folder, tmp_path / "aside"))
    (other := path.with_name("other")).write_text("b")
    os.utime(other, ns=(1, 2))
    other.replace(path)
    marks.append(digest(folder, tmp_path / "aside"))
    assert len(set(marks)) == len(marks)


def test_what_was_kept_is_put_back(folder: Path, tmp_path: Path) -> None:
    before = digest(folder, tmp_path / "aside")
    keep(folder, tmp_path / "kept")
    change(folder / LEDGER, "DELETE FROM files")
    (folder / f"{STORE}-wal").write_bytes(b"of a later life")
    put_back(tmp_path / "kept", folder)
    assert {path.name for path in folder.iterdir()} == {
        LIBRARY,
        LEDGER,
        f"{LEDGER}-wal",
        f"{LEDGER}-shm",
        STORE,
    }
    assert digest(folder, tmp_path / "aside") == before


def test_a_file_that_it_does_not_know_is_not_passed_over(folder: Path, tmp_path: Path) -> None:
    (folder / "ledger.lock").touch()
    with pytest.raises(ValueError, match=r"ledger\.lock"):
        digest(folder, tmp_path / "aside")
