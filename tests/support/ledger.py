"""Shared by the ledger's tests: files, rows in every state, and runners that can be held or break."""

import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

import trio

from objlib.core.failures import Failure, FailureKind
from objlib.core.ids import AttemptId, FileId, RunId, new_attempt_id, new_file_id
from objlib.core.lifecycle.table import Event, State
from objlib.ledger import FileRow, Ledger, Move, Transition
from objlib.testing.databases import raw

T = TypeVar("T")

RUN = RunId("run-1")
BROKEN = Failure(FailureKind.PROCESSING, "the store could not index it; convert it to PDF", retryable=True)
DOCUMENT = "fileSearchStores/s/documents/"

PATHS: dict[State, tuple[Event, ...]] = {
    State.UNTRACKED: (),
    State.UPLOADING: (Event.START_UPLOAD,),
    State.PROCESSING: (Event.START_UPLOAD, Event.COMPLETE_UPLOAD),
    State.INDEXED: (Event.START_UPLOAD, Event.COMPLETE_UPLOAD, Event.COMPLETE_PROCESSING),
    State.FAILED: (Event.START_UPLOAD, Event.FAIL_UPLOAD),
}
"""A way to each state from a new file."""


def insert(conn: sqlite3.Connection, path: str, *, size: int = 10, content: str = "h1") -> FileId:
    """One new file."""
    file_id = new_file_id()
    conn.execute(
        "INSERT INTO files (file_id, file_path, content_hash, size, mtime_ns, mime_type, gemini_state_updated_at)"
        " VALUES (?, ?, ?, ?, 1, 'text/plain', 1.0)",
        (file_id, path, content, size),
    )
    return file_id


async def add(ledger: Ledger, path: str = "a.txt", *, size: int = 10, content: str = "h1") -> FileRow:
    """One new file, as a row."""
    file_id = await raw(ledger).write(lambda conn: insert(conn, path, size=size, content=content))
    return await fresh(ledger, file_id)


async def add_many(ledger: Ledger, count: int) -> list[FileRow]:
    """Add new files; returns their rows by id."""
    await raw(ledger).write(lambda conn: [insert(conn, f"{number:05}.txt") for number in range(count)])
    return await ledger.files.page(limit=count)


async def fresh(ledger: Ledger, file_id: FileId) -> FileRow:
    """The row as it is now."""
    row = await ledger.files.get(file_id)
    assert row is not None
    return row


def wanted(event: Event, row: FileRow, attempt_id: AttemptId, *, run_id: RunId = RUN) -> Transition:
    """``event`` on ``row`` with plausible company."""
    document = DOCUMENT + attempt_id
    match event:
        case Event.START_UPLOAD:
            return Move(row, run_id, attempt_id).start_upload()
        case Event.COMPLETE_UPLOAD:
            return Move(row, run_id, attempt_id).complete_upload(operation="op", document=document)
        case Event.ADOPT:
            return Move(row, run_id, attempt_id).adopt(operation="op", document=document)
        case Event.COMPLETE_PROCESSING:
            return Move(row, run_id, attempt_id).complete_processing(document)
        case Event.FAIL_UPLOAD | Event.FAIL_PROCESSING:
            failed = Move(row, run_id, attempt_id).fail(BROKEN)
            return replace(failed, event=event)  # of any state, for the moves that are not allowed
        case Event.REQUEUE_UPLOAD | Event.REQUEUE_PROCESSING:
            reason, retry_at = ("lost", 2_000.0) if event is Event.REQUEUE_UPLOAD else ("gone", None)
            requeued = Move(row, run_id, attempt_id).requeue(reason, retry_at=retry_at)
            return replace(requeued, event=event)
        case Event.RETRY:
            return Move(row, run_id).retry("asked for")
        case Event.RESET:
            return Move(row, run_id).reset("the file changed")
        case Event.DEMOTE:
            return Move(row, run_id).demote(BROKEN)


async def bring(ledger: Ledger, row: FileRow, state: State) -> tuple[FileRow, AttemptId]:
    """Take a new row to ``state``; the row there and its attempt."""
    attempt_id = new_attempt_id()
    for event in PATHS[state]:
        row = await ledger.apply(wanted(event, row, attempt_id))
    return row, attempt_id


async def index(ledger: Ledger, row: FileRow, document: str) -> FileRow:
    """Send an untracked row all the way to indexed, as ``document``."""
    attempt_id = new_attempt_id()
    for event in (Event.START_UPLOAD, Event.COMPLETE_UPLOAD):
        row = await ledger.apply(wanted(event, row, attempt_id))
    done = Move(row, RUN, attempt_id).complete_processing(document)
    return await ledger.apply(done)


async def reset(ledger: Ledger, row: FileRow) -> FileRow:
    """Send an indexed row back to the start."""
    return await ledger.apply(wanted(Event.RESET, row, AttemptId("")))


async def put_off(ledger: Ledger, row: FileRow, until: float | None) -> FileRow:
    """An untracked row that is to be tried again at a time."""
    row, attempt = await bring(ledger, row, State.UPLOADING)
    return await ledger.apply(Move(row, RUN, attempt).requeue("busy", retry_at=until))


async def lose(ledger: Ledger, row: FileRow, since: float = 500.0) -> None:
    """A scan no longer found the file."""
    change = "UPDATE files SET missing_since = ? WHERE file_id = ?"
    await raw(ledger).write(lambda conn: conn.execute(change, (since, row.file_id)).rowcount)


@dataclass
class HeldRunner:
    """Runs everything inline, but keeps each call waiting while the gate is shut. Counts the calls."""

    gate: trio.Event = field(default_factory=trio.Event)
    waiting: trio.Event = field(default_factory=trio.Event)
    calls: int = 0

    def __post_init__(self) -> None:
        self.gate.set()

    def shut(self) -> None:
        """Hold the calls from now on."""
        self.gate, self.waiting = trio.Event(), trio.Event()

    async def __call__(self, fn: Callable[[], T], /) -> T:
        self.calls += 1
        self.waiting.set()
        await trio.lowlevel.checkpoint()
        await self.gate.wait()
        return fn()


class Crash(BaseException):
    """The process ends here, as far as the test is concerned."""


@dataclass
class BreakingRunner:
    """Breaks the next call, before or after the function has run."""

    before: BaseException | None = None
    after: BaseException | None = None

    async def __call__(self, fn: Callable[[], T], /) -> T:
        await trio.lowlevel.checkpoint()
        if self.before is not None:
            error, self.before = self.before, None
            raise error
        value = fn()
        if self.after is not None:
            error, self.after = self.after, None
            raise error
        return value


async def gather(*calls: Callable[[], Awaitable[T]]) -> list[T | Exception]:
    """Run all calls at once; return each result or error, in order."""
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
