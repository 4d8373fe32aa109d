"""Reading a database of ours without a trace, for dry runs: no file beside it is made, and none of its bytes change.

SQLite makes files beside a database with a write-ahead log even for a connection that only reads
(sqlite.org/wal.html#readonly). Two of its options avoid that: ``readonly_shm`` where another process has the
database open, or had it when it died, and ``immutable`` elsewhere.

Everything here blocks and runs through a Runner.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple, TypeVar, cast

from objlib.sqlite.connection import require_schema
from objlib.sqlite.migrations import Schema

T = TypeVar("T")
C = TypeVar("C", bound=sqlite3.Connection)

_TRIES: Final = 5
"""Times that a file is read from the start which other processes open and close all the time."""


class Reading(NamedTuple):
    """A connection that only reads and leaves no trace.

    Attributes:
        before: what a process that opens the file to write changes; None where that may happen at any time,
            because SQLite's own locks hold.
    """

    conn: sqlite3.Connection
    path: Path
    before: tuple[object, ...] | None

    def check(self) -> None:
        """Check that everything that was read so far is of one moment.

        Raises:
            sqlite3.OperationalError: another process opened the file meanwhile.
        """
        if self.before is not None and self.before != _status(self.path):
            raise sqlite3.OperationalError("another process began to use it meanwhile; run this once more")


def lost_index(path: Path) -> bool:
    """Whether a dead process left a log without the file that SQLite finds its way in it with."""
    return _beside(path, "-wal").exists() and not _beside(path, "-shm").exists()


def read_unchanged(
    path: Path, factory: type[sqlite3.Connection] = sqlite3.Connection, *, busy_timeout: float
) -> Reading:
    """Open a database to read and leave everything as it is; not one with a :func:`lost_index`.

    Raises:
        sqlite3.Error: SQLite cannot read it so.
    """
    before = None if _beside(path, "-shm").exists() or not path.exists() else _status(path)
    option = "readonly_shm" if before is None else "immutable"
    conn = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro&{option}=1",
        uri=True,
        timeout=busy_timeout,
        isolation_level=None,
        check_same_thread=False,
        factory=factory,
    )
    return Reading(conn, path, before)


def look_into(
    path: Path,
    look: Callable[[C], T],
    factory: type[C],
    *,
    busy_timeout: float,
) -> T:
    """Read something from a database, and leave everything as it is; begun again where another process opens it.

    Raises:
        sqlite3.Error: SQLite cannot read it so.
    """
    for tries in range(1, _TRIES + 1):
        if lost_index(path):
            return _look_into_copy(path, look, factory)
        reading = read_unchanged(path, factory, busy_timeout=busy_timeout)
        with closing(reading.conn):
            try:
                result = look(cast("C", reading.conn))  # its factory made it
                reading.check()
            except sqlite3.DatabaseError:
                if tries == _TRIES or reading.before in (None, _status(path)):
                    raise
            else:
                return result
    raise AssertionError("the last try returns or raises")


def copy_privately(
    path: Path,
    schema: Schema,
    factory: type[C],
    *,
    busy_timeout: float,
    now: float,
    create: bool,
) -> C:
    """Copy the database at ``path`` into a private one, at the newest version, which goes with its connection.

    SQLite keeps it in memory, and what is too much for that in a file without a name.

    Args:
        path: the file.
        schema: what it holds.
        factory: the class of the connection.
        busy_timeout: seconds to wait for another program's lock.
        now: Unix time for the record of a migration.
        create: whether the copy of a file that is missing or empty is a new database.

    Raises:
        RefusedFileError: it is no file of ours, or not one that this program can use.
        sqlite3.Error: SQLite cannot read it.
    """
    conn = sqlite3.connect(
        "", timeout=busy_timeout, isolation_level=None, check_same_thread=False, factory=factory
    )
    try:
        if path.exists() or not create:
            look_into(
                path, lambda original: original.backup(conn), sqlite3.Connection, busy_timeout=busy_timeout
            )
        require_schema(conn, schema, create=create)
        conn.execute("PRAGMA foreign_keys = ON")
        schema.migrate(conn, now)
    except BaseException:
        conn.close()
        raise
    return conn


def _look_into_copy(path: Path, look: Callable[[C], T], factory: type[C]) -> T:
    """Look into a copy of a database with a :func:`lost_index`: SQLite would make that again beside the original."""
    with TemporaryDirectory() as folder:  # for its owner alone
        twin = Path(folder, "copy.db")
        shutil.copyfile(path, twin)
        shutil.copyfile(_beside(path, "-wal"), _beside(twin, "-wal"))
        with closing(sqlite3.connect(twin, factory=factory)) as conn:
            return look(conn)


def _status(path: Path) -> tuple[object, ...]:
    status = path.stat()
    log = [os.path.lexists(_beside(path, end)) for end in ("-wal", "-shm")]
    return (*log, status.st_ino, status.st_size, status.st_mtime_ns)


def _beside(path: Path, end: str) -> Path:
    return path.with_name(path.name + end)
