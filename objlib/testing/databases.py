"""How tests and the harness reach the two databases with SQL of their own; nothing else does."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from objlib.commit_queue import CommitQueue
from objlib.ledger import Ledger


@contextmanager
def read_database(path: Path) -> Iterator[sqlite3.Connection]:
    """The ledger or the store at ``path``, for looking only: a statement that writes is refused."""
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("PRAGMA query_only = ON")
        yield conn


@contextmanager
def damage_database(path: Path) -> Iterator[sqlite3.Connection]:
    """The database at ``path``, for changes behind the back of the program; they commit at the end of the block."""
    with closing(sqlite3.connect(path)) as conn, conn:
        yield conn


def forget_sessions(store: Path, *, all_of_them: bool = False) -> None:
    """Delete the sessions of ended uploads, as the service does after some days."""
    with damage_database(store) as db:
        db.execute("DELETE FROM uploads" if all_of_them else "DELETE FROM uploads WHERE status <> 'active'")


def raw(ledger: Ledger) -> CommitQueue[Any]:
    """The group commit behind ``ledger``: for SQL of a test among the operations of an open ledger."""
    return ledger._database
