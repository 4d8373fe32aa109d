"""The temporary tables of one scan, under names of its own: several scans may share one connection."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Self

from objlib.ledger.database import LedgerConnection


class Look(IntEnum):
    """How much of a file the scan has to read."""

    SAME = 0
    """Nothing: its status is that of its row."""
    READ = 1
    """Its bytes."""
    RETURNED = 2
    """Nothing: its status is that of a row whose file was missing."""


class ChangeKind(StrEnum):
    """How disk and ledger differ over one file."""

    NEW = "new"
    CHANGED = "changed"
    RENAMED = "renamed"
    MISSING = "missing"
    RETURNED = "returned"
    DESCRIBED = "described"
    """Its bytes are the same, and other metadata follows from its path and head than did."""
    TOUCHED = "touched"
    """Only its status differs; not reported."""


@dataclass(frozen=True, slots=True)
class Tables:
    """Names of the tables.

    Attributes:
        seen: files on disk, each with the row that has its path, and what it was when it was read.
        blind: files and folders that could not be looked at.
        arrived: paths whose content is not that of their row, or that have no row.
        gone: rows whose content is no longer at their path, but at another.
        match: which of ``gone`` went to which of ``arrived``.
        plan: what has to be recorded, with what the row was when that was decided.
    """

    seen: str
    blind: str
    arrived: str
    gone: str
    match: str
    plan: str

    @classmethod
    def make(cls, conn: LedgerConnection, *, number: int) -> Self:
        """Make the tables of scan ``number`` of this process that are filled while it looks."""
        names = ("seen", "blind", "arrived", "gone", "match", "plan")
        tables = cls(*(f"{conn.dialect.temporary}.scan{number}_{name}" for name in names))
        tables.create(conn)
        return tables

    @staticmethod
    def row_at(path: str) -> str:
        """SQL for ``seq`` of the row at a path: the one on disk, else the one that went missing there last.

        Each SELECT names its condition on ``missing_since``, which the partial indices of ``files`` require.
        """
        return (
            f"coalesce((SELECT seq FROM files WHERE file_path = {path} AND missing_since IS NULL),"
            f" (SELECT seq FROM files WHERE file_path = {path} AND missing_since IS NOT NULL"
            " ORDER BY missing_since DESC, file_id DESC LIMIT 1))"
        )

    def unseen(self, path: str) -> str:
        """SQL for whether ``path`` (an expression) lies where the scan could not look."""
        return (
            f"EXISTS (SELECT 1 FROM {self.blind} b WHERE b.path = {path}"
            f" OR ({path} > b.path || '/' AND {path} < b.path || '0'))"
        )

    def create(self, conn: LedgerConnection) -> None:
        """Make the tables that are filled while the scan looks."""
        ddl = conn.dialect.ddl
        conn.execute(
            ddl(f"""
            CREATE TABLE {self.seen} (
                seq INTEGER PRIMARY KEY,
                path TEXT NOT NULL UNIQUE,
                path_bytes BLOB,
                size INTEGER NOT NULL,
                mtime_ns INTEGER NOT NULL,
                inode INTEGER NOT NULL,
                ctime_ns INTEGER NOT NULL,
                file_id TEXT,
                look INTEGER NOT NULL,
                content_hash TEXT,
                mime_type TEXT,
                metadata_json TEXT,
                failure_info TEXT
            )
            """)
        )
        conn.execute(ddl(f"CREATE TABLE {self.blind} (path TEXT PRIMARY KEY) WITHOUT ROWID"))

    def create_comparison(self, conn: LedgerConnection) -> None:
        """Make the tables that are filled by comparing."""
        ddl = conn.dialect.ddl
        conn.execute(f"{conn.dialect.index_on(self.seen, 'row')} (file_id) WHERE file_id IS NOT NULL")
        for table in (self.seen, self.blind):
            conn.dialect.measure(conn, table)
        for table, key in ((self.arrived, "path"), (self.gone, "file_id")):
            conn.execute(
                ddl(
                    f"CREATE TABLE {table} ({key} TEXT PRIMARY KEY, {'occupant' if key == 'path' else 'path'} TEXT,"
                    " content_hash TEXT NOT NULL, inode INTEGER NOT NULL, base TEXT NOT NULL,"
                    " late INTEGER NOT NULL) WITHOUT ROWID"
                )
            )
        conn.execute(ddl(f"CREATE TABLE {self.match} (file_id TEXT PRIMARY KEY, path TEXT NOT NULL UNIQUE)"))
        conn.execute(
            ddl(f"""
            CREATE TABLE {self.plan} (
                seq INTEGER PRIMARY KEY,
                kind TEXT NOT NULL,
                path TEXT NOT NULL,
                file_id TEXT,
                was_path TEXT,
                was_hash TEXT,
                was_mtime INTEGER,
                done INTEGER NOT NULL DEFAULT 0
            )
            """)
        )

    def drop(self, conn: LedgerConnection) -> None:
        """Drop whatever there is of the tables."""
        for table in (self.plan, self.match, self.gone, self.arrived, self.blind, self.seen):
            conn.execute(f"DROP TABLE IF EXISTS {table}")
