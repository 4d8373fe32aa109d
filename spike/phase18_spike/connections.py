"""Pattern 1: ten tasks, three inserts each: with a connection each, and through the one of the shipped ledger."""

import sqlite3
import threading
from collections.abc import Awaitable, Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import trio

from objlib.core.ids import new_id
from objlib.ledger import open_ledger
from objlib.testing.databases import raw
from objlib.threads import thread_runner
from spike.evidence import Seen
from spike.phase9_spike.bench import at_once
from spike.phase9_spike.db import execute_with_retry, init_spike_db

T = TypeVar("T")

TASKS: Final = 10
INSERTS: Final = 3
INSERT: Final = "INSERT INTO settings (key, value) VALUES (?, ?)"


async def own_connections(folder: Path) -> Seen:
    """Each insert on a connection of its own, which one thread opens, uses and closes."""
    db = folder / f"{new_id()}.db"
    await init_spike_db(db)
    tries = 0

    async def work(task: int) -> None:
        nonlocal tries
        for number in range(INSERTS):
            # Many tries: ten writers on ten connections starve one another, as one writer for all never does.
            done = await execute_with_retry(
                db, INSERT, (f"{task}.{number}", str(task)), max_retries=100, multiplier=1.1
            )
            tries += done.tries

    failed = await _failures([partial(work, task) for task in range(TASKS)])
    rows = await trio.to_thread.run_sync(partial(_rows, db))
    return _all_there(rows) and not failed, (
        f"{len(rows)} rows, {len(failed)} errors, {tries - TASKS * INSERTS} retries because of a lock"
    )


async def through_the_ledger(folder: Path) -> Seen:
    """The same inserts through the ledger: one connection, one thread at a time, fewer commits than inserts."""
    db = folder / f"{new_id()}.db"
    await init_spike_db(db)
    batches = 0
    threads: set[int] = set()
    inner = thread_runner(1)

    async def runner(fn: Callable[[], T], /) -> T:
        nonlocal batches
        batches += 1
        return await inner(fn)

    async with open_ledger(db, runner=runner) as ledger:
        opened = batches

        def insert(conn: sqlite3.Connection, key: str) -> None:
            threads.add(threading.get_ident())
            conn.execute(INSERT, (key, key))

        async def work(task: int) -> None:
            for number in range(INSERTS):
                await raw(ledger).write(partial(insert, key=f"{task}.{number}"))

        failed = await _failures([partial(work, task) for task in range(TASKS)])
        commits = batches - opened
    rows = await trio.to_thread.run_sync(partial(_rows, db))
    grouped = commits < TASKS * INSERTS
    return _all_there(rows) and not failed and grouped, (
        f"{len(rows)} rows, {len(failed)} errors, {commits} commits for {TASKS * INSERTS} inserts, "
        f"{len(threads)} threads took turns"
    )


async def a_shared_connection_is_caught(folder: Path) -> Seen:
    """The control: one connection used from many threads at once, which SQLite's own check has to refuse."""
    db = folder / f"{new_id()}.db"
    await init_spike_db(db)
    refused = 0
    barrier = threading.Barrier(2)
    with closing(sqlite3.connect(db, isolation_level=None)) as shared:

        def use() -> None:
            nonlocal refused
            barrier.wait(10)
            try:
                shared.execute("SELECT count(*) FROM settings").fetchone()
            except sqlite3.ProgrammingError:
                refused += 1

        await _failures([partial(trio.to_thread.run_sync, use)] * 2)
    return refused == 2, f"{refused} of 2 uses from another thread refused"


async def _failures(calls: list[Callable[[], Awaitable[None]]]) -> list[Exception]:
    return [result for result in await at_once(*calls) if isinstance(result, Exception)]


def _rows(db: Path) -> list[str]:
    with closing(sqlite3.connect(db)) as conn:
        (sound,) = conn.execute("PRAGMA integrity_check").fetchone()
        assert sound == "ok", sound
        return [key for (key,) in conn.execute("SELECT key FROM settings WHERE key LIKE '_._' ORDER BY key")]


def _all_there(rows: list[str]) -> bool:
    return rows == [f"{task}.{number}" for task in range(TASKS) for number in range(INSERTS)]
