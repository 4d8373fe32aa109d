"""Questions and small records: what they answer, page by page, and that none reads the whole table."""

import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objlib.core.errors import RefusedError
from objlib.core.failures import Failure, FailureKind
from objlib.core.ids import AttemptId, FileId, RunId, new_attempt_id
from objlib.core.lifecycle.table import Event, State
from objlib.core.pacing.closing import Closing
from objlib.ledger import SCAN, FileRow, Ledger, Move, open_ledger
from objlib.ledger.dialects.postgres import PostgresConnection
from objlib.ledger.rows import decode_failure, encode_failure, encode_metadata
from objlib.testing.databases import raw
from objlib.testing.postgres import ThrowAwayServer
from tests.support.clock import Clock
from tests.support.ledger import (
    RUN,
    add,
    add_many,
    bring,
    fresh,
    gather,
    index,
    lose,
    put_off,
    reset,
    wanted,
)
from tests.support.postgres import new_ledger


async def paged(ask: Callable[[str], Awaitable[Sequence[FileRow]]]) -> list[FileId]:
    """All ids of a paged listing, page by page."""
    found: list[FileId] = []
    while page := await ask(found[-1] if found else ""):
        found += [row.file_id for row in page]
    return found


async def test_files_never_put_off_are_claimable_first_then_the_longest_waiting(
    ledger: Ledger,
) -> None:
    rows = await add_many(ledger, 7)
    await put_off(ledger, rows[0], 900.0)
    await put_off(ledger, rows[1], 1_001.0)
    await put_off(ledger, rows[2], 800.0)
    await bring(ledger, rows[3], State.UPLOADING)
    await lose(ledger, rows[4])
    ids = [row.file_id for row in rows]
    found = [row.file_id for row in await ledger.files.claimable(now=1_000.0, limit=10)]
    assert found == [ids[5], ids[6], ids[2], ids[0]]
    assert [row.file_id for row in await ledger.files.claimable(now=1_000.0, limit=3)] == found[:3]
    assert len(await ledger.files.claimable(now=1_001.0, limit=10)) == 5
    assert await ledger.files.claimable_totals() == (5, 50)
    assert await ledger.files.claimable_totals(now=1_000.0) == (4, 40)
    assert await ledger.files.next_retry_at() == 800.0


async def test_an_empty_ledger_answers_too(ledger: Ledger) -> None:
    assert await ledger.files.claimable(now=1.0, limit=10) == []
    assert await ledger.files.claimable_totals() == (0, 0)
    assert await ledger.files.next_retry_at() is None
    assert await ledger.files.get(FileId("nobody")) is None
    assert await ledger.files.by_path("nowhere") is None
    assert await ledger.attempts.last(FileId("nobody")) is None
    assert await ledger.files.history(FileId("nobody")) == ([], [])
    assert await ledger.files.transient() == []
    assert (await ledger.files.counts(now=ledger.now())).states == dict.fromkeys(State, 0)
    assert await ledger.runs.all() == []
    assert await ledger.runs.get(RUN) is None
    assert await ledger.settings.pinned() is None
    assert await ledger.settings.get("window") is None


async def test_pages_hold_every_file_once(ledger: Ledger) -> None:
    rows = await add_many(ledger, 23)
    ids = [row.file_id for row in rows]
    for row in rows[::2]:
        await bring(ledger, row, State.FAILED)
    assert await paged(lambda after: ledger.files.page(after=after, limit=5)) == ids
    assert await paged(lambda after: ledger.files.page(State.FAILED, after=after, limit=5)) == ids[::2]
    assert await paged(lambda after: ledger.files.page(State.UNTRACKED, after=after, limit=11)) == ids[1::2]
    assert await paged(lambda after: ledger.files.failed(after, 4)) == ids[::2]


async def test_a_path_belongs_to_the_file_on_disk_or_else_to_the_last_that_was_there(ledger: Ledger) -> None:
    first = await add(ledger, "a.txt")
    await lose(ledger, first, 100.0)
    second = await add(ledger, "a.txt")
    third = await ledger.files.by_path("a.txt")
    assert third is not None
    assert third.file_id == second.file_id
    await lose(ledger, second, 200.0)
    last = await ledger.files.by_path("a.txt")
    assert last is not None
    assert (last.file_id, last.missing_since) == (second.file_id, 200.0)


async def test_transient_rows_come_with_their_last_attempt_and_its_run(ledger: Ledger) -> None:
    rows = await add_many(ledger, 5)
    await ledger.runs.start(RUN, 42, "here", "upload")
    one, attempt = await bring(ledger, await put_off(ledger, rows[0], None), State.PROCESSING)
    two, _ = await bring(ledger, rows[1], State.UPLOADING)
    await bring(ledger, rows[2], State.INDEXED)
    await raw(ledger).write(
        lambda conn: (
            conn.execute("UPDATE attempts SET run_id = 'x' WHERE file_id = ?", (two.file_id,)).rowcount
        )
    )
    await raw(ledger).write(
        lambda conn: (
            conn.execute(
                "UPDATE files SET gemini_state = 'uploading' WHERE file_id = ?", (rows[3].file_id,)
            ).rowcount
        )
    )
    found = await ledger.files.transient()
    assert [row.file_id for row, _, _ in found] == [rows[0].file_id, rows[1].file_id, rows[3].file_id]
    assert found[0][1] == await ledger.attempts.last(one.file_id)
    assert found[0][1] is not None
    assert found[0][1].attempt_id == attempt
    assert [run and run.pid for _, _, run in found] == [42, None, None]
    assert found[2][1] is None
    rest = await ledger.files.transient(one.file_id, 1)
    assert [row.file_id for row, _, _ in rest] == [two.file_id]


async def test_superseded_documents_are_listed_until_their_intent_is_closed(
    ledger: Ledger, clock: Clock
) -> None:
    rows = await add_many(ledger, 3)
    for row in rows:
        await index(
            ledger, await reset(ledger, await index(ledger, row, f"{row.file_id}/1")), f"{row.file_id}/2"
        )
    ids = [row.file_id for row in rows]
    assert await paged(lambda after: ledger.files.superseded(after, 2)) == ids
    assert (await ledger.files.counts(now=ledger.now())).superseded == 3
    intent = await ledger.intents.open(ids[1], f"{ids[1]}/1", "replaced", RUN)
    assert intent == await ledger.intents.open(None, f"{ids[1]}/1", "again", None)
    clock.time += 1
    other = await ledger.intents.open(None, "stranger", "orphan", None)
    assert await ledger.intents.page() == [intent, other]
    assert await ledger.intents.page(intent.intent_id, 5) == [other]
    assert (await ledger.files.counts(now=ledger.now())).open_intents == 2
    for outcome in ("deleted", "twice"):
        await ledger.intents.close(intent.intent_id, outcome)
    assert (await fresh(ledger, ids[1])).superseded is None
    assert await paged(lambda after: ledger.files.superseded(after, 2)) == [ids[0], ids[2]]
    assert intent != await ledger.intents.open(ids[1], f"{ids[1]}/1", "it came back", RUN)
    closed = await raw(ledger).read(
        lambda conn: conn.execute("SELECT outcome FROM intents WHERE done_at IS NOT NULL").fetchall()
    )
    assert closed == [("deleted",)]


async def test_a_run_lives_from_its_start_to_its_end(ledger: Ledger, clock: Clock) -> None:
    await ledger.runs.start(RunId("b"), 7, "here", "upload")
    clock.time += 5
    await ledger.runs.start(RunId("a"), 8, "there", "recover")
    await ledger.runs.heartbeat(RunId("b"))
    clock.time += 5
    await ledger.runs.end(RunId("a"))
    clock.time += 5
    await ledger.runs.end(RunId("a"))
    first, second = await ledger.runs.all()
    assert (first.run_id, first.started, first.heartbeat, first.ended) == ("b", 1_000.0, 1_005.0, None)
    assert (second.host, second.command, second.heartbeat, second.ended) == (
        "there",
        "recover",
        1_010.0,
        1_010.0,
    )
    assert await ledger.runs.get(RunId("a")) == second


async def test_a_ledger_belongs_to_one_store(ledger: Ledger) -> None:
    await ledger.settings.pin("fileSearchStores/a", "Library", ledger=ledger.place)
    await ledger.settings.pin("fileSearchStores/a", "Renamed", ledger=ledger.place)
    assert await ledger.settings.pinned() == ("fileSearchStores/a", "Renamed")
    with pytest.raises(RefusedError, match=r"belongs to the store fileSearchStores/a \(Renamed\), not to"):
        await ledger.settings.pin("fileSearchStores/b", "Library", ledger=ledger.place)
    assert await ledger.settings.pinned() == ("fileSearchStores/a", "Renamed")


async def test_of_two_runs_that_pin_at_once_one_is_refused(ledger: Ledger) -> None:
    results = await gather(*(partial(ledger.settings.pin, name, name, ledger=ledger.place) for name in "ab"))
    assert sorted(type(result).__name__ for result in results) == ["NoneType", "RefusedError"]


async def test_settings_are_kept(path: Path) -> None:
    async with open_ledger(path) as ledger:
        await ledger.settings.set("window", "4.5")
        await ledger.settings.set("window", "5.5")
    async with open_ledger(path) as ledger:
        assert await ledger.settings.get("window") == "5.5"


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])),
        st.text(st.characters(exclude_categories=["Cs"]))
        | st.floats(allow_nan=False)
        | st.lists(st.just("ü")),
    ),
    st.sampled_from(FailureKind),
    st.booleans(),
)
def test_metadata_and_failures_survive_the_way_through_the_database(
    metadata: dict[str, str | float | list[str]], kind: FailureKind, retryable: bool
) -> None:
    failure = Failure(kind, "one line", retryable)
    cells = ("f", "p", b"\xff", "h", 1, 2, 3, "m", encode_metadata(metadata), "failed", 4.0, 5, 6, 7.0, "e",
             encode_failure(failure), "d", "i", "s", 8.0)  # fmt: skip
    row = FileRow.read(cells)
    assert (row.metadata, row.failure, row.state) == (metadata, failure, State.FAILED)
    assert (row.path_bytes, row.missing_since, row.superseded) == (b"\xff", 8.0, "s")
    assert decode_failure(None) is None


async def ask_everything(ledger: Ledger, row: FileRow, attempt: AttemptId) -> None:
    """Every question and every move of a page of work."""
    move = Move(row, RUN, attempt)
    for ask in (
        partial(ledger.files.claimable, now=1.0, limit=5),
        partial(ledger.claim, RUN, [new_attempt_id()]),
        partial(ledger.claim, RUN, [new_attempt_id()], among=[row.file_id]),
        ledger.files.claimable_totals,
        ledger.files.next_retry_at,
        partial(ledger.files.get, row.file_id),
        partial(ledger.files.by_path, "elsewhere"),
        ledger.files.page,
        partial(ledger.files.page, State.FAILED),
        ledger.files.failed,
        ledger.files.superseded,
        ledger.files.transient,
        ledger.intents.page,
        partial(ledger.files.history, row.file_id),
        partial(ledger.attempts.last, row.file_id),
        partial(ledger.attempts.record_session, attempt, "url"),
        partial(ledger.attempts.record_document, move, expected=None, document="d", surplus=()),
        partial(ledger.intents.open, row.file_id, "d", "r", RUN),
        partial(ledger.runs.heartbeat, RUN),
        partial(ledger.runs.get, RUN),
        partial(ledger.runs.ask_to_stop, RUN),
        ledger.settings.pinned,
        partial(ledger.leases.take, SCAN, RUN),
        partial(ledger.closings.record, RUN, Closing(9.0)),
        partial(ledger.closings.read, 1.0, 0),
        partial(ledger.rates.exchange, RUN, rates={"requests": 3.0}),
        ledger.rates.learnt,
    ):
        await ask()
    row = await ledger.apply(wanted(Event.COMPLETE_UPLOAD, row, attempt))
    row = await ledger.apply(wanted(Event.COMPLETE_PROCESSING, row, attempt))
    await ledger.apply(wanted(Event.RESET, row, AttemptId("")))
    await ledger.apply(wanted(Event.START_UPLOAD, await fresh(ledger, row.file_id), new_attempt_id()))


async def test_no_question_reads_a_whole_table(ledger: Ledger, path: Path) -> None:
    """Every statement of a page of work is planned: only counting may walk a whole index, nothing a table."""
    await ledger.runs.start(RUN, 1, "host", "upload")
    row, attempt = await bring(ledger, await add(ledger), State.UPLOADING)
    said: list[str] = []
    await raw(ledger).read(lambda conn: conn.set_trace_callback(said.append))
    await ask_everything(ledger, row, attempt)
    await raw(ledger).read(lambda conn: conn.set_trace_callback(None))
    planned = [statement for statement in said if statement.startswith(("SELECT", "UPDATE", "INSERT"))]

    def plan(conn: sqlite3.Connection) -> list[tuple[str, str]]:
        return [
            (statement, step[3])
            for statement in planned
            for step in conn.execute(f"EXPLAIN QUERY PLAN {statement}")
        ]

    steps = await raw(ledger).read(plan)
    whole = [
        (step, statement) for statement, step in steps if step.startswith("SCAN") and " USING " not in step
    ]
    assert [one for one in whole if "json_each" not in one[0]] == []
    sorts = {statement for statement, step in steps if "TEMP B-TREE" in step}
    assert all("IN ('processing', 'uploading')" in statement for statement in sorts), "few rows, sorted by id"
    assert len(planned) > 30


async def test_no_question_to_a_server_reads_a_whole_table(
    server: ThrowAwayServer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the planner must not read a table from end to end, it does so only if no index helps."""
    asked: dict[str, object] = {}
    execute = PostgresConnection.execute

    def record(conn: PostgresConnection, sql: str, parameters: object = (), /) -> Any:
        asked.setdefault(sql, parameters)
        return execute(conn, sql, parameters)

    async with open_ledger(new_ledger(server), now=clock) as ledger:
        await ledger.runs.start(RUN, 1, "host", "upload")
        row, attempt = await bring(ledger, await add(ledger), State.UPLOADING)
        with monkeypatch.context() as patch:
            patch.setattr(PostgresConnection, "execute", record)
            await ask_everything(ledger, row, attempt)

        def plans(conn: Any) -> list[tuple[str, str]]:
            conn.native.execute("SET enable_seqscan = off")
            words = ("SELECT", "UPDATE", "INSERT", "DELETE")
            return [
                (sql, line)
                for sql, parameters in asked.items()
                if sql.strip().startswith(words)
                for (line,) in conn.execute(f"EXPLAIN {sql}", parameters)
            ]

        steps = await raw(ledger).read(plans)
    assert [(sql, line) for sql, line in steps if "Seq Scan" in line] == []
    assert len({sql for sql, _ in steps}) > 25
