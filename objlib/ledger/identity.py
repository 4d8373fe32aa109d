"""Statements of a ledger about itself, read from outside: nothing is migrated, and nothing is left behind."""

import json
import platform
import sqlite3
from pathlib import Path
from typing import Final

from objlib.core.config.known import LedgerIdentity
from objlib.core.config.ledger_url import LedgerUrl
from objlib.core.library.paths import root_of_text, text_of_root
from objlib.ledger.schema import APPLICATION_ID
from objlib.ledger.settings import LEDGER_KEY, STORE_DISPLAY_KEY, STORE_KEY
from objlib.ledger.store_deletions import STORE_DELETIONS_KEY
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


def library_key(place: Path | LedgerUrl) -> str:
    """The setting that keeps the root folder: a ledger in a database has one for each machine."""
    return LIBRARY_KEY if isinstance(place, Path) else f"{LIBRARY_KEY}@{platform.node()}"


def identify(place: Path | LedgerUrl) -> LedgerIdentity | None:
    """The identity of the ledger at ``place``; None where there is none, or where it cannot be read."""
    if isinstance(place, Path):
        return _identify_file(place)
    try:
        from objlib.ledger.server import read_settings
    except ImportError:
        return None
    values = read_settings(place)
    return None if values is None else _identity(values, library_key(place), Path())


def _identify_file(path: Path) -> LedgerIdentity | None:
    try:
        if not path.is_file() or not path.stat().st_size:
            return None
        values = look_into(path, _read_settings, sqlite3.Connection, busy_timeout=_BUSY_SECONDS)
    except (OSError, sqlite3.Error, ValueError):
        return None
    return None if values is None else _identity(values, LIBRARY_KEY, path.parent)


def _identity(values: dict[str, str], key: str, folder: Path) -> LedgerIdentity:
    root, embedded = values.get(key), values.get(EMBEDDED_KEY)
    return LedgerIdentity(
        root=None if root is None else root_of_text(root),
        library_id=values.get(LIBRARY_ID_KEY, ""),
        ledger_id=values.get(LEDGER_KEY, ""),
        service=values.get(SERVICE_KEY, ""),
        embedded=None if embedded is None else folder / root_of_text(embedded),
        store=values.get(STORE_KEY, ""),
        display_name=values.get(STORE_DISPLAY_KEY, ""),
        deleting=values.get(STORE_KEY, "") in json.loads(values.get(STORE_DELETIONS_KEY, "{}")),
    )


def _read_settings(conn: sqlite3.Connection) -> dict[str, str] | None:
    """The settings of a ledger; None if it is none."""
    if conn.execute("PRAGMA application_id").fetchone() != (APPLICATION_ID,):
        return None
    return dict(conn.execute("SELECT key, value FROM settings").fetchall())


def text_of_store(embedded: Path, ledger: Path | LedgerUrl) -> str:
    """The file of the embedded store as the ledger keeps it, so that both may move together."""
    text = text_of_root(embedded)
    if not isinstance(ledger, Path):
        return text
    return embedded.name if embedded.parent == ledger.parent and text == str(embedded) else text


def ledger_exists(place: Path | LedgerUrl) -> bool:
    """Whether there is a ledger at ``place``."""
    return place.exists() if isinstance(place, Path) else identify(place) is not None
