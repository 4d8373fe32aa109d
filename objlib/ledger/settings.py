"""What the ledger remembers of itself: the store it belongs to, and values the engine keeps between runs."""

import sqlite3
from pathlib import Path
from typing import Final

from objlib.core.errors import RefusedError

_STORE: Final = "pinned_store"
_DISPLAY: Final = "pinned_display"
_SIGHTINGS: Final = "sightings"


def get_setting(conn: sqlite3.Connection, key: str) -> str | None:
    """The value kept under ``key``."""
    found = conn.execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone()
    return None if found is None else str(found[0])


def set_setting(conn: sqlite3.Connection, key: str, value: str) -> None:
    """Keep ``value`` under ``key``."""
    conn.execute(
        "INSERT INTO settings (key, value) VALUES (?, ?)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, value),
    )


def sightings(conn: sqlite3.Connection) -> int:
    """How often it was recorded, by anyone, what files on disk are. Who looked at them before is out of date."""
    return int(get_setting(conn, _SIGHTINGS) or 0)


def sighted(conn: sqlite3.Connection) -> None:
    """Count that it was recorded what files on disk are; in the same transaction."""
    set_setting(conn, _SIGHTINGS, str(sightings(conn) + 1))


def pinned(conn: sqlite3.Connection) -> tuple[str, str] | None:
    """The store (resource name, display name) that this ledger belongs to."""
    store = get_setting(conn, _STORE)
    return None if store is None else (store, get_setting(conn, _DISPLAY) or "")


def pin(conn: sqlite3.Connection, path: Path, store: str, display: str) -> None:
    """Make this the ledger of ``store``, once and for all; its display name may change.

    Raises:
        RefusedError: it belongs to another store, whose documents it records.
    """
    known = pinned(conn)
    if known is not None and known[0] != store:
        raise RefusedError(
            f"the ledger {path} belongs to the store {known[0]} ({known[1]}), not to {store} ({display}); "
            "use that store with --store, or another ledger with --ledger"
        )
    set_setting(conn, _STORE, store)
    set_setting(conn, _DISPLAY, display)
