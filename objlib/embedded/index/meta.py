"""Numbers and names that the index keeps about itself."""

import sqlite3


def meta(db: sqlite3.Connection, key: str) -> str | None:
    """The value of a key; None if it was never set."""
    row = db.execute("SELECT value FROM index_meta WHERE key = ?", (key,)).fetchone()
    return str(row[0]) if row else None


def set_meta(db: sqlite3.Connection, key: str, value: str) -> None:
    """Set the value of a key; the caller holds a transaction."""
    db.execute("INSERT OR REPLACE INTO index_meta VALUES(?, ?)", (key, value))


def meta_number(db: sqlite3.Connection, key: str) -> int:
    """The value of a key that counts; 0 if it was never set."""
    return int(meta(db, key) or 0)


def bump(db: sqlite3.Connection, key: str) -> int:
    """Add one to a number, and return it; the caller holds a transaction."""
    value = meta_number(db, key) + 1
    set_meta(db, key, str(value))
    return value
