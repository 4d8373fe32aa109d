"""Numbered migrations: what makes a file ours, and how an older one is brought up to date.

The version is ``user_version`` in SQLite's header, the program is ``application_id``. A migration that has
shipped is never edited: a change of a table is a new migration at the end.
"""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from objlib.sqlite.errors import Refusal, RefusedFileError, roll_back


@dataclass(frozen=True, slots=True)
class Migration:
    """One step from version ``version - 1``: its statements and its record commit together."""

    version: int
    name: str
    statements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Schema:
    """The schema of one program's file.

    Attributes:
        application_id: how the file is told from any other database.
        migrations: all of them, oldest first, versions 1, 2, 3, …
        record: SQL that records a migration, given its version, its name and the Unix time; none where empty.
        functions: pure functions that the statements call, by name.
    """

    application_id: int
    migrations: tuple[Migration, ...]
    record: str = ""
    functions: Mapping[str, Callable[..., str]] = field(default_factory=dict)

    @property
    def newest(self) -> int:
        """The version that the migrations lead to."""
        return self.migrations[-1].version

    def read_version(self, conn: sqlite3.Connection) -> int:
        """The file's version, all of it read at one moment: another process may be making the file just now.

        Raises:
            RefusedFileError: it is another program's file, or a newer program made it.
        """
        conn.execute("BEGIN")
        try:
            return self._version(conn)
        finally:
            roll_back(conn)

    def migrate(self, conn: sqlite3.Connection, now: float) -> None:
        """Bring the file to the newest version. Waits for no writer where nothing is to be done."""
        while self.read_version(conn) < self.newest:
            self.migrate_once(conn, now)

    def migrate_once(self, conn: sqlite3.Connection, now: float) -> None:
        """Take the next step, unless another process has just taken it: decided under the write lock."""
        for name, function in self.functions.items():
            conn.create_function(name, -1, function, deterministic=True)
        conn.execute("BEGIN IMMEDIATE")
        try:
            version = self._version(conn)
            step = next((step for step in self.migrations if step.version == version + 1), None)
            if step is not None:
                for statement in step.statements:
                    conn.execute(statement)
                if self.record:
                    conn.execute(self.record, (step.version, step.name, now))
                # Pragmas take no parameters; both numbers are our own, and both are part of the transaction.
                conn.execute(f"PRAGMA application_id = {self.application_id}")
                conn.execute(f"PRAGMA user_version = {step.version}")
            conn.execute("COMMIT")
        except BaseException:
            roll_back(conn)
            raise

    def _version(self, conn: sqlite3.Connection) -> int:
        """The file's version; 0 for an empty database. The caller holds a transaction."""
        (application,) = conn.execute("PRAGMA application_id").fetchone()
        (version,) = conn.execute("PRAGMA user_version").fetchone()
        if application != self.application_id:
            (things,) = conn.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if application or version or things:
                raise RefusedFileError(Refusal.FOREIGN)
        if version > self.newest:
            raise RefusedFileError(Refusal.NEWER, version)
        return int(version)
