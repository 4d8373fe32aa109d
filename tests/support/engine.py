"""Shared by the engine's tests: a library, scripts for a service, and the truth about ledger and store."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
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
from objlib.testing import Action, Faults
from objlib.testing.databases import damage_database, read_database

ALL = DeleteLimit(percent=100)

Opener = Callable[..., AbstractAsyncContextManager[App]]


def write(root: Path, name: str, text: str) -> Path:
    """One file of the library."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def follow(faults: Faults, **script: Sequence[Action | None]) -> None:
    """Set the action for the first, second, … request of each kind; later ones pass."""

    def act(kind: str, count: int) -> Action | None:
        planned = script.get(kind, [])
        return planned[count] if count < len(planned) else None

    faults.script = act


@contextmanager
def ledger_of(settings: Settings) -> Iterator[sqlite3.Connection]:
    """The ledger's own file, as another program sees it."""
    with damage_database(settings.ledger) as db:
        yield db


async def checked(app: App) -> StoreSyncReport:
    """A dry run."""
    report, _ = await store_sync(app, apply=False, metadata=False, limit=ALL)
    return report


async def repaired(app: App, *, metadata: bool = False, limit: DeleteLimit = ALL) -> StoreSyncReport:
    """A run with ``--apply``."""
    report, _ = await store_sync(app, apply=True, metadata=metadata, limit=limit)
    return report


async def plant(app: App, name: str, metadata: Mapping[str, str | float | list[str]]) -> str:
    """Add an unrecorded document to the store; returns its full name once it is ACTIVE."""
    data = f"What {name} says.\n".encode()
    session = await app.client.uploads.start(
        app.store, display_name=name, mime_type="text/plain", size=len(data), metadata=metadata
    )
    landed = (await app.client.uploads.send(session, data, offset=0, final=True)).result
    assert landed is not None
    assert landed.document is not None
    while True:
        added = await app.client.documents.get(landed.document)
        if added.state is not DocumentState.PENDING:
            return added.name
        await trio.sleep(1)


def of_file(row: FileRow, ledger: str | None, attempt: str = "an attempt of old") -> dict[str, Any]:
    """The marks of a document of ``row``."""
    marks = {KEY_FILE: row.file_id, KEY_ATTEMPT: attempt, KEY_HASH: row.content_hash}
    return marks if ledger is None else marks | {KEY_LEDGER: ledger}


def alter(settings: Settings, document: str, **columns: object) -> None:
    """Change a document in the store's own file, as no client can."""
    with damage_database(settings.embedded) as db:
        for column, value in columns.items():
            db.execute(f"UPDATE documents SET {column} = ? WHERE name = ?", (value, document))


def without_marks(settings: Settings, document: str) -> str:
    """The metadata of a document without our marks, as JSON."""
    with read_database(settings.embedded) as db:
        (text,) = db.execute("SELECT metadata FROM documents WHERE name = ?", (document,)).fetchone()
    return json.dumps({key: value for key, value in json.loads(text).items() if key not in RESERVED_KEYS})


def live_documents(settings: Settings) -> list[tuple[str, str, str]]:
    """(file id, content hash, state) of every document there is, read from the store's own file."""
    with read_database(settings.embedded) as db:
        return list(
            db.execute(
                "SELECT json_extract(metadata, ?), json_extract(metadata, ?), state FROM documents ORDER BY 1",
                (f"$.{KEY_FILE}", f"$.{KEY_HASH}"),
            )
        )


def ledger_rows(settings: Settings) -> list[tuple[str, str, str, str]]:
    """(file id, path, state, indexed hash) of every file, read from the ledger's own file."""
    with read_database(settings.ledger) as db:
        return list(
            db.execute("SELECT file_id, file_path, gemini_state, indexed_hash FROM files ORDER BY file_id")
        )


def assert_exactly_once(settings: Settings) -> None:
    """Promise 2: each file is indexed and has exactly one live document with its bytes; there is no other."""
    rows = ledger_rows(settings)
    assert {state for _, _, state, _ in rows} <= {"indexed"}, rows
    assert live_documents(settings) == [(file_id, digest, "ACTIVE") for file_id, _, _, digest in rows]
