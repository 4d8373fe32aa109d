"""What the tests of audits share: documents put into the store behind the ledger's back."""

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

import trio

from objlib.core.config.settings import Settings
from objlib.core.ids import KEY_ATTEMPT, KEY_FILE, KEY_HASH, KEY_LEDGER, RESERVED_KEYS
from objlib.core.lifecycle.delete_limit import DeleteLimit
from objlib.core.remote import DocumentState
from objlib.core.reports.store import StoreSyncReport
from objlib.engine.app import App
from objlib.engine.reconcile.store_sync import store_sync
from objlib.ledger import FileRow

ALL = DeleteLimit(percent=100)


async def checked(app: App) -> StoreSyncReport:
    """A dry run."""
    report, _ = await store_sync(app, apply=False, metadata=False, limit=ALL)
    return report


async def repaired(app: App, *, metadata: bool = False, limit: DeleteLimit = ALL) -> StoreSyncReport:
    """A run with ``--apply``."""
    report, _ = await store_sync(app, apply=True, metadata=metadata, limit=limit)
    return report


async def plant(app: App, name: str, metadata: Mapping[str, str | float | list[str]]) -> str:
    """A document in the store that nobody recorded; its full name once it is ACTIVE."""
    data = f"What {name} says.\n".encode()
    session = await app.client.uploads.start(
        app.store, display_name=name, mime_type="text/plain", size=len(data), metadata=metadata
    )
    landed = (await app.client.uploads.send(session, data, offset=0, final=True)).result
    assert landed is not None
    assert landed.document is not None
    while True:
        made = await app.client.documents.get(landed.document)
        if made.state is not DocumentState.PENDING:
            return made.name
        await trio.sleep(1)


def of_file(row: FileRow, ledger: str | None, attempt: str = "an attempt of old") -> dict[str, Any]:
    """The marks of a document of ``row``."""
    marks = {KEY_FILE: row.file_id, KEY_ATTEMPT: attempt, KEY_HASH: row.content_hash}
    return marks if ledger is None else marks | {KEY_LEDGER: ledger}


def alter(settings: Settings, document: str, **columns: object) -> None:
    """Change a document in the store's own file, as no client can."""
    db = sqlite3.connect(settings.embedded)
    for column, value in columns.items():
        db.execute(f"UPDATE documents SET {column} = ? WHERE name = ?", (value, document))
    db.commit()
    db.close()


def without_marks(settings: Settings, document: str) -> str:
    """The metadata of a document without our marks, as JSON."""
    db = sqlite3.connect(settings.embedded)
    (text,) = db.execute("SELECT metadata FROM documents WHERE name = ?", (document,)).fetchone()
    db.close()
    return json.dumps({key: value for key, value in json.loads(text).items() if key not in RESERVED_KEYS})
