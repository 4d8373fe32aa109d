"""Snapshots of the folder of a dead process, and a digest that compares two of them."""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from objlib.testing.databases import damage_database

LIBRARY: Final = "library"
LEDGER: Final = "ledger.db"
STORE: Final = "store.db"
_WAL: Final = "-wal"
_DATABASE_FILES: Final = {f"{name}{end}" for name in (LEDGER, STORE) for end in ("", _WAL, "-shm")}


def take_snapshot(folder: Path, snapshot: Path) -> None:
    """Copy the files that processes change; they only read the library."""
    snapshot.mkdir()
    for path in _files(folder):
        shutil.copyfile(path, snapshot / path.name)


def restore_snapshot(snapshot: Path, folder: Path) -> None:
    """Restore ``folder`` as it was at :func:`take_snapshot`.

    The library stays, to the inode: a scan would see a copy as changed.
    """
    for path in _files(folder):
        path.unlink()
    for path in _files(snapshot):
        shutil.copyfile(path, folder / path.name)


def digest(folder: Path, scratch: Path) -> bytes:
    """Hash everything durable in ``folder``: with equal digests the next process finds the same state.

    It covers both databases page by page, as SQLite shows them after a death, and the names, stat and bytes of the
    library. It leaves out the split of a database between its file and its write-ahead log, which SQLite hides,
    and the ``-shm`` file, which the first connection makes anew.

    Args:
        folder: the folder of a dead process; no process has a file of it open, and nothing in it changes.
        scratch: a path for copies; nothing is there before and after.

    Raises:
        ValueError: the folder has an unknown file.
    """
    hashed = hashlib.sha256()
    library = folder / LIBRARY
    for path in sorted(library.rglob("*")):
        name, seen = path.relative_to(library).as_posix(), path.stat()
        hashed.update(repr((name, seen.st_ino, seen.st_mode, seen.st_size, seen.st_mtime_ns)).encode())
        if path.is_file():
            hashed.update(path.read_bytes())
    unknown = {path.name for path in _files(folder)} - _DATABASE_FILES
    if unknown:
        raise ValueError(f"cannot compare what is in {sorted(unknown)}")
    scratch.mkdir()
    for name in (LEDGER, STORE):
        for part in (name, name + _WAL):
            if (folder / part).exists():
                shutil.copyfile(folder / part, scratch / part)
        hashed.update(hashlib.sha256(_pages(scratch / name)).digest())
    shutil.rmtree(scratch)
    return hashed.digest()


def _pages(database: Path) -> bytes:
    """Read the whole database: the last connection to close moves the log into the file."""
    with damage_database(database) as db:
        db.execute("PRAGMA synchronous = OFF")
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if database.with_name(database.name + _WAL).exists():
        raise ValueError(f"the log of {database.name} did not move into its file")
    return database.read_bytes()


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in list(folder.iterdir()) if path.name != LIBRARY)
