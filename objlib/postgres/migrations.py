"""Making a schema ours, and bringing an older one up to date: under a lock, all of it in one transaction."""

from collections.abc import Sequence
from enum import Enum, auto
from typing import Final, NamedTuple

from psycopg.sql import SQL, Identifier

from objlib.postgres.session import Session, SessionConnection

OLDEST_SERVER: Final = 130000
"""PostgreSQL 13, the oldest version that its makers still mended in 2025."""

_BOOKS: Final = (
    """
    CREATE TABLE operations (
        operation_id TEXT NOT NULL PRIMARY KEY,
        fenced BOOLEAN NOT NULL,
        at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
    )
    """,
    "CREATE INDEX operations_at ON operations (at)",
)
"""Tables of this room: which transactions are committed, or never can be."""
_KEPT: Final = "DELETE FROM operations WHERE at < clock_timestamp() - interval '1 day'"
"""A lost answer is asked for within minutes."""


class Step(NamedTuple):
    """One migration: its statements and its record commit together."""

    version: int
    name: str
    statements: tuple[str, ...]


class Refused(Enum):
    """Why a schema is not used, though the server can read it."""

    ABSENT = auto()
    FOREIGN = auto()
    NEWER = auto()
    OLD_SERVER = auto()


class RefusedSchemaError(Exception):
    """The schema is not used, and was not changed; its opener says so in its own words."""

    def __init__(self, refused: Refused, version: int = 0) -> None:
        super().__init__(refused.name)
        self.refused = refused
        self.version = version


def migrate(session: Session[SessionConnection], steps: Sequence[Step], *, create: bool, now: float) -> None:
    """Bring the session's schema to the newest version; nothing is locked where nothing is to be done.

    Raises:
        RefusedSchemaError: it is no schema of ours, or not one that this program can use.
        psycopg.Error: the server refuses.
    """
    conn = session.connect()
    if conn.native.info.server_version < OLDEST_SERVER:
        raise RefusedSchemaError(Refused.OLD_SERVER, conn.native.info.server_version // 10000)
    if read_version(conn, session.schema, steps[-1].version) < steps[-1].version:
        with conn.native.transaction():
            conn.execute("SELECT pg_advisory_xact_lock(?)", (session.key,))
            _migrate(conn, session.schema, steps, create=create, now=now)
    elif conn.execute("SELECT has_table_privilege('operations', 'DELETE')").fetchone() == (True,):
        conn.script(_KEPT)


def _migrate(
    conn: SessionConnection, schema: str, steps: Sequence[Step], *, create: bool, now: float
) -> None:
    version = read_version(conn, schema, steps[-1].version)
    if not version and not create:
        raise RefusedSchemaError(Refused.ABSENT)
    if not version:
        if not _exists(conn, schema):
            conn.native.execute(SQL("CREATE SCHEMA {}").format(Identifier(schema)))
        for statement in _BOOKS:
            conn.script(statement)
    for step in steps:
        if step.version > version:
            for statement in step.statements:
                conn.script(statement)
            conn.execute("INSERT INTO migrations VALUES (?, ?, ?)", (step.version, step.name, now))


def read_version(conn: SessionConnection, schema: str, newest: int) -> int:
    """The version of a schema; 0 where there is none, or nothing is in it.

    Raises:
        RefusedSchemaError: something else is in it, or a newer program made it.
    """
    (tables, ours) = conn.execute(
        "SELECT count(*), count(*) FILTER (WHERE tablename IN ('operations', 'migrations', 'files'))"
        " FROM pg_catalog.pg_tables WHERE schemaname = ?",
        (schema,),
    ).fetchone() or (0, 0)
    if not tables:
        return 0
    if ours != 3:
        raise RefusedSchemaError(Refused.FOREIGN)
    (version,) = conn.execute("SELECT max(version) FROM migrations").fetchone() or (0,)
    if version > newest:
        raise RefusedSchemaError(Refused.NEWER, version)
    return int(version)


def _exists(conn: SessionConnection, schema: str) -> bool:
    return (
        conn.execute("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = ?", (schema,)).fetchone()
        is not None
    )
