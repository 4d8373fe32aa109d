"""Settings of the ledger: the store it belongs to, and values that the engine keeps between runs."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from objlib.core.config.ledger_url import LedgerUrl
from objlib.core.errors import RefusedError
from objlib.core.ids import new_id
from objlib.ledger.database import LedgerConnection
from objlib.ledger.leases import Lease, require_lease
from objlib.ledger.table import Table, command, query, stamped

LEDGER_KEY: Final = "ledger_id"
"""Setting that keeps the id by which the ledger tags its documents."""

STORE_KEY: Final = "pinned_store"
"""Setting that keeps the resource name of the ledger's store."""
STORE_DISPLAY_KEY: Final = "pinned_display"
"""Setting that keeps the display name of the ledger's store."""
LAST_SUCCESS_KEY: Final = "last_success"
"""Setting that keeps when a run last left nothing to do, in Unix seconds."""
MODEL_KEY: Final = "embedding_model"
"""Setting that keeps the embedding model of the ledger's store; ledgers of earlier versions have none."""
DRIFT_KEY: Final = "last_drift"
"""Setting that keeps when store and ledger were last compared as a whole, and the differences by kind."""
_ADOPTED: Final = "adopted_ledgers"
_SCAN_GENERATION: Final = "sightings"
_UNREADABLE: Final = "unreadable"


class SettingTable(Table):
    """Values by key."""

    @query
    def get(conn: LedgerConnection, key: str) -> str | None:
        """The value kept under ``key``."""
        row = conn.execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    @command
    def set(conn: LedgerConnection, key: str, value: str) -> None:
        """Keep ``value`` under ``key``."""
        conn.execute(
            "INSERT INTO settings (key, value) VALUES (?, ?)"
            " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, value),
        )

    @query
    def unreadable(conn: LedgerConnection) -> list[tuple[str, str]]:
        """(path, reason) of what the last scan could not look at."""
        return [(path, reason) for path, reason in json.loads(SettingTable.get(conn, _UNREADABLE) or "[]")]

    @command
    def set_under(conn: LedgerConnection, lease: Lease | None, key: str, value: str) -> None:
        """Keep ``value`` under ``key``, as the work of the holder of ``lease``.

        Raises:
            LostLeaseError: another run holds it by now.
        """
        require_lease(conn, lease)
        SettingTable.set(conn, key, value)

    @command
    def set_unreadable(
        conn: LedgerConnection, entries: Sequence[tuple[str, str]], *, lease: Lease | None = None
    ) -> None:
        """Keep what a scan could not look at; ``lease`` as for :meth:`set_under`."""
        SettingTable.set_under(conn, lease, _UNREADABLE, json.dumps(entries))

    @stamped
    def ledger_id(conn: LedgerConnection, now: float) -> str:
        """The id by which this ledger tags its documents; made once."""
        conn.execute(
            "INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO NOTHING",
            (LEDGER_KEY, new_id(now)),
        )
        (value,) = conn.execute("SELECT value FROM settings WHERE key = ?", (LEDGER_KEY,)).fetchone()
        return str(value)

    @query
    def adopted(conn: LedgerConnection) -> frozenset[str]:
        """The ids of lost ledgers whose documents this one took over."""
        return frozenset(json.loads(SettingTable.get(conn, _ADOPTED) or "[]"))

    @command
    def adopt(conn: LedgerConnection, ledger_id: str) -> None:
        """Take the documents of a lost ledger over."""
        SettingTable.set(conn, _ADOPTED, json.dumps(sorted({*SettingTable.adopted(conn), ledger_id})))

    @query
    def pinned(conn: LedgerConnection) -> tuple[str, str] | None:
        """The store (resource name, display name) that this ledger belongs to."""
        store = SettingTable.get(conn, STORE_KEY)
        return None if store is None else (store, SettingTable.get(conn, STORE_DISPLAY_KEY) or "")

    @command
    def pin(
        conn: LedgerConnection, store: str, display: str, *, ledger: Path | LedgerUrl, model: str = ""
    ) -> None:
        """Make this the ledger of ``store``, once and for all; its display name may change.

        Raises:
            RefusedError: it belongs to another store, whose documents it records.
        """
        pinned = SettingTable.pinned(conn)
        if pinned is not None and pinned[0] != store:
            raise RefusedError(
                f"the ledger {ledger} belongs to the store {pinned[0]} ({pinned[1]}), not to {store} ({display}); "
                "use that store with --store, or another ledger with --ledger"
            )
        SettingTable.set(conn, STORE_KEY, store)
        SettingTable.set(conn, STORE_DISPLAY_KEY, display)
        if model:
            SettingTable.set(conn, MODEL_KEY, model)


def scan_generation(conn: LedgerConnection) -> int:
    """How often any run recorded what files on disk are; a scan that began before is out of date."""
    return int(SettingTable.get(conn, _SCAN_GENERATION) or 0)


def bump_scan_generation(conn: LedgerConnection) -> None:
    """Count a record of what files on disk are, in its transaction."""
    SettingTable.set(conn, _SCAN_GENERATION, str(scan_generation(conn) + 1))
