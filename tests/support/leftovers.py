"""Leftovers of a dead run, and stores that are expensive for recovery to search."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import trio

from objlib.engine.app import App
from objlib.engine.upload.run import upload
from objlib.testing.actions import DOWN, LOST, Action
from objlib.testing.databases import damage_database
from objlib.testing.faults import Faults


async def die_after_sending(
    opened: Callable[..., AbstractAsyncContextManager[App]], faults: Faults, count: int
) -> None:
    """Let a run die when the service has the bytes of ``count`` files, and the run has no response.

    Args:
        opened: opens an app whose service follows ``faults``; takes settings as keywords.
        faults: the service.
        count: number of files to upload, all in flight at once.
    """
    actions: dict[str, Action] = {"send": LOST, "query": DOWN}
    faults.script = lambda kind, _count: actions.get(kind)
    with trio.CancelScope() as life:
        async with opened(max_uploads=count, max_pending=count) as app:
            faults.before = lambda _kind: life.cancel() if _received(faults) == count else None
            app.governor.uploads.total_tokens = count
            await upload(app)
    faults.before = lambda _kind: None
    faults.script = lambda _kind, _count: None


def _received(faults: Faults) -> int:
    return sum(request.kind == "send" and request.acted is not None for request in faults.history)


def fabricate_documents(store: Path, count: int) -> None:
    """Add ACTIVE documents without our tags to the store's file."""
    with damage_database(store) as db:
        (blob,) = db.execute("SELECT blob_id FROM blobs LIMIT 1").fetchone()
        (store_id, name) = db.execute("SELECT store_id, name FROM stores LIMIT 1").fetchone()
        db.executemany(
            "INSERT INTO documents (store_id, name, display_name, mime_type, size, state, create_time, update_time,"
            " metadata, blob_id, ready_at) VALUES (?, ?, 'theirs', 'text/plain', 1, 'ACTIVE', 1, 1, '{}', ?, 0)",
            ((store_id, f"{name}/documents/fabricated-{number}", blob) for number in range(count)),
        )
