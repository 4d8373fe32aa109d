"""The design that ours replaces, kept only to be measured: asyncio, and a new aiosqlite connection for every step.

One transition is what it was: under the file's lock read the state, let the guard read it again, compare-and-set, read
back; four connections, each opened and closed. Durability is that of the ledger (``synchronous = FULL``).
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiosqlite

from objlib.core.errors import StaleTransitionError
from objlib.core.lifecycle.table import Event, State, target
from spike.phase9_spike.candidates import MakeAnywhere

BUSY: Final = 60.0
"""Seconds that a connection waits for a lock: the old design starves its writers rather than fail here."""


@asynccontextmanager
async def connection(db: Path) -> AsyncIterator[aiosqlite.Connection]:
    """A new connection with the durability of the ledger."""
    async with aiosqlite.connect(db, timeout=BUSY, isolation_level=None) as conn:
        await conn.execute("PRAGMA journal_mode = WAL")
        await conn.execute("PRAGMA synchronous = FULL")
        yield conn


async def read(db: Path, file_id: str) -> tuple[State, int]:
    """(state, version), through a connection of its own."""
    async with (
        connection(db) as conn,
        conn.execute("SELECT gemini_state, version FROM files WHERE file_id = ?", (file_id,)) as cursor,
    ):
        row = await cursor.fetchone()
    assert row is not None, "the caller made the file"
    return State(row[0]), int(row[1])


async def compare_and_set(db: Path, file_id: str, event: str) -> None:
    """Take an edge as the old design did: read, then update where nothing has changed, each on a new connection.

    Raises:
        StaleTransitionError: something had changed.
    """
    state, version = await read(db, file_id)
    async with connection(db) as conn:
        await conn.execute("BEGIN IMMEDIATE")
        async with conn.execute(
            "UPDATE files SET gemini_state = ?, version = version + 1, gemini_state_updated_at = ?"
            " WHERE file_id = ? AND gemini_state = ? AND version = ?",
            (target(state, Event(event)), time.time(), file_id, state, version),
        ) as changed:
            moved = changed.rowcount == 1
        await conn.execute("COMMIT")
    if not moved:
        raise StaleTransitionError(file_id, version)


async def transition(db: Path, make: MakeAnywhere, lock: asyncio.Lock, file_id: str) -> None:
    """One transition of the old design: lock, machine, guard, compare-and-set, read back."""

    async def guard() -> str | None:
        state, _ = await read(db, file_id)
        return None if state is State.UNTRACKED else f"it is {state}"

    async def commit(event: str) -> None:
        await compare_and_set(db, file_id, event)

    async with lock:
        machine = make(file_id, State.UNTRACKED.value, commit)
        await machine.trigger(Event.START_UPLOAD.value, guard=guard)
        state, _ = await read(db, file_id)
        assert state is State.UPLOADING, "the transition was reported and is not there"


async def run(db: Path, make: MakeAnywhere, ids: list[str], tasks: int) -> float:
    """Measure one transition of each file, shared by the tasks, in seconds."""

    async def work(mine: list[str]) -> None:
        for file_id in mine:
            await transition(db, make, asyncio.Lock(), file_id)

    began = time.perf_counter()
    await asyncio.gather(*(work(ids[number::tasks]) for number in range(tasks)))
    return time.perf_counter() - began


def measure(db: Path, make: MakeAnywhere, ids: list[str], tasks: int) -> float:
    """:func:`run` under asyncio."""
    return asyncio.run(run(db, make, ids, tasks))
