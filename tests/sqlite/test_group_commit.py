"""Group commit: who shares a transaction, who gets what, and what cancellation and crashes leave."""

import sqlite3
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing

from objlib.commit_queue import BATCH
from objlib.core.errors import LedgerError
from objlib.core.ids import new_attempt_id
from objlib.core.lifecycle.table import Event, State
from objlib.ledger import Ledger, Move, open_ledger
from objlib.testing.databases import damage_database, raw
from objlib.threads import inline_runner
from tests.support.ledger import (
    RUN,
    BreakingRunner,
    Crash,
    HeldRunner,
    add,
    add_many,
    bring,
    fresh,
    gather,
    wanted,
)


def put(key: str) -> Callable[[sqlite3.Connection], str]:
    """A write of one setting."""

    def write(conn: sqlite3.Connection) -> str:
        conn.execute("INSERT INTO settings VALUES (?, '')", (key,))
        return key

    return write


def keys(conn: sqlite3.Connection) -> list[str]:
    """The settings that are there."""
    return [key for (key,) in conn.execute("SELECT key FROM settings ORDER BY key")]


def fail(conn: sqlite3.Connection) -> None:
    """Writes something, and then raises."""
    put("doomed")(conn)
    raise ZeroDivisionError


class Trace:
    """Counts the transactions that a connection commits, and what it says in between."""

    def __init__(self) -> None:
        self.said: list[str] = []

    async def watch(self, ledger: Ledger) -> None:
        await raw(ledger).read(lambda conn: conn.set_trace_callback(self.said.append))

    def commits(self) -> int:
        """Write transactions, from BEGIN IMMEDIATE to COMMIT."""
        return self.said.count("BEGIN IMMEDIATE")


async def test_a_hundred_tasks_share_one_transaction(ledger: Ledger) -> None:
    rows = await add_many(ledger, 100)
    trace = Trace()
    await trace.watch(ledger)
    calls = [partial(ledger.apply, wanted(Event.START_UPLOAD, row, new_attempt_id())) for row in rows]
    done = await gather(*calls)
    assert [getattr(row, "state", row) for row in done] == [State.UPLOADING] * 100
    assert trace.commits() <= 2
    assert trace.said.count("COMMIT") <= 3


async def test_what_waits_while_a_batch_is_under_way_is_the_next_batch(path: Path) -> None:
    runner = HeldRunner()
    async with open_ledger(path, runner=runner) as ledger, trio.open_nursery() as nursery:
        runner.shut()
        before = runner.calls
        nursery.start_soon(raw(ledger).write, put("first"))
        await runner.waiting.wait()
        for number in range(50):
            nursery.start_soon(raw(ledger).write, put(f"{number}"))
        await trio.testing.wait_all_tasks_blocked()
        assert runner.calls - before == 1
        runner.gate.set()
        await trio.testing.wait_all_tasks_blocked()
        assert runner.calls - before == 2
        assert len(await raw(ledger).read(keys)) == 51


async def test_a_batch_has_a_limit(path: Path) -> None:
    runner = HeldRunner()
    async with open_ledger(path, runner=runner) as ledger:
        before = runner.calls
        await gather(*(partial(raw(ledger).write, put(f"{number}")) for number in range(2 * BATCH + 10)))
        assert runner.calls - before == 3


async def test_one_write_alone_needs_one_turn(path: Path) -> None:
    runner = HeldRunner()
    async with open_ledger(path, runner=runner) as ledger:
        for expected in range(runner.calls + 1, runner.calls + 4):
            await ledger.settings.set("a", "b")
            assert runner.calls == expected


async def test_results_come_in_the_order_of_the_callers(ledger: Ledger) -> None:
    wished = [f"{number:03}" for number in range(70)]
    assert await gather(*(partial(raw(ledger).write, put(key)) for key in wished)) == wished


async def test_a_write_returns_only_after_its_commit(path: Path) -> None:
    other = sqlite3.connect(path)
    seen: list[bool] = []

    async def write(key: str) -> None:
        await raw(ledger).write(put(key))
        seen.append(key in keys(other))

    async with open_ledger(path) as ledger, trio.open_nursery() as nursery:
        for key in "abcde":
            nursery.start_soon(write, key)
    other.close()
    assert seen == [True] * 5


async def test_a_read_in_the_same_batch_sees_only_what_was_committed(path: Path) -> None:
    runner = HeldRunner()
    async with open_ledger(path, runner=runner) as ledger, trio.open_nursery() as nursery:
        runner.shut()
        nursery.start_soon(ledger.runs.heartbeat, RUN)
        await runner.waiting.wait()
        nursery.start_soon(raw(ledger).write, put("a"))
        await trio.testing.wait_all_tasks_blocked()
        seen: list[list[str]] = []

        async def look() -> None:
            seen.append(await raw(ledger).read(keys))

        nursery.start_soon(look)
        await trio.testing.wait_all_tasks_blocked()
        runner.gate.set()
        await trio.testing.wait_all_tasks_blocked()
        assert seen == [[]]
        assert await raw(ledger).read(keys) == ["a"]


async def test_all_queries_of_a_read_see_the_same_moment(path: Path) -> None:
    async with open_ledger(path, runner=inline_runner) as ledger, open_ledger(path) as other:
        await raw(ledger).write(put("a"))

        def look_twice(conn: sqlite3.Connection) -> tuple[list[str], list[str]]:
            first = keys(conn)
            with damage_database(path) as between:
                put("b")(between)
            return first, keys(conn)

        assert await raw(ledger).read(look_twice) == (["a"], ["a"])
        assert await raw(other).read(keys) == ["a", "b"]


@pytest.mark.parametrize("alone", [True, False])
async def test_an_operation_that_fails_does_not_harm_its_batch(ledger: Ledger, *, alone: bool) -> None:
    await raw(ledger).write(put("there"))
    trace = Trace()
    await trace.watch(ledger)
    write = partial(raw(ledger).submit, writes=True, alone=alone)
    results = await gather(
        partial(write, put("a")),
        partial(write, fail),
        partial(write, put("b")),
        partial(write, put("there")),
        partial(write, lambda conn: conn.execute("SELECT nonsense")),
        partial(raw(ledger).read, lambda conn: conn.execute("SELECT nonsense")),
        partial(write, put("c")),
    )
    kinds = [type(result) for result in results]
    assert kinds == [str, ZeroDivisionError, str, sqlite3.IntegrityError, LedgerError, LedgerError, str]
    assert await raw(ledger).read(keys) == ["a", "b", "c", "there"]
    assert trace.commits() == (1 if alone else 2)  # those that may share are tried without savepoints first


async def test_a_batch_that_may_share_takes_no_savepoint_where_none_fails(ledger: Ledger) -> None:
    trace = Trace()
    await trace.watch(ledger)
    write = partial(raw(ledger).submit, writes=True, alone=False)
    assert await gather(partial(write, put("a")), partial(write, put("b"))) == ["a", "b"]
    assert [said for said in trace.said if "SAVEPOINT" in said] == []
    assert await raw(ledger).read(keys) == ["a", "b"]


async def test_a_failure_among_those_that_may_share_is_recorded_once(ledger: Ledger) -> None:
    said: list[str] = []

    def note(conn: sqlite3.Connection, error: Exception) -> None:
        said.append(type(error).__name__)
        put("noted")(conn)

    write = partial(raw(ledger).submit, writes=True, alone=False)
    results = await gather(partial(write, put("a")), partial(write, fail, rescue=note))
    assert [type(result) for result in results] == [str, ZeroDivisionError]
    assert said == ["ZeroDivisionError"]
    assert await raw(ledger).read(keys) == ["a", "noted"]


@pytest.mark.parametrize("alone", [True, False])
async def test_a_full_disk_undoes_the_batch_once_and_every_caller_hears_of_it(
    ledger: Ledger, *, alone: bool
) -> None:
    ran = []

    def fill(conn: sqlite3.Connection) -> None:
        ran.append(1)
        (pages,) = conn.execute("PRAGMA page_count").fetchone()
        conn.execute(f"PRAGMA max_page_count = {pages}")
        conn.execute("INSERT INTO settings VALUES ('big', hex(zeroblob(1000000)))")

    write = partial(raw(ledger).submit, writes=True, alone=alone)
    results = await gather(partial(write, put("a")), partial(write, fill), partial(write, put("b")))
    assert [type(result) for result in results] == [LedgerError] * 3
    assert ran == [1]
    assert await raw(ledger).read(keys) == []


async def test_a_caller_that_is_cancelled_while_waiting_never_acted(path: Path) -> None:
    runner = HeldRunner()
    async with open_ledger(path, runner=runner) as ledger, trio.open_nursery() as nursery:
        runner.shut()
        nursery.start_soon(raw(ledger).write, put("first"))
        await runner.waiting.wait()
        with trio.CancelScope() as scope:
            nursery.start_soon(raw(ledger).write, put("other"))
            async with trio.open_nursery() as inner:
                for number in range(20):
                    inner.start_soon(raw(ledger).write, put(f"cancelled {number}"))
                await trio.testing.wait_all_tasks_blocked()
                scope.cancel()
        assert scope.cancelled_caught
        runner.gate.set()
        await trio.testing.wait_all_tasks_blocked()
        assert await raw(ledger).read(keys) == ["first", "other"]


async def test_a_caller_that_is_cancelled_after_its_operation_was_taken_gets_the_result(path: Path) -> None:
    runner = HeldRunner()
    got: list[str] = []
    async with open_ledger(path, runner=runner) as ledger, trio.open_nursery() as nursery:
        runner.shut()

        async def write() -> None:
            with trio.CancelScope() as scope:
                nursery.start_soon(cancel, scope)
                got.append(await raw(ledger).write(put("taken")))
                await trio.lowlevel.checkpoint()
                got.append("never")
            assert scope.cancelled_caught

        async def cancel(scope: trio.CancelScope) -> None:
            await runner.waiting.wait()
            scope.cancel()
            await trio.testing.wait_all_tasks_blocked()
            assert got == []
            runner.gate.set()

        nursery.start_soon(write)
    assert got == ["taken"]


async def test_a_caller_that_is_cancelled_already_never_acts(ledger: Ledger) -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await raw(ledger).write(put("never"))
    assert scope.cancelled_caught
    assert await raw(ledger).read(keys) == []


async def test_a_shielded_record_is_kept_while_the_opener_is_cancelled(path: Path) -> None:
    runner = HeldRunner()

    async def work(ledger: Ledger) -> None:
        try:
            await trio.sleep_forever()
        finally:
            with trio.move_on_after(5, shield=True):
                await raw(ledger).write(put("compensation"))

    with trio.CancelScope() as scope:
        async with open_ledger(path, runner=runner) as ledger, trio.open_nursery() as nursery:
            nursery.start_soon(work, ledger)
            await trio.testing.wait_all_tasks_blocked()
            runner.shut()
            scope.cancel()
            nursery.start_soon(open_gate_later, runner)
    assert scope.cancelled_caught
    async with open_ledger(path) as again:
        assert await raw(again).read(keys) == ["compensation"]


async def open_gate_later(runner: HeldRunner) -> None:
    """Open the gate of the runner, also when the test is cancelled."""
    with trio.CancelScope(shield=True):
        await runner.waiting.wait()
        await trio.testing.wait_all_tasks_blocked()
        runner.gate.set()


async def test_what_was_queued_when_the_block_ends_is_still_done(path: Path) -> None:
    runner = HeldRunner()
    async with trio.open_nursery() as nursery:
        async with open_ledger(path, runner=runner) as ledger:
            write = raw(ledger).write
            runner.shut()
            nursery.start_soon(write, put("taken"))
            await runner.waiting.wait()
            nursery.start_soon(write, put("queued"))
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(open_gate_later, runner)
        with pytest.raises(LedgerError, match="closed"):
            await raw(ledger).write(put("late"))
    async with open_ledger(path) as again:
        assert await raw(again).read(keys) == ["queued", "taken"]


async def test_an_error_of_the_block_comes_out_as_it_is(path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        async with open_ledger(path):
            raise ZeroDivisionError
    with trio.move_on_after(0) as scope:
        async with open_ledger(path):
            raise AssertionError("never reached")
    assert scope.cancelled_caught


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_crash_of_the_runner_reaches_every_caller_and_stops_nothing_else(
    path: Path, moment: str
) -> None:
    runner = BreakingRunner()
    async with open_ledger(path, runner=runner) as ledger:
        rows = await add_many(ledger, 3)
        setattr(runner, moment, Crash())
        starts = [wanted(Event.START_UPLOAD, row, new_attempt_id()) for row in rows]
        with pytest.RaisesGroup(Crash, Crash, Crash):
            async with trio.open_nursery() as nursery:
                for start in starts:
                    nursery.start_soon(ledger.apply, start)
        reached = State.UNTRACKED if moment == "before" else State.UPLOADING
        for row in rows:
            now = await fresh(ledger, row.file_id)
            events, attempts = await ledger.files.history(row.file_id)
            assert now.state is reached
            assert len(events) == len(attempts) == now.version


@pytest.mark.parametrize("alone", [True, False])
async def test_a_crash_inside_the_transaction_leaves_nothing_of_it(ledger: Ledger, *, alone: bool) -> None:
    row = await add(ledger)
    write = partial(raw(ledger).submit, writes=True, alone=alone)

    def move_and_crash(conn: sqlite3.Connection) -> None:
        conn.execute("UPDATE files SET gemini_state = 'uploading', version = 1")
        raise Crash

    with pytest.RaisesGroup(Crash, Crash):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(write, move_and_crash))
            nursery.start_soon(partial(write, put("same batch")))
    assert await fresh(ledger, row.file_id) == row
    assert await raw(ledger).read(keys) == []
    with pytest.raises(Crash):
        await raw(ledger).read(move_and_crash)
    assert await fresh(ledger, row.file_id) == row


async def test_a_function_that_ends_the_transaction_is_found_out(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="report"):
        await raw(ledger).write(lambda conn: conn.commit())
    with pytest.raises(LedgerError, match="report"):
        await raw(ledger).read(lambda conn: conn.rollback())
    await raw(ledger).write(put("a"))
    assert await raw(ledger).read(keys) == ["a"]


async def test_a_read_may_fill_a_temporary_table_that_later_reads_see(ledger: Ledger) -> None:
    def fill(conn: sqlite3.Connection) -> None:
        conn.execute("CREATE TEMP TABLE seen (path TEXT)")
        conn.execute("INSERT INTO seen VALUES ('a')")

    await raw(ledger).read(fill)
    await raw(ledger).write(lambda conn: conn.execute("INSERT INTO seen VALUES ('b')").rowcount)
    found = await raw(ledger).read(lambda conn: conn.execute("SELECT path FROM seen").fetchall())
    assert found == [("a",), ("b",)]


async def test_threads_are_where_the_work_is_done_by_default(path: Path) -> None:
    here, seen = threading.get_ident(), set()

    def guard(_: object) -> None:
        seen.add(threading.get_ident())

    async with open_ledger(path) as ledger:
        row, attempt = await bring(ledger, await add(ledger), State.PROCESSING)
        seen.add(await raw(ledger).read(lambda _: threading.get_ident()))
        await ledger.apply(Move(row, RUN, attempt).complete_processing("d").guarded(guard))
    assert here not in seen


async def test_a_slow_write_does_not_hold_up_the_event_loop(path: Path) -> None:
    go, came = threading.Event(), []

    async def write() -> None:
        came.append(await raw(ledger).write(lambda _: go.wait(10)))

    async with open_ledger(path) as ledger, trio.open_nursery() as nursery:
        nursery.start_soon(write)
        await trio.testing.wait_all_tasks_blocked()
        go.set()
    assert came == [True]
