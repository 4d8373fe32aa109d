"""A look into a store's file without opening it as a service."""

import sqlite3
from contextlib import closing
from pathlib import Path


def holds_store(file: Path, name: str) -> bool:
    """Whether the file of an embedded store holds the store with this resource name; not if it cannot be read."""
    try:
        if not file.is_file():
            return False
        uri = f"{file.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(uri, uri=True, timeout=2.0)) as db:
            row = db.execute("SELECT 1 FROM stores WHERE name = ? AND NOT deleted", (name,)).fetchone()
    except (OSError, sqlite3.Error, ValueError):
        return False
    return row is not None
