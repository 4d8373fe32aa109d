"""How tests and the harness reach the two databases with SQL of their own; nothing else does."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from objlib.commit_queue import CommitQueue
from objlib.core.config.ledger_url import LedgerUrl
from objlib.ledger import Ledger


@contextmanager
def read_database(place: Path | LedgerUrl) -> Iterator[Any]:
    """The ledger or the store at ``place``, for looking only: a statement that writes is refused."""
    if isinstance(place, LedgerUrl):
        with _session(place) as conn:
            conn.execute("SET default_transaction_read_only = on")
            yield conn
        return
    with closing(sqlite3.connect(place)) as conn:
        conn.execute("PRAGMA query_only = ON")
        yield conn


@contextmanager
def damage_database(place: Path | LedgerUrl) -> Iterator[Any]:
    """The database at ``place``, for changes behind the back of the program; they commit at the end of the block."""
    if isinstance(place, LedgerUrl):
        with _session(place) as conn, conn.native.transaction():
            yield conn
        return
    with closing(sqlite3.connect(place)) as conn, conn:
        yield conn


@contextmanager
def _session(url: LedgerUrl) -> Iterator[Any]:
    from objlib.ledger.dialects.postgres import PostgresConnection
    from objlib.postgres.session import Session

    session = Session(url.conninfo, url.schema, PostgresConnection, busy_timeout=5)
    try:
        yield session.connect()
    finally:
        session.drop()


def forget_sessions(store: Path, *, all_of_them: bool = False) -> None:
    """Delete the sessions of ended uploads, as the service does after some days."""
    with damage_database(store) as db:
        db.execute("DELETE FROM uploads" if all_of_them else "DELETE FROM uploads WHERE status <> 'active'")


def raw(ledger: Ledger) -> CommitQueue[Any]:
    """The group commit behind ``ledger``: for SQL of a test among the operations of an open ledger."""
    return ledger._database
