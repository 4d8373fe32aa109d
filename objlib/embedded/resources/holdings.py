"""A look into a store's file without opening it as a service. A file that cannot be read holds nothing."""

import json
import sqlite3
from functools import partial
from pathlib import Path

from objlib.sqlite.private_copy import look_into


def holds_store(file: Path, name: str) -> bool:
    """Whether the file of an embedded store holds the store with this resource name."""
    return bool(_count(file, "FROM stores WHERE name = ? AND NOT deleted", name))


def documents_named(file: Path, display_name: str) -> int:
    """How many documents the file holds in stores with this display name."""
    stores = "SELECT store_id FROM stores WHERE display_name = ? AND NOT deleted"
    return _count(file, f"FROM documents WHERE store_id IN ({stores})", display_name)


def tagged_values(file: Path, display_name: str, key: str) -> set[str]:
    """The values under ``key`` in the metadata of the documents in stores with this display name."""
    stores = "SELECT store_id FROM stores WHERE display_name = ? AND NOT deleted"
    source = f"FROM documents WHERE store_id IN ({stores})"
    look = partial(_values, source=source, value=display_name, key=key)
    try:
        if file.is_file():
            return look_into(file, look, sqlite3.Connection, busy_timeout=2.0)
    except (OSError, sqlite3.Error, ValueError):
        pass
    return set()


def _values(db: sqlite3.Connection, source: str, value: str, key: str) -> set[str]:
    rows = db.execute(f"SELECT metadata {source}", (value,))
    return {str(json.loads(text).get(key, "")) for (text,) in rows}


def _count(file: Path, source: str, value: str) -> int:
    try:
        if not file.is_file():
            return 0
        return look_into(
            file, partial(_rows, source=source, value=value), sqlite3.Connection, busy_timeout=2.0
        )
    except (OSError, sqlite3.Error, ValueError):
        return 0


def _rows(db: sqlite3.Connection, source: str, value: str) -> int:
    return int(db.execute(f"SELECT count(*) {source}", (value,)).fetchone()[0])
