"""Errors at the worst moments: before the commit nothing has happened, after it everything has."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import trio

from objlib.core.ids import FileId
from objlib.core.lifecycle.table import Event
from objlib.ledger import FileRow, Ledger
from objlib.testing.databases import raw
from spike.evidence import Seen
from spike.phase9_spike.bench import Bench
from spike.phase9_spike.db import read_file_state
from spike.phase9_spike.integration.scaffold import FileLockManager

T = TypeVar("T")


class InjectedError(Exception):
    """Nothing that any code under test could expect."""


@dataclass(slots=True)
class BreakingRunner:
    """Breaks the next call of the ledger's thread that is a write, before or after it has run."""

    bench: Bench
    before: bool = False
    after: bool = False
    armed: bool = False
    broke: int = 0

    async def __call__(self, fn: Callable[[], T], /) -> T:
        """Run ``fn`` in the ledger's thread, and break."""
        writes = self.armed and any(op.writes for op in getattr(fn, "args", [[]])[-1])
        if writes and self.before:
            self.broke += 1
            raise InjectedError("before the commit")
        value = await self.bench.runner(fn)
        if writes and self.after:
            self.broke += 1
            raise InjectedError("after the commit")
        return value


async def before_the_commit(bench: Bench) -> Seen:
    """The ledger's thread breaks before its transaction."""
    runner = BreakingRunner(bench, before=True)
    async with bench.opened(runner=runner) as (ledger, (file_id,)):
        runner.armed = True
        error = await _raised(bench, ledger, file_id)
        runner.armed = False
        kept = await read_file_state(ledger.path, file_id)
        await bench.manager(ledger).trigger(file_id, Event.START_UPLOAD)
        after = await read_file_state(ledger.path, file_id)
    passed = (
        isinstance(error, InjectedError)
        and runner.broke == 1
        and kept == ("untracked", 0)
        and after == ("uploading", 1)
        and _last(bench, -2) == ("failed", "InjectedError: before the commit")
    )
    return passed, f"broke {runner.broke} time; {_told(kept)}; the next attempt: {_told(after)}"


async def inside_the_transaction(bench: Bench) -> Seen:
    """The database itself aborts after the row was updated and before the commit."""
    async with bench.opened() as (ledger, (file_id,)):
        await raw(ledger).write(_trap)
        error = await _raised(bench, ledger, file_id)
        kept = await read_file_state(ledger.path, file_id)
        events, attempts = await ledger.files.history(file_id)
        logged = [event.outcome for event in events]
    passed = (
        isinstance(error, sqlite3.IntegrityError)
        and kept == ("untracked", 0)
        and logged == ["failed"]
        and attempts == []
    )
    return (
        passed,
        f"{type(error).__name__}; {_told(kept)}; {len(attempts)} attempts; log: {', '.join(logged)}",
    )


async def after_the_commit(bench: Bench) -> Seen:
    """The ledger's thread breaks after its transaction: the caller gets an error, the file has moved."""
    runner = BreakingRunner(bench, after=True)
    async with bench.opened(runner=runner) as (ledger, (file_id,)):
        runner.armed = True
        error = await _raised(bench, ledger, file_id)
        runner.armed = False
        kept = await read_file_state(ledger.path, file_id)
    recorded = _last(bench)
    passed = (
        isinstance(error, InjectedError)
        and kept == ("uploading", 1)
        and recorded == ("success", "InjectedError: after the commit")
    )
    return passed, f"broke {runner.broke} time; {_told(kept)}; recorded: {recorded[0]}, {recorded[1]}"


async def callback_that_raises(bench: Bench) -> Seen:
    """A real callback on a transition that was committed: it reads the row, and raises."""
    seen: list[tuple[str, int]] = []

    async def callback(row: FileRow) -> None:
        seen.append((str(row.state), row.version))
        await trio.lowlevel.checkpoint()
        raise InjectedError("the callback")

    async with bench.opened() as (ledger, (file_id,)):
        error = await _raised(bench, ledger, file_id, then=callback)
        kept = await read_file_state(ledger.path, file_id)
    recorded = _last(bench)
    passed = (
        isinstance(error, InjectedError)
        and seen == [("uploading", 1)] == [kept]
        and recorded == ("success", "InjectedError: the callback")
    )
    return passed, f"called {len(seen)} time with {_told(seen[0])}; {_told(kept)}; recorded: {recorded[1]}"


async def guard_that_raises(bench: Bench) -> Seen:
    """An async guard that raises after a database read."""
    async with bench.opened() as (ledger, (file_id,)):
        asked: list[tuple[str, int]] = []

        async def guard() -> str | None:
            asked.append(await read_file_state(ledger.path, file_id))
            raise InjectedError("the guard")

        error = await _raised(bench, ledger, file_id, guard=guard)
        kept = await read_file_state(ledger.path, file_id)
        events, _ = await ledger.files.history(file_id)
    passed = (
        isinstance(error, InjectedError)
        and asked == [("untracked", 0)] == [kept]
        and [event.outcome for event in events] == ["failed"]
        and [event.guard_result for event in events] == ["raised"]
    )
    return passed, f"guard ran {len(asked)} time; {_told(kept)}; log: {', '.join(e.outcome for e in events)}"


async def guard_inside_that_raises(bench: Bench) -> Seen:
    """A guard within the transaction that raises, among two others that are committed with it."""
    async with bench.opened(3) as (ledger, ids):
        manager = bench.manager(ledger, locks=FileLockManager())
        errors: list[Exception] = []

        def guard(row: FileRow) -> str | None:
            if row.file_id == ids[1]:
                raise InjectedError("the guard")
            return None

        async def one(file_id: FileId) -> None:
            try:
                await manager.trigger(file_id, Event.START_UPLOAD, inside=guard)
            except InjectedError as error:
                errors.append(error)

        async with trio.open_nursery() as nursery:
            for file_id in ids:
                nursery.start_soon(one, file_id)
        kept = [await read_file_state(ledger.path, file_id) for file_id in ids]
    passed = len(errors) == 1 and kept == [("uploading", 1), ("untracked", 0), ("uploading", 1)]
    return passed, f"{len(errors)} error; " + "; ".join(_told(each) for each in kept)


def _trap(conn: sqlite3.Connection) -> None:
    conn.execute(
        "CREATE TEMP TRIGGER trap AFTER UPDATE OF gemini_state ON main.files"
        " BEGIN SELECT RAISE (ABORT, 'injected'); END"
    )


async def _raised(bench: Bench, ledger: Ledger, file_id: FileId, **kwargs: Any) -> Exception | None:
    """Return the error that one attempt raises."""
    manager = bench.manager(ledger, locks=FileLockManager())
    try:
        await manager.trigger(file_id, Event.START_UPLOAD, **kwargs)
    except Exception as error:
        return error
    return None


def _last(bench: Bench, place: int = -1) -> tuple[str, str]:
    event = bench.collector.events()[place]
    return event["outcome"], event["error"]


def _told(kept: tuple[str, int]) -> str:
    return f"{kept[0]}, version {kept[1]}"
