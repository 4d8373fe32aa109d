"""A look into a store's file without opening it as a service."""

import sqlite3
from functools import partial
from pathlib import Path

from objlib.sqlite.private_copy import look_into


def holds_store(file: Path, name: str) -> bool:
    """Whether the file of an embedded store holds the store with this resource name; not if it cannot be read."""
    try:
        if not file.is_file():
            return False
        return look_into(file, partial(_has_store, name=name), busy_timeout=2.0)
    except (OSError, sqlite3.Error, ValueError):
        return False


def _has_store(db: sqlite3.Connection, name: str) -> bool:
    sql = "SELECT 1 FROM stores WHERE name = ? AND NOT deleted"
    return db.execute(sql, (name,)).fetchone() is not None
