"""What a dead process leaves in its folder: kept, put back, and told apart by a digest."""

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
_KNOWN: Final = {f"{name}{end}" for name in (LEDGER, STORE) for end in ("", _WAL, "-shm")}


def keep(folder: Path, kept: Path) -> None:
    """Copy what processes change in ``folder`` to ``kept``. The library is left out: they only read it."""
    kept.mkdir()
    for path in _files(folder):
        shutil.copyfile(path, kept / path.name)


def put_back(kept: Path, folder: Path) -> None:
    """Make ``folder`` what it was at :func:`keep`.

    The library stays as it is, to the inode: a copy of it would not be the same to a scan.
    """
    for path in _files(folder):
        path.unlink()
    for path in _files(kept):
        shutil.copyfile(path, folder / path.name)


def digest(folder: Path, aside: Path) -> bytes:
    """A mark of everything durable in ``folder``: two folders with one mark are the same to the next process.

    It covers both databases page for page, as SQLite shows them after a death, and of the library what a scan
    can see, and the content. Left out is how much of a database stands in its write-ahead log, of which SQLite
    hides everything, and the ``-shm`` file, which the first to open a database makes anew.

    Args:
        folder: what a process left; nobody has a file of it open, and nothing in it is touched.
        aside: a path for copies, on which there is nothing yet and nothing afterwards.

    Raises:
        ValueError: there is a file of which it is not known what it means.
    """
    mark = hashlib.sha256()
    library = folder / LIBRARY
    for path in sorted(library.rglob("*")):
        name, seen = path.relative_to(library).as_posix(), path.stat()
        mark.update(repr((name, seen.st_ino, seen.st_mode, seen.st_size, seen.st_mtime_ns)).encode())
        if path.is_file():
            mark.update(path.read_bytes())
    unknown = {path.name for path in _files(folder)} - _KNOWN
    if unknown:
        raise ValueError(f"cannot compare what is in {sorted(unknown)}")
    aside.mkdir()
    for name in (LEDGER, STORE):
        for part in (name, name + _WAL):
            if (folder / part).exists():
                shutil.copyfile(folder / part, aside / part)
        mark.update(hashlib.sha256(_pages(aside / name)).digest())
    shutil.rmtree(aside)
    return mark.digest()


def _pages(database: Path) -> bytes:
    """The database in one piece: whoever closes it last takes over what its log holds."""
    with damage_database(database) as db:
        db.execute("PRAGMA synchronous = OFF")
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if database.with_name(database.name + _WAL).exists():
        raise ValueError(f"the log of {database.name} was not taken over")
    return database.read_bytes()


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in list(folder.iterdir()) if path.name != LIBRARY)
