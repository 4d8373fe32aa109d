"""Statements of a ledger about itself, read from outside: nothing is migrated, and nothing is left behind."""

import sqlite3
from pathlib import Path
from typing import Final

from objlib.core.config.known import LedgerIdentity
from objlib.core.library.paths import root_of_text, text_of_root
from objlib.ledger.schema import APPLICATION_ID
from objlib.ledger.settings import LEDGER_KEY, STORE_DISPLAY_KEY, STORE_KEY
from objlib.sqlite.private_copy import look_into

LIBRARY_KEY: Final = "library"
"""Setting that keeps the root folder of the ledger's library."""
LIBRARY_ID_KEY: Final = "library_id"
"""Setting that keeps the id of the ledger's library."""
SERVICE_KEY: Final = "service"
"""Setting that keeps the service whose documents the ledger records."""
EMBEDDED_KEY: Final = "embedded_store"
"""Setting that keeps the file of the embedded store, by its name alone where it lies beside the ledger."""
_BUSY_SECONDS: Final = 2.0


def identify(path: Path) -> LedgerIdentity | None:
    """The identity of the ledger at ``path``; None where there is none, or where it cannot be read."""
    try:
        if not path.is_file() or not path.stat().st_size:
            return None
        values = look_into(path, _read_settings, sqlite3.Connection, busy_timeout=_BUSY_SECONDS)
    except (OSError, sqlite3.Error, ValueError):
        return None
    if values is None:
        return None
    root, embedded = values.get(LIBRARY_KEY), values.get(EMBEDDED_KEY)
    return LedgerIdentity(
        root=None if root is None else root_of_text(root),
        library_id=values.get(LIBRARY_ID_KEY, ""),
        ledger_id=values.get(LEDGER_KEY, ""),
        service=values.get(SERVICE_KEY, ""),
        embedded=None if embedded is None else path.parent / root_of_text(embedded),
        store=values.get(STORE_KEY, ""),
        display_name=values.get(STORE_DISPLAY_KEY, ""),
    )


def _read_settings(conn: sqlite3.Connection) -> dict[str, str] | None:
    """The settings of a ledger; None if it is none."""
    if conn.execute("PRAGMA application_id").fetchone() != (APPLICATION_ID,):
        return None
    return dict(conn.execute("SELECT key, value FROM settings").fetchall())


def text_of_store(embedded: Path, ledger: Path) -> str:
    """The file of the embedded store as the ledger keeps it, so that both may move together."""
    text = text_of_root(embedded)
    return embedded.name if embedded.parent == ledger.parent and text == str(embedded) else text
