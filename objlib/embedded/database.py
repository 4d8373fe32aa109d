"""The connections to the one SQLite file, and the group commit.

Four *lanes*, each a connection that one piece of work uses at a time: one for everything that changes, one
for requests that only look, one for searches and one for the worker's long reads, so that a slow search or a
large document never stands before a poll. In WAL mode a lane sees whatever another has committed.
"""

import sqlite3
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import trio

from objlib.core.errors import ServiceError
from objlib.embedded.resources.schema import migrate
from objlib.threads import Runner, thread_runner

T = TypeVar("T")

BUSY_SECONDS: Final = 10.0
"""How long a statement waits for another process before it gives up. A request is then answered 503, and the
worker tries again: only the indexing of a document near 100 MB holds the file for longer."""

BATCH: Final = 64
"""Most jobs of one group commit: bounds how long the first of them waits for its answer."""

LANES: Final = 4


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection as durable as the ledger's: WAL, and a commit waits for the disk.

    Raises:
        ServiceError: the file cannot be opened, or is not SQLite; one line that says what to do.
    """
    with explained(path):
        db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            db.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
            _use_wal(db)
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA foreign_keys = ON")
        except sqlite3.Error:
            db.close()
            raise
    return db


def _use_wal(db: sqlite3.Connection) -> None:
    # SQLite does not wait (busy_timeout) for the switch itself, and another process may be switching the
    # same new file at this moment: try for a while. Once switched, the question costs nothing.
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Make SQLite's errors in the block a :class:`ServiceError`: one line, which file, what to do."""
    try:
        yield
    except sqlite3.Error as error:
        raise ServiceError(_explain(path, error)) from error


def _explain(path: Path, error: sqlite3.Error) -> str:
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


def disk_is_full(error: sqlite3.Error) -> bool:
    """Whether there was no room to write; by its text, since full-text tables have no code of their own for it."""
    return "disk is full" in str(error)


def spoils_transaction(error: Exception) -> bool:
    """Whether nothing of the transaction can be trusted after this error.

    True for a full disk, a lock, a damaged file; False for an error of the one statement, such as a broken constraint
    or a value that is too big, and for everything that is not SQLite's.
    """
    return isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError


class ConnectionLane:
    """One connection and the lock that keeps its users in line (a shared runner may be wider than one)."""

    def __init__(self, db: sqlite3.Connection, runner: Runner) -> None:
        self._db = db
        self._runner = runner
        self._lock = trio.Lock()

    async def run(self, fn: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``fn`` with the connection, after everyone who came before."""
        async with self._lock:
            return await self._runner(lambda: fn(self._db))


@dataclass(eq=False, slots=True)
class _Job(Generic[T]):
    fn: Callable[[sqlite3.Connection], T]
    value: list[T] = field(default_factory=list)
    error: BaseException | None = None
    taken: bool = False

    def run(self, db: sqlite3.Connection) -> None:
        """Run inside a savepoint of its own: a job that fails leaves the others of the batch alone."""
        db.execute("SAVEPOINT job")
        try:
            self.value.append(self.fn(db))
        except Exception as error:
            if spoils_transaction(error):
                raise
            self.error = error  # its caller gets it
        if self.error is not None:
            db.execute("ROLLBACK TO job")
        db.execute("RELEASE job")

    def result(self) -> T:
        if self.error is not None:
            raise self.error
        return self.value[0]


class _Batch:
    """Jobs that share one transaction, in the order in which they came."""

    def __init__(self, jobs: list[_Job[Any]]) -> None:
        self.jobs = jobs
        self.begun = False

    def commit(self, db: sqlite3.Connection) -> None:
        """Run them all. A database error undoes all of them, and every caller gets it."""
        self.begun = True
        try:
            db.execute("BEGIN IMMEDIATE")
            for job in self.jobs:
                job.run(db)
            db.execute("COMMIT")
        except sqlite3.Error as error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """Give every caller this error."""
        for job in self.jobs:
            job.error = error


class WriteLane(ConnectionLane):
    """The lane of everything that changes: transactions with group commit."""

    def __init__(self, db: sqlite3.Connection, runner: Runner) -> None:
        super().__init__(db, runner)
        self._waiting: deque[_Job[Any]] = deque()

    async def write(self, fn: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``fn(connection)`` in a transaction and return its result once that is committed.

        All jobs that wait share one ``BEGIN IMMEDIATE`` and one sync of the disk: whoever gets the lane first
        takes the queue along, and the others find their result ready when their turn comes. A caller that
        is cancelled while it waits takes its job back, unless it is already under way.

        Raises:
            sqlite3.Error: the transaction failed; nothing of it happened.
            Exception: whatever ``fn`` raised; nothing of ``fn`` happened.
        """
        job = _Job(fn)
        self._waiting.append(job)
        try:
            async with self._lock:
                # First come, first served, like the queue: a job that nobody took along is at its head.
                if not job.taken:
                    await self._lead()
        finally:
            if not job.taken:
                self._waiting.remove(job)
        return job.result()

    async def _lead(self) -> None:
        batch = _Batch([self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))])
        for job in batch.jobs:
            job.taken = True
        try:
            await self._runner(lambda: batch.commit(self._db))
        except BaseException as error:
            if batch.begun:
                batch.fail(error)
            else:  # cancelled before it began: the others keep their place
                for job in reversed(batch.jobs):
                    job.taken = False
                    self._waiting.appendleft(job)
            raise


@dataclass(frozen=True, slots=True)
class Database:
    """The file, seen through its lanes.

    Attributes:
        writer: transactions.
        reader: requests that only look.
        search: searches.
        bulk: long reads in the background.
    """

    writer: WriteLane
    reader: ConnectionLane
    search: ConnectionLane
    bulk: ConnectionLane

    async def write(self, fn: Callable[[sqlite3.Connection], T]) -> T:
        """See :meth:`WriteLane.write`."""
        return await self.writer.write(fn)

    async def read(self, fn: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``fn`` for a request that only looks."""
        return await self.reader.run(fn)


@asynccontextmanager
async def open_database(path: Path, runner: Runner | None) -> AsyncIterator[Database]:
    """Open the file, creating or migrating it.

    Args:
        path: the SQLite file; its folder is made when it is missing.
        runner: runs everything; by default each lane has a thread of its own.

    Raises:
        ServiceError: the file cannot be used; one line that says what to do.
    """

    def runner_of_lane() -> Runner:
        return thread_runner(1) if runner is None else runner

    stack, (writer, *readers) = await runner_of_lane()(lambda: _open_all(path))
    # Closing happens right here and not in a thread: nothing uses the connections any more, it takes
    # milliseconds, and no cancellation can come between.
    with stack:
        yield Database(
            WriteLane(writer, runner_of_lane()), *(ConnectionLane(db, runner_of_lane()) for db in readers)
        )


def _open_all(path: Path) -> tuple[ExitStack, list[sqlite3.Connection]]:
    """A connection for each lane, and the stack that closes them; the first one migrates the file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ServiceError(f"cannot make the folder of the store file {path}: {error.strerror}") from error
    with ExitStack() as stack:
        writer = stack.enter_context(closing(connect(path)))
        with explained(path):
            migrate(writer, path)
        readers = [stack.enter_context(closing(connect(path))) for _ in range(LANES - 1)]
        return stack.pop_all(), [writer, *readers]
