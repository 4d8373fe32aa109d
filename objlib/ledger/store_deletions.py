"""Stores that are to be deleted whole: each is on record before the request, so that no crash can hide one.

They are kept under one setting, since a ledger has at most a few in its life, and is put aside with its own store.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

from objlib.core.ids import RunId
from objlib.ledger.database import LedgerConnection
from objlib.ledger.settings import SettingTable
from objlib.ledger.table import Table, command, query, stamped

STORE_DELETIONS_KEY: Final = "store_deletions"
"""Setting that keeps the stores whose deletion was begun and is not known to be done."""


@dataclass(frozen=True, slots=True)
class StoreIntent:
    """The record that a store is to be deleted.

    Attributes:
        store: resource name.
        display_name: what its owner called it.
        force: whether its documents go with it; otherwise only an empty store goes.
        documents: that it held when the deletion was agreed to.
        run_id: the run that began it.
        created: Unix time.
    """

    store: str
    display_name: str
    force: bool
    documents: int
    run_id: str
    created: float


class StoreDeletionTable(Table):
    """Deletions of stores that are not known to be done."""

    @query
    def all(conn: LedgerConnection) -> tuple[StoreIntent, ...]:
        """Those on record, oldest first."""
        return tuple(StoreIntent(**entry) for entry in _entries(conn).values())

    @query
    def get(conn: LedgerConnection, store: str) -> StoreIntent | None:
        """The one of this store, if any."""
        entry = _entries(conn).get(store)
        return None if entry is None else StoreIntent(**entry)

    @stamped
    def open(
        conn: LedgerConnection,
        now: float,
        store: str,
        display_name: str,
        *,
        force: bool,
        documents: int,
        run_id: RunId,
    ) -> StoreIntent:
        """Record that ``store`` is to be deleted; the one on record, an older one if there is."""
        entries = _entries(conn)
        intent = StoreIntent(store, display_name, force, documents, run_id, now)
        entries.setdefault(store, asdict(intent))
        _keep(conn, entries)
        return StoreIntent(**entries[store])

    @command
    def close(conn: LedgerConnection, store: str) -> None:
        """Forget the record: the store is gone, or is to stay."""
        entries = _entries(conn)
        if entries.pop(store, None) is not None:
            _keep(conn, entries)


def _entries(conn: LedgerConnection) -> dict[str, dict[str, Any]]:
    entries: dict[str, dict[str, Any]] = json.loads(SettingTable.get(conn, STORE_DELETIONS_KEY) or "{}")
    return entries


def _keep(conn: LedgerConnection, entries: dict[str, dict[str, Any]]) -> None:
    SettingTable.set(conn, STORE_DELETIONS_KEY, json.dumps(entries))
