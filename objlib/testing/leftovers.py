"""What a dead run leaves behind, and what recovery then has to look through."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import trio

from objlib.engine.app import App
from objlib.engine.upload.run import upload
from objlib.testing.actions import DOWN, LOST, Action
from objlib.testing.databases import damage_database
from objlib.testing.faults import Faults


async def cut_off_after_the_bytes(
    opened: Callable[..., AbstractAsyncContextManager[App]], faults: Faults, many: int
) -> None:
    """Let a run die when the service has the bytes of ``many`` files, and the run not one answer.

    Args:
        opened: opens an app whose service follows ``faults``; takes settings as keywords.
        faults: the service.
        many: how many files there are to send; all of them are in flight at once.
    """
    replies: dict[str, Action] = {"send": LOST, "query": DOWN}
    faults.script = lambda kind, _count: replies.get(kind)
    with trio.CancelScope() as life:
        async with opened(max_uploads=many, max_pending=many) as app:
            faults.before = lambda _kind: life.cancel() if _landed(faults) == many else None
            app.governor.uploads.total_tokens = many
            await upload(app)
    faults.before = lambda _kind: None
    faults.script = lambda _kind, _count: None


def _landed(faults: Faults) -> int:
    return sum(request.kind == "send" and request.acted is not None for request in faults.history)


def forget_sessions(store: Path, *, all_of_them: bool = False) -> None:
    """The service forgets the sessions of uploads that are over, as it does after some days."""
    with damage_database(store) as db:
        db.execute("DELETE FROM uploads" if all_of_them else "DELETE FROM uploads WHERE status <> 'active'")


def fabricate_documents(store: Path, many: int) -> None:
    """Put documents into the store's file that nobody sent: they carry no mark, and are ACTIVE."""
    with damage_database(store) as db:
        (blob,) = db.execute("SELECT blob_id FROM blobs LIMIT 1").fetchone()
        (store_id, name) = db.execute("SELECT store_id, name FROM stores LIMIT 1").fetchone()
        db.executemany(
            "INSERT INTO documents (store_id, name, display_name, mime_type, size, state, create_time, update_time,"
            " metadata, blob_id, ready_at) VALUES (?, ?, 'theirs', 'text/plain', 1, 'ACTIVE', 1, 1, '{}', ?, 0)",
            ((store_id, f"{name}/documents/fabricated-{number}", blob) for number in range(many)),
        )
