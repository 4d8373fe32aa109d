"""Thinning: old history goes, and what something rests on stays."""

from math import inf
from pathlib import Path

import pytest

from objlib.core.errors import StaleTransitionError
from objlib.core.ids import AttemptId, RunId
from objlib.core.lifecycle.table import Event, State
from objlib.ledger import FileRow, Ledger
from objlib.ledger.database import LedgerConnection
from objlib.ledger.runs import KEPT_SERIES
from objlib.testing.databases import raw
from tests.support.clock import Clock
from tests.support.ledger import add, add_many, bring, fresh, index, lose, put_off, reset, wanted


async def thin(ledger: Ledger, cutoff: float = inf, limit: int = 2) -> tuple[int, int]:
    """Thin all pages; how many events and attempts went."""
    after, events, attempts = "", 0, 0
    while (page := await ledger.compaction.thin(cutoff, after, limit)).until is not None:
        after, events, attempts = page.until, events + page.events, attempts + page.attempts
    return events, attempts


async def history(ledger: Ledger, row: FileRow) -> tuple[list[tuple[Event, str]], list[str | None]]:
    """Events and attempts of a file that are on record."""
    events, attempts = await ledger.files.history(row.file_id)
    return [(event.event, event.outcome) for event in events], [each.document_name for each in attempts]


async def sent_thrice(ledger: Ledger, row: FileRow) -> FileRow:
    """Index a file in three versions; the second document is still to be deleted."""
    for number in (1, 2):
        row = await reset(ledger, await index(ledger, row, f"{row.file_id}/{number}"))
    return await index(ledger, row, f"{row.file_id}/3")


async def test_of_each_file_the_last_move_and_the_attempts_of_its_documents_stay(ledger: Ledger) -> None:
    rows = [await sent_thrice(ledger, row) for row in await add_many(ledger, 5)]
    assert await thin(ledger) == (5 * 10, 5)
    for row in rows:
        assert await fresh(ledger, row.file_id) == row
        documents = [f"{row.file_id}/2", f"{row.file_id}/3"]
        assert await history(ledger, row) == ([(Event.COMPLETE_PROCESSING, "success")], documents)
        attempt = await ledger.attempts.last(row.file_id)
        assert attempt is not None
        assert attempt.operation_name is None
    assert await thin(ledger) == (0, 0)


async def test_what_is_younger_stays(ledger: Ledger, clock: Clock) -> None:
    row = await sent_thrice(ledger, await add(ledger))
    clock.time += 10
    row = await index(ledger, await reset(ledger, row), f"{row.file_id}/4")
    assert await thin(ledger, clock.time) == (11, 2)
    events, documents = await history(ledger, row)
    assert len(events) == 4
    assert documents == [f"{row.file_id}/{number}" for number in (3, 4)]


async def test_an_attempt_that_is_not_over_keeps_all_that_recovery_asks_for(ledger: Ledger) -> None:
    row = await reset(ledger, await index(ledger, await add(ledger), "old"))
    row, attempt_id = await bring(ledger, row, State.PROCESSING)
    before = await ledger.attempts.last(row.file_id)
    assert await thin(ledger) == (4, 0)
    assert await ledger.attempts.last(row.file_id) == before
    events, _ = await ledger.files.history(row.file_id)
    assert [event.attempt_id for event in events] == [attempt_id] * 2
    assert before is not None
    assert before.operation_name is not None
    done = await ledger.apply(wanted(Event.COMPLETE_PROCESSING, row, attempt_id))
    assert done.state is State.INDEXED


async def test_the_last_refusal_stays_beside_the_last_move(ledger: Ledger) -> None:
    row = await index(ledger, await add(ledger), "old")
    later = await reset(ledger, row)
    with pytest.raises(StaleTransitionError):
        await reset(ledger, row)
    await thin(ledger)
    assert (await history(ledger, later))[0] == [(Event.RESET, "success"), (Event.RESET, "rejected")]


async def test_the_history_of_a_pruned_file_tells_when_it_was_indexed(ledger: Ledger) -> None:
    row = await index(ledger, await add(ledger), "old")
    row = await ledger.apply(wanted(Event.RESET, row, AttemptId("")))
    await put_off(ledger, row, None)
    await lose(ledger, row)
    gone = "UPDATE files SET gemini_document = NULL, indexed_hash = NULL WHERE file_id = ?"
    await raw(ledger).write(lambda conn: conn.execute(gone, (row.file_id,)).rowcount)
    attempts = (await history(ledger, row))[1]
    await thin(ledger)
    assert (await history(ledger, row))[1] == attempts
    assert (await ledger.files.counts(now=1.0)).missing == 0


async def test_the_attempt_of_a_document_stays_where_later_ones_brought_none(ledger: Ledger) -> None:
    row = await sent_thrice(ledger, await add(ledger))
    # A later attempt was indexed too, and what it brought was taken back by hand: the row has the older document.
    swap = "UPDATE files SET gemini_document = ?, superseded_document = NULL WHERE file_id = ?"
    await raw(ledger).write(lambda conn: conn.execute(swap, (f"{row.file_id}/1", row.file_id)).rowcount)
    await thin(ledger)
    assert (await history(ledger, row))[1] == [f"{row.file_id}/1", f"{row.file_id}/3"]


async def test_an_attempt_that_is_not_over_stays_whatever_came_after_it(ledger: Ledger) -> None:
    row = await sent_thrice(ledger, await add(ledger))
    again = "UPDATE attempts SET outcome = NULL WHERE document_name = ?"
    await raw(ledger).write(lambda conn: conn.execute(again, (f"{row.file_id}/1",)).rowcount)
    await thin(ledger)
    assert len((await history(ledger, row))[1]) == 3


async def test_events_of_a_file_that_is_gone_are_thinned_too(ledger: Ledger) -> None:
    row = await index(ledger, await add(ledger), "old")
    await raw(ledger).write(lambda conn: conn.execute("DELETE FROM files").rowcount)
    assert await thin(ledger) == (2, 0)
    assert len((await history(ledger, row))[0]) == 1


async def test_only_deletes_that_are_done_go(ledger: Ledger, clock: Clock) -> None:
    intents = [await ledger.intents.open(None, name, "orphan", None) for name in ("done", "late", "open")]
    await ledger.intents.close(intents[0].intent_id, "deleted")
    clock.time += 10
    await ledger.intents.close(intents[1].intent_id, "deleted")
    assert await ledger.compaction.thin_intents(clock.time) == 1
    assert await ledger.intents.page() == [intents[2]]
    assert await ledger.compaction.thin_intents(inf) == 1


async def test_of_the_runs_the_last_ones_stay_and_those_with_work_left(ledger: Ledger, clock: Clock) -> None:
    names = [RunId(f"{number:03}") for number in range(KEPT_SERIES + 3)]
    for name in (*names, RunId("died"), RunId("young")):
        clock.time += 1
        await ledger.runs.start(name, 1, "here", "upload")
        if name != "died":
            await ledger.runs.end(name)
    await bring(ledger, await add(ledger), State.UPLOADING)

    def own(conn: LedgerConnection) -> None:
        conn.execute("UPDATE attempts SET run_id = ?", (names[1],))
        conn.execute("UPDATE runs SET started = 1")  # their ids decide which are the last
        conn.execute("UPDATE runs SET started = 2 WHERE run_id > '002'")

    await raw(ledger).write(own)
    assert await ledger.compaction.thin_runs(clock.time) == 2
    left = {run.run_id for run in await ledger.runs.all()}
    assert left == {*names, RunId("died"), RunId("young")} - {names[0], names[2]}


async def test_the_size_of_a_ledger_is_known_and_a_file_gives_its_room_back(ledger: Ledger) -> None:
    fill = "INSERT INTO settings (key, value) VALUES (?, ?)"
    await raw(ledger).write(
        lambda conn: conn.executemany(fill, [(f"k{number}", "x" * 8000) for number in range(100)])
    )
    large = await ledger.compaction.size()
    await raw(ledger).write(lambda conn: conn.execute("DELETE FROM settings WHERE key LIKE 'k%'").rowcount)
    await ledger.shrink()
    after = await ledger.compaction.size()
    assert (await ledger.settings.get("k1"), large > 100_000) == (None, True)
    assert after < large / 2 or not isinstance(ledger.place, Path)
