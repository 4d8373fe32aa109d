"""Claims: the next files of the queue, each for one run."""

from functools import partial
from typing import Any

import psycopg

from objlib.core.config.ledger_url import LedgerUrl
from objlib.core.ids import AttemptId, FileId, RunId, new_attempt_id
from objlib.core.lifecycle.table import Event, State
from objlib.ledger import Ledger, open_ledger
from objlib.testing.postgres import ThrowAwayServer
from tests.support.clock import Clock
from tests.support.ledger import add_many, gather, wanted
from tests.support.postgres import empty_schema

RUN = RunId("one")


async def test_files_are_claimed_in_the_order_of_the_queue_each_once(ledger: Ledger, clock: Clock) -> None:
    rows = await add_many(ledger, 5)
    attempts = [new_attempt_id() for _ in range(3)]
    claimed = await ledger.claim(RUN, attempts)
    assert [row.file_id for row, _ in claimed] == [row.file_id for row in rows[:3]]
    assert [attempt for _, attempt in claimed] == attempts
    assert {(row.state, row.version) for row, _ in claimed} == {(State.UPLOADING, 1)}
    events, opened = await ledger.files.history(rows[0].file_id)
    assert [(event.event, event.outcome, event.run_id) for event in events] == [
        (Event.START_UPLOAD, "success", RUN)
    ]
    assert [each.attempt_id for each in opened] == attempts[:1]
    assert [row.file_id for row, _ in await ledger.claim(RUN, attempts_of(9))] == [
        row.file_id for row in rows[3:]
    ]
    assert await ledger.claim(RUN, attempts_of(9)) == []


async def test_files_that_are_put_off_are_claimed_when_they_are_due(ledger: Ledger, clock: Clock) -> None:
    rows = await add_many(ledger, 2)
    ((first, attempt),) = await ledger.claim(RUN, attempts_of(1), among=[rows[1].file_id, FileId("none")])
    assert first.file_id == rows[1].file_id
    await ledger.apply(wanted(Event.REQUEUE_UPLOAD, first, attempt))
    assert await ledger.claim(RUN, attempts_of(1), among=[first.file_id]) == []
    assert [row.file_id for row, _ in await ledger.claim(RUN, attempts_of(2))] == [rows[0].file_id]
    clock.time = 2_000.0  # as it was put off until
    assert [row.file_id for row, _ in await ledger.claim(RUN, attempts_of(2))] == [first.file_id]


async def test_sessions_that_claim_at_once_take_different_files(server: ThrowAwayServer) -> None:
    with empty_schema(server) as url:
        async with open_ledger(url) as one, open_ledger(url) as two, open_ledger(url) as three:
            await add_many(one, 90)
            claims = await gather(
                *(
                    partial(ledger.claim, RUN, attempts_of(6))
                    for _ in range(5)
                    for ledger in (one, two, three)
                )
            )
            claimed = [row.file_id for rows in claims if isinstance(rows, list) for row, _ in rows]
            assert len(claimed) == len(set(claimed)) == 90


async def test_a_file_that_another_session_has_locked_is_left_to_it(server: ThrowAwayServer) -> None:
    with empty_schema(server) as url:
        async with open_ledger(url, busy_timeout=0.5) as ledger:
            rows = await add_many(ledger, 3)
            with locked(url, rows[0].file_id):
                claimed = await ledger.claim(RUN, attempts_of(2))
                assert [row.file_id for row, _ in claimed] == [row.file_id for row in rows[1:]]
                assert await ledger.claim(RUN, attempts_of(2)) == []
            assert len(await ledger.claim(RUN, attempts_of(2))) == 1


def attempts_of(count: int) -> list[AttemptId]:
    return [new_attempt_id() for _ in range(count)]


def locked(url: LedgerUrl, file_id: FileId) -> "psycopg.Connection[Any]":
    """A session that has a file locked for as long as it is open."""
    conn = psycopg.connect(url.conninfo)
    conn.execute(f"SELECT * FROM {url.schema}.files WHERE file_id = %s FOR UPDATE".encode(), (file_id,))
    return conn
