"""A place for one check: a folder, a candidate, a ledger whose thread and tokens can be seen, and its events."""

import gc
import sqlite3
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

import trio
import trio.testing

from objlib.core.ids import FileId, new_id
from objlib.ledger import Ledger, open_ledger
from objlib.threads import Runner
from spike.phase9_spike.candidates import Candidate
from spike.phase9_spike.db import init_spike_db
from spike.phase9_spike.event_log import EventCollector
from spike.phase9_spike.integration.scaffold import FileLockManager, FileTransitionManager

T = TypeVar("T")

DESCRIPTORS: Final = Path("/proc/self/fd")


@dataclass(slots=True)
class Bench:
    """Where one candidate is checked.

    Attributes:
        folder: for the databases of its checks.
        candidate: who is checked.
        collector: gets every event.
        databases: every database that was made, for the last look at all of them.
        limiter: of the ledger's thread.
        processes: how many race for one file; a divisor of ten.
    """

    folder: Path
    candidate: Candidate
    processes: int = 5
    collector: EventCollector = field(default_factory=EventCollector)
    databases: list[Path] = field(default_factory=list)
    limiter: trio.CapacityLimiter = field(default_factory=lambda: trio.CapacityLimiter(1))

    async def runner(self, fn: Callable[[], T], /) -> T:
        """As `objlib.threads.thread_runner`, with a limiter that can be looked at."""
        return await trio.to_thread.run_sync(fn, limiter=self.limiter)

    async def database(self, files: int) -> tuple[Path, list[FileId]]:
        """Make a database with ``count`` files."""
        path = self.folder / f"{new_id()}.db"
        ids = await init_spike_db(path, files)
        self.databases.append(path)
        return path, ids

    @asynccontextmanager
    async def opened(
        self, files: int = 1, runner: Runner | None = None
    ) -> AsyncIterator[tuple[Ledger, list[FileId]]]:
        """A ledger on a new database, and its files."""
        path, ids = await self.database(files)
        async with open_ledger(path, runner=runner or self.runner) as ledger:
            yield ledger, ids

    def manager(self, ledger: Ledger, *, locks: FileLockManager | None = None) -> FileTransitionManager:
        """A manager for the candidate; without ``locks`` compare-and-set alone decides."""
        return FileTransitionManager(ledger, self.candidate.make, self.collector, locks)


@dataclass(frozen=True, slots=True)
class Gauge:
    """The resources that must be back at their start when everything is closed again.

    Attributes:
        busy: worker threads at work. (Idle ones wait ten seconds for the next job, and are trio's own.)
        threads: threads that are not trio's workers.
        tasks: tasks of trio.
        connections: SQLite connections of this process that are open.
        descriptors: open files below the folder; -1 where the system does not show them.
        tokens: tokens that are out, of the ledger's limiter and of trio's own.
    """

    busy: int
    threads: int
    tasks: int
    connections: int
    descriptors: int
    tokens: int


def gauge(folder: Path, limiter: trio.CapacityLimiter) -> Gauge:
    """Look now."""
    gc.collect()
    return Gauge(
        busy=trio.testing.active_thread_count(),
        threads=sum(1 for thread in threading.enumerate() if "Trio" not in thread.name),
        tasks=trio.lowlevel.current_statistics().tasks_living,
        connections=sum(
            1 for each in gc.get_objects() if isinstance(each, sqlite3.Connection) and _is_open(each)
        ),
        descriptors=_below(folder),
        tokens=limiter.borrowed_tokens + trio.to_thread.current_default_thread_limiter().borrowed_tokens,
    )


def _is_open(conn: sqlite3.Connection) -> bool:
    try:
        return conn.total_changes >= 0
    except sqlite3.ProgrammingError as error:
        return "closed" not in str(error)


def _below(folder: Path) -> int:
    if not DESCRIPTORS.exists():
        return -1
    count = 0
    for name in list(DESCRIPTORS.iterdir()):
        try:
            count += str(name.readlink()).startswith(str(folder))
        except OSError:  # the descriptor of the listing itself
            continue
    return count


async def at_once(*calls: Callable[[], Awaitable[T]]) -> list[T | Exception]:
    """Start all calls together; return each result or error, in order."""
    results: dict[int, T | Exception] = {}

    async def one(place: int, call: Callable[[], Awaitable[T]]) -> None:
        try:
            results[place] = await call()
        except Exception as error:
            results[place] = error

    async with trio.open_nursery() as nursery:
        for place, call in enumerate(calls):
            nursery.start_soon(one, place, call)
    return [results[place] for place in range(len(calls))]
