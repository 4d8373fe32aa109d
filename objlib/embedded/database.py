"""The connections to the one SQLite file.

Four *lanes*, each a connection that one piece of work uses at a time: one for everything that changes, with group
commit, one for requests that only look, one for searches and one for the worker's long reads, so that a slow
search or a large document never stands before a poll. In WAL mode a lane sees whatever another has committed.
"""

import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import trio

from objlib.core.errors import ServiceError
from objlib.embedded.resources.schema import SCHEMA
from objlib.sqlite import connection
from objlib.sqlite.errors import Refusal, RefusedFileError, disk_is_full
from objlib.sqlite.group_commit import GroupCommit, group_commit
from objlib.sqlite.private import make_file
from objlib.sqlite.private_copy import Reading, copy_privately, lost_index, read_unchanged
from objlib.threads import Runner, thread_runner

T = TypeVar("T")

BUSY_SECONDS: Final = 10.0
"""How long a statement waits for another process before it gives up. A request is then answered 503, and the
worker tries again: only the indexing of a document near 100 MB holds the file for longer."""
BATCH: Final = 64
"""Most operations of one group commit: bounds how long the first of them waits for its answer."""
READ_LANES: Final = 3
"""For requests, for searches and for the worker."""


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection as durable as the ledger's, to a store made or migrated where need be.

    Raises:
        ServiceError: the file cannot be used; one line that says what to do.
    """
    with explained(path):
        return connection.connect(
            path, SCHEMA, sqlite3.Connection, busy_timeout=BUSY_SECONDS, now=time.time()
        )


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Make SQLite's errors in the block a :class:`ServiceError`: one line, which file, what to do."""
    try:
        yield
    except RefusedFileError as error:
        raise ServiceError(_refusal(path, error)) from None
    except sqlite3.Error as error:
        raise ServiceError(_problem(path, error)) from error


def _refusal(path: Path, error: RefusedFileError) -> str:
    if error.refusal is Refusal.NEWER:
        return (
            f"{path} was written by a newer objlib (store version {error.version}, this one knows"
            f" {SCHEMA.newest}); upgrade objlib"
        )
    if error.refusal is Refusal.NO_WAL:
        return f"cannot use the store file {path}: its file system has no shared memory for a write-ahead log"
    return f"{path} is a database of another program; choose another file for the embedded store"


def _problem(path: Path, error: sqlite3.Error) -> str:
    reason = str(error)
    if disk_is_full(error):
        return f"the store file {path} cannot grow: the disk is full; free some space and try again"
    if "not a database" in reason or "malformed" in reason:
        return f"{path} is not a usable store file ({reason}); move it away and upload again"
    if "unable to open" in reason or "readonly" in reason:
        return (
            f"cannot open the store file {path} ({reason}); check that its folder exists and may be written"
        )
    return f"cannot use the store file {path}: {reason}"


class ConnectionLane:
    """One connection and the lock that keeps its users in line (a shared runner may be wider than one)."""

    def __init__(self, db: sqlite3.Connection, runner: Runner) -> None:
        self._db = db
        self._runner = runner
        self._lock = trio.Lock()

    @property
    def waiting(self) -> int:
        """The number of those who wait for the connection."""
        return self._lock.statistics().tasks_waiting

    async def run(self, fn: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``fn`` with the connection, after everyone who came before."""
        async with self._lock:
            return await self._runner(lambda: fn(self._db))


@dataclass(frozen=True, slots=True)
class Database:
    """The file, seen through its lanes.

    Attributes:
        writer: transactions.
        reader: requests that only look; those that wait share one crossing into its thread.
        search: searches.
        bulk: long reads in the background.
    """

    writer: GroupCommit
    reader: GroupCommit
    search: ConnectionLane
    bulk: ConnectionLane

    async def write(self, fn: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``fn`` in a transaction and return its result once the commit is on disk.

        Raises:
            sqlite3.Error: the transaction failed; nothing of it happened.
            Exception: whatever ``fn`` raised; nothing of ``fn`` happened.
        """
        return await self.writer.write(fn)

    async def read(self, fn: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``fn`` for a request that only looks."""
        return await self.reader.read(fn)


@asynccontextmanager
async def open_database(
    path: Path, runner: Runner | None, *, read_only: bool = False
) -> AsyncIterator[Database]:
    """Open the file, creating or migrating it.

    Args:
        path: the SQLite file; its folder is made when it is missing.
        runner: runs everything; by default each lane has a thread of its own.
        read_only: leave the file as it is, or absent. All lanes are then one connection, and one thread.

    Raises:
        ServiceError: the file cannot be used; one line that says what to do.
    """
    if read_only and runner is None:
        runner = thread_runner(1)

    def runner_of_lane() -> Runner:
        return thread_runner(1) if runner is None else runner

    open_lanes = _open_unchanged if read_only else _open_all
    stack, (writer, *readers) = await runner_of_lane()(lambda: open_lanes(path))
    # Closing happens right here and not in a thread: nothing uses the connections any more, it takes
    # milliseconds, and no cancellation can come between.
    with stack:
        reader, *others = readers
        lanes = [ConnectionLane(db, runner_of_lane()) for db in others]
        async with group_commit(writer, runner_of_lane(), lambda error: error, BATCH) as commit:
            async with group_commit(reader, runner_of_lane(), lambda error: error, BATCH) as looks:
                yield Database(commit, looks, *lanes)


def _open_all(path: Path) -> tuple[ExitStack, list[sqlite3.Connection]]:
    """A connection for each lane, and the stack that closes them; the first one migrates the file."""
    try:
        make_file(path)
    except OSError as error:
        raise ServiceError(f"cannot make the store file {path} or its folder: {error.strerror}") from error
    with ExitStack() as stack:
        lanes = [stack.enter_context(closing(connect(path))) for _ in range(1 + READ_LANES)]
        return stack.pop_all(), lanes


def _open_unchanged(path: Path) -> tuple[ExitStack, list[sqlite3.Connection]]:
    """One connection for all lanes, to the file as it is, or to a private copy of one that is missing or older."""
    with ExitStack() as stack, explained(path):
        if path.exists() and not lost_index(path):
            reading = read_unchanged(path, busy_timeout=BUSY_SECONDS)
            stack.enter_context(closing(reading.conn))
            if SCHEMA.read_version(reading.conn) == SCHEMA.newest:
                stack.push(partial(_check_at_end, path, reading))
                return stack.pop_all(), [reading.conn] * (1 + READ_LANES)
        copy = copy_privately(
            path, SCHEMA, sqlite3.Connection, busy_timeout=BUSY_SECONDS, now=time.time(), create=True
        )
        stack.enter_context(closing(copy))
        return stack.pop_all(), [copy] * (1 + READ_LANES)


def _check_at_end(path: Path, reading: Reading, kind: type[BaseException] | None, *_: object) -> None:
    """Let no result stand that may be wrong because another process began to write."""
    if kind is None:
        with explained(path):
            reading.check()
