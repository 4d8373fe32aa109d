"""Transitions: every state by every event, what each does, and the record of each try."""

import sqlite3
from dataclasses import replace
from functools import partial
from itertools import pairwise, product
from typing import cast

import pytest

from objlib.core.errors import (
    GuardRejectedError,
    LedgerError,
    StaleTransitionError,
    TransitionNotAllowedError,
)
from objlib.core.ids import AttemptId, RunId, new_attempt_id
from objlib.core.lifecycle.table import TABLE, Event, State
from objlib.ledger import AttemptOverError, FileRow, Ledger, Move
from objlib.ledger.rows import Metadata
from objlib.testing.databases import raw
from tests.support.clock import Clock
from tests.support.ledger import BROKEN, DOCUMENT, RUN, add, bring, fresh, gather, index, reset, wanted

EDGES = {(edge.source, edge.event): edge.target for edge in TABLE}
ENDING = {
    Event.COMPLETE_PROCESSING: "indexed",
    Event.FAIL_PROCESSING: "failed",
    Event.REQUEUE_PROCESSING: "requeued",
}
"""Events that end an attempt from PROCESSING, and how."""


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)))
async def test_every_event_in_every_state_follows_the_table(
    ledger: Ledger, clock: Clock, state: State, event: Event
) -> None:
    row, attempt = await bring(ledger, await add(ledger), state)
    attempt = new_attempt_id() if event is Event.START_UPLOAD else attempt
    clock.time += 7
    goal = EDGES.get((state, event))
    if goal is None:
        with pytest.raises(TransitionNotAllowedError):
            await ledger.apply(wanted(event, row, attempt))
        assert await fresh(ledger, row.file_id) == row
    else:
        after = await ledger.apply(wanted(event, row, attempt))
        assert after == await fresh(ledger, row.file_id)
        assert (after.state, after.version, after.state_updated_at) == (goal, row.version + 1, clock.time)
    last = (await ledger.files.history(row.file_id))[0][-1]
    assert (last.event, last.from_state, last.to_state) == (event, state, goal or state)
    assert (last.outcome, last.timestamp) == ("success" if goal else "rejected", clock.time)


async def test_the_event_log_explains_every_state(ledger: Ledger) -> None:
    row = await index(ledger, await add(ledger), "d1")
    row = await index(ledger, await reset(ledger, row), "d2")
    with pytest.raises(TransitionNotAllowedError):
        await ledger.apply(wanted(Event.RETRY, row, AttemptId("x")))
    done = [event for event in (await ledger.files.history(row.file_id))[0] if event.outcome == "success"]
    assert done[0].from_state is State.UNTRACKED
    assert done[-1].to_state is row.state
    assert all(one.to_state is two.from_state for one, two in pairwise(done))
    assert len(done) == row.version == 7


async def test_start_upload_opens_an_attempt_and_replaces_the_metadata(ledger: Ledger, clock: Clock) -> None:
    row, _ = await bring(ledger, await add(ledger), State.UPLOADING)
    row = await ledger.apply(wanted(Event.REQUEUE_UPLOAD, row, AttemptId("")))
    attempt = new_attempt_id()
    metadata: Metadata = {"course": "Ethik", "year": 2024.0, "tags": ["a", "b"]}
    after = await ledger.apply(Move(row, RUN, attempt).start_upload(metadata=metadata))
    assert (after.attempts, after.retry_at, after.metadata) == (2, None, metadata)
    known = await ledger.attempts.last(row.file_id)
    assert known is not None
    assert (known.attempt_id, known.content_hash, known.run_id) == (attempt, "h1", RUN)
    assert (known.started_at, known.session_url, known.outcome) == (clock.time, None, None)
    assert (await ledger.apply(wanted(Event.FAIL_UPLOAD, after, attempt))).metadata == metadata


async def test_start_upload_claims_the_bytes_that_the_ledger_knows_now(ledger: Ledger) -> None:
    row = await add(ledger, content="old")
    await raw(ledger).write(lambda conn: conn.execute("UPDATE files SET content_hash = 'new'").rowcount)
    after, attempt = await bring(ledger, row, State.UPLOADING)
    known = await ledger.attempts.last(row.file_id)
    assert known is not None
    assert (known.attempt_id, known.content_hash, after.content_hash) == (attempt, "new", "new")


@pytest.mark.parametrize("event", [Event.COMPLETE_UPLOAD, Event.ADOPT])
async def test_names_reach_the_attempt_and_its_row_belongs_to_who_moved_it(
    ledger: Ledger, event: Event
) -> None:
    row, attempt = await bring(ledger, await add(ledger), State.UPLOADING)
    await ledger.attempts.record_document(
        Move(row, RUN, attempt), expected=None, document="early", surplus=()
    )
    await ledger.apply(wanted(event, row, attempt, run_id=RunId("run-2")))
    known = await ledger.attempts.last(row.file_id)
    assert known is not None
    assert (known.operation_name, known.document_name) == ("op", DOCUMENT + attempt)
    assert (known.run_id, known.outcome) == ("run-2", None)


async def test_names_that_are_unknown_leave_those_that_are_known(ledger: Ledger) -> None:
    row, attempt = await bring(ledger, await add(ledger), State.UPLOADING)
    await ledger.attempts.record_document(
        Move(row, RUN, attempt), expected=None, document="doc-1", surplus=()
    )
    await ledger.apply(Move(row, RUN, attempt).complete_upload(operation=None, document=None))
    known = await ledger.attempts.last(row.file_id)
    assert known is not None
    assert (known.operation_name, known.document_name) == (None, "doc-1")


async def test_complete_processing_records_the_hash_of_the_attempt_not_of_the_disk(ledger: Ledger) -> None:
    row, attempt = await bring(ledger, await add(ledger, content="sent"), State.PROCESSING)
    await raw(ledger).write(lambda conn: conn.execute("UPDATE files SET content_hash = 'edited'").rowcount)
    after = await ledger.apply(wanted(Event.COMPLETE_PROCESSING, row, attempt))
    assert (after.indexed_hash, after.content_hash) == ("sent", "edited")
    assert (await ledger.files.counts(now=ledger.now())).changed == 1


async def test_complete_processing_forgets_what_went_wrong_before(ledger: Ledger) -> None:
    row, attempt = await bring(ledger, await add(ledger), State.UPLOADING)
    row = await ledger.apply(wanted(Event.REQUEUE_UPLOAD, row, attempt))
    assert (row.last_error, row.retry_at, row.attempts) == ("lost", 2_000.0, 1)
    row = await index(ledger, row, "d1")
    assert (row.last_error, row.retry_at, row.attempts, row.failure) == (None, None, 0, None)
    assert (row.document, row.superseded) == ("d1", None)


async def test_an_older_document_is_superseded_and_never_forgotten(ledger: Ledger) -> None:
    row = await index(ledger, await add(ledger), "d1")
    row = await index(ledger, await reset(ledger, row), "d2")
    assert (row.document, row.superseded) == ("d2", "d1")
    assert await ledger.intents.page() == []
    row = await index(ledger, await reset(ledger, row), "d3")
    assert (row.document, row.superseded) == ("d3", "d2")
    (intent,) = await ledger.intents.page()
    assert (intent.document_name, intent.file_id, intent.run_id) == ("d1", row.file_id, RUN)


async def test_the_same_document_again_supersedes_nothing(ledger: Ledger) -> None:
    row = await index(ledger, await add(ledger), "d1")
    row = await index(ledger, await reset(ledger, row), "d2")
    row = await index(ledger, await reset(ledger, row), "d2")
    assert (row.document, row.superseded) == ("d2", "d1")
    row = await index(ledger, await reset(ledger, row), "d1")
    assert (row.document, row.superseded) == ("d1", "d2")
    assert await ledger.intents.page() == []


async def test_a_superseded_document_survives_while_there_is_no_newer_one(ledger: Ledger) -> None:
    row = await index(ledger, await add(ledger), "d1")
    row = await index(ledger, await reset(ledger, row), "d2")
    row = await ledger.apply(Move(row, RUN).reset("d2 is gone", gone=True))
    assert (row.document, row.indexed_hash, row.superseded) == (None, None, "d1")
    row = await index(ledger, row, "d3")
    assert (row.document, row.superseded) == ("d3", "d1")
    assert await ledger.intents.page() == []


@pytest.mark.parametrize("event", [Event.ADOPT, Event.COMPLETE_PROCESSING])
async def test_a_document_that_a_row_takes_is_no_longer_meant_to_go(ledger: Ledger, event: Event) -> None:
    state = State.UPLOADING if event is Event.ADOPT else State.PROCESSING
    row, attempt = await bring(ledger, await add(ledger), state)
    await ledger.intents.open(row.file_id, DOCUMENT + attempt, "surplus", RUN)
    await ledger.intents.open(row.file_id, "another", "surplus", RUN)
    await ledger.apply(wanted(event, row, attempt))
    assert [intent.document_name for intent in await ledger.intents.page()] == ["another"]


@pytest.mark.parametrize("event", [Event.FAIL_UPLOAD, Event.FAIL_PROCESSING, Event.DEMOTE])
async def test_a_failure_is_kept_with_its_reason_and_the_old_document(ledger: Ledger, event: Event) -> None:
    row = await index(ledger, await add(ledger), "d1")
    attempt = AttemptId("")
    if event is not Event.DEMOTE:
        state = State.UPLOADING if event is Event.FAIL_UPLOAD else State.PROCESSING
        row, attempt = await bring(ledger, await reset(ledger, row), state)
    row = await ledger.apply(wanted(event, row, attempt))
    assert (row.failure, row.last_error, row.document) == (BROKEN, BROKEN.message, "d1")
    assert (await ledger.files.history(row.file_id))[0][-1].error == BROKEN.message
    row = await ledger.apply(Move(row, RUN).retry("asked for"))
    assert (row.failure, row.last_error, row.attempts, row.document) == (None, None, 0, "d1")
    assert (await ledger.files.history(row.file_id))[0][-1].error == "asked for"


@pytest.mark.parametrize("event", ENDING)
async def test_the_session_url_is_wiped_when_the_attempt_is_over(ledger: Ledger, event: Event) -> None:
    row, attempt = await bring(ledger, await add(ledger), State.UPLOADING)
    await ledger.attempts.record_session(attempt, "https://example.org/upload?key")
    row = await ledger.apply(wanted(Event.COMPLETE_UPLOAD, row, attempt))
    known = await ledger.attempts.last(row.file_id)
    assert known is not None
    assert known.session_url == "https://example.org/upload?key"
    assert "example.org" not in repr(known)
    await ledger.apply(wanted(event, row, attempt))
    known = await ledger.attempts.last(row.file_id)
    assert known is not None
    assert (known.session_url, known.outcome) == (None, ENDING[event])
    with pytest.raises(AttemptOverError) as caught:
        await ledger.attempts.record_session(attempt, "https://example.org/upload?late")
    assert caught.value.file_id == row.file_id


async def test_a_session_of_an_unknown_attempt_is_refused(ledger: Ledger) -> None:
    with pytest.raises(AttemptOverError, match="nobody"):
        await ledger.attempts.record_session(AttemptId("nobody"), "https://example.org/upload")


async def test_a_row_that_moved_is_stale(ledger: Ledger) -> None:
    row = await add(ledger)
    after, _ = await bring(ledger, row, State.UPLOADING)
    with pytest.raises(StaleTransitionError) as caught:
        await ledger.apply(wanted(Event.START_UPLOAD, row, new_attempt_id()))
    assert (caught.value.file_id, caught.value.expected) == (row.file_id, 0)
    assert await fresh(ledger, row.file_id) == after
    assert (await ledger.files.history(row.file_id))[0][-1].outcome == "rejected"
    assert len((await ledger.files.history(row.file_id))[1]) == 1


async def test_a_row_that_went_round_and_came_back_is_stale(ledger: Ledger) -> None:
    row = await add(ledger)
    moved, attempt = await bring(ledger, row, State.UPLOADING)
    back = await ledger.apply(wanted(Event.REQUEUE_UPLOAD, moved, attempt))
    assert back.state is row.state
    with pytest.raises(StaleTransitionError):
        await ledger.apply(wanted(Event.START_UPLOAD, row, new_attempt_id()))
    guarded = Move(row, RUN, new_attempt_id()).start_upload().guarded(lambda _: "never asked")
    with pytest.raises(StaleTransitionError):
        await ledger.apply(guarded)
    assert await fresh(ledger, row.file_id) == back


async def test_a_row_that_is_gone_is_stale(ledger: Ledger) -> None:
    row = await add(ledger)
    await raw(ledger).write(lambda conn: conn.execute("DELETE FROM files").rowcount)
    with pytest.raises(StaleTransitionError):
        await ledger.apply(wanted(Event.START_UPLOAD, row, new_attempt_id()))
    assert [event.outcome for event in (await ledger.files.history(row.file_id))[0]] == ["rejected"]


async def test_a_guard_sees_the_fresh_row_and_lets_it_pass(ledger: Ledger) -> None:
    row = await add(ledger)
    await raw(ledger).write(lambda conn: conn.execute("UPDATE files SET size = 77").rowcount)
    seen: list[FileRow] = []

    def guard(now: FileRow) -> None:
        seen.append(now)

    after = await ledger.apply(Move(row, RUN, new_attempt_id()).start_upload().guarded(guard))
    assert [(one.size, one.version) for one in seen] == [(77, 0)]
    assert after.state is State.UPLOADING
    assert (await ledger.files.history(row.file_id))[0][-1].guard_result == "passed"


async def test_a_guard_that_says_no_leaves_only_a_record(ledger: Ledger) -> None:
    row = await add(ledger)
    no = Move(row, RUN, new_attempt_id()).start_upload().guarded(lambda _: "the library is not mounted")
    with pytest.raises(GuardRejectedError, match="not mounted"):
        await ledger.apply(no)
    assert await fresh(ledger, row.file_id) == row
    (event,), attempts = await ledger.files.history(row.file_id)
    assert (event.outcome, event.guard_result) == ("rejected", "rejected")
    assert (event.error, event.to_state, attempts) == ("the library is not mounted", State.UPLOADING, [])


async def test_a_guard_that_raises_leaves_only_a_record(ledger: Ledger) -> None:
    row = await add(ledger)

    def guard(_: FileRow) -> str | None:
        raise ZeroDivisionError("first line\nsecond line")

    with pytest.raises(ZeroDivisionError):
        await ledger.apply(Move(row, RUN, new_attempt_id()).start_upload().guarded(guard))
    assert await fresh(ledger, row.file_id) == row
    (event,), attempts = await ledger.files.history(row.file_id)
    assert (event.outcome, event.guard_result, attempts) == ("failed", "raised", [])
    assert event.error == "ZeroDivisionError: first line"


async def test_a_guard_is_not_asked_about_a_stale_row(ledger: Ledger) -> None:
    row = await add(ledger)
    await bring(ledger, row, State.UPLOADING)

    def guard(_: FileRow) -> str | None:
        raise AssertionError("never asked")

    with pytest.raises(StaleTransitionError):
        await ledger.apply(Move(row, RUN, new_attempt_id()).start_upload().guarded(guard))


async def test_an_effect_that_breaks_undoes_the_move_and_is_recorded(ledger: Ledger) -> None:
    one, two = await add(ledger, "a"), await add(ledger, "b")
    _, attempt = await bring(ledger, one, State.UPLOADING)
    with pytest.raises((sqlite3.IntegrityError, LedgerError)):
        await ledger.apply(wanted(Event.START_UPLOAD, two, attempt))
    assert await fresh(ledger, two.file_id) == two
    (event,), attempts = await ledger.files.history(two.file_id)
    assert (event.outcome, event.to_state, attempts) == ("failed", State.UPLOADING, [])
    assert event.error is not None
    assert "unique" in event.error.lower()


async def test_an_attempt_of_another_file_completes_nothing(ledger: Ledger) -> None:
    row, _ = await bring(ledger, await add(ledger), State.PROCESSING)
    with pytest.raises(LedgerError, match="no attempt stranger"):
        await ledger.apply(wanted(Event.COMPLETE_PROCESSING, row, AttemptId("stranger")))
    assert await fresh(ledger, row.file_id) == row
    assert (await ledger.files.history(row.file_id))[0][-1].outcome == "failed"


async def test_a_table_that_is_gone_is_reported_and_recorded(ledger: Ledger) -> None:
    row = await add(ledger)
    await raw(ledger).write(lambda conn: conn.execute("DROP TABLE attempts"))
    with pytest.raises(LedgerError, match=r"no such table|does not exist"):
        await ledger.apply(wanted(Event.START_UPLOAD, row, new_attempt_id()))
    assert await fresh(ledger, row.file_id) == row
    outcomes = await raw(ledger).read(lambda conn: conn.execute("SELECT outcome FROM events").fetchall())
    assert outcomes == [("failed",)]


async def test_an_event_that_cannot_be_recorded_harms_no_other(ledger: Ledger) -> None:
    one, two = await add(ledger, "a"), await add(ledger, "b")
    nonsense = cast("RunId", object())
    results = await gather(
        partial(ledger.apply, wanted(Event.START_UPLOAD, one, new_attempt_id(), run_id=nonsense)),
        partial(ledger.apply, wanted(Event.RETRY, one, new_attempt_id(), run_id=nonsense)),
        partial(ledger.apply, wanted(Event.START_UPLOAD, two, new_attempt_id())),
    )
    kinds = [type(result) for result in results]
    assert {kind.__name__ for kind in kinds[:2]} <= {"ProgrammingError", "LedgerError"}
    assert kinds[2] is FileRow
    assert isinstance(results[0], Exception)
    assert "could not be recorded" in results[0].__notes__[0]
    assert await fresh(ledger, one.file_id) == one
    assert await ledger.files.history(one.file_id) == ([], [])


async def test_of_many_transitions_each_moves_by_itself_and_is_recorded(ledger: Ledger) -> None:
    rows = [(await bring(ledger, await add(ledger, f"{number}.txt"), State.FAILED))[0] for number in range(4)]
    overtaken = await ledger.apply(Move(rows[1], RUN).retry("another run was faster"))
    moves = [Move(row, RUN).retry("again") for row in rows]
    moves.append(Move(overtaken, RUN).retry("of an untracked file"))
    assert await ledger.apply_each(moves) == 3
    assert [(await fresh(ledger, row.file_id)).version for row in rows] == [row.version + 1 for row in rows]
    outcomes = [(await ledger.files.history(row.file_id))[0][-1].outcome for row in (rows[0], rows[3])]
    assert outcomes == ["success", "success"]
    refused = [event.outcome for event in (await ledger.files.history(rows[1].file_id))[0][-2:]]
    assert refused == ["rejected", "rejected"]


async def test_of_many_transitions_none_happens_where_the_database_fails(ledger: Ledger) -> None:
    row, _ = await bring(ledger, await add(ledger, "a.txt"), State.FAILED)
    other, _ = await bring(ledger, await add(ledger, "b.txt"), State.INDEXED)
    broken = Move(other, RUN).reset("an index without its document", gone=True)
    moves = [Move(row, RUN).retry("again"), replace(broken, run_id=cast("RunId", object()))]
    with pytest.raises((sqlite3.Error, LedgerError)):
        await ledger.apply_each(moves)
    assert await fresh(ledger, row.file_id) == row
