"""The first spike: its harness as a whole, and each of its instruments on something that is broken."""

import json
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio

from objlib.core.errors import GuardRejectedError
from objlib.core.lifecycle.table import TABLE, State
from spike.evidence import FAILED, PASSED, Report, Seen
from spike.phase9_spike import binary_test, harness, injection, invariants, leaks, states
from spike.phase9_spike.adapters.handrolled_adapter import HandrolledAdapter
from spike.phase9_spike.bench import Bench, gauge
from spike.phase9_spike.candidates import CANDIDATES
from spike.phase9_spike.db import execute_with_retry, init_spike_db, read_file_state
from spike.phase9_spike.event_log import FIELDS, EventCollector, emit_event, problems_of
from spike.phase9_spike.integration import checks as scaffold
from spike.phase9_spike.integration.scaffold import FileLockManager, FileTransitionManager
from spike.phase9_spike.protocol import FileStateMachineProtocol
from spike.record import BEGIN, END, record
from tests.support.spike import run_harness


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, CANDIDATES["handrolled"])


def test_the_whole_harness_passes_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done = run_harness("phase9", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == PASSED
    for claim in ("10 at one file, across processes", "nothing is left open", "a guard that raises"):
        assert f"[PASS] {claim}" in done.stdout
    assert "object NoneType can't be used in 'await' expression" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "check",
    [
        scaffold.a_lock_is_one_files,
        scaffold.a_file_goes_all_the_way,
        scaffold.a_wrong_event_changes_nothing,
        scaffold.a_machine_from_yesterday_is_stale,
    ],
)
async def test_the_four_tests_of_the_scaffold(
    bench: Bench, check: Callable[[Bench], Awaitable[Seen]]
) -> None:
    passed, evidence = await check(bench)
    assert passed, evidence


def test_states_and_edges_are_those_of_the_shipped_table() -> None:
    assert tuple(State) == states.STATES
    assert [str(edge.event) for edge in states.SEED_EDGES] == [
        "start_upload", "complete_upload", "complete_processing", "fail_upload", "fail_processing",
    ]  # fmt: skip
    assert set(states.SEED_EDGES) <= set(TABLE)


@pytest.mark.parametrize("how", invariants.SPOILED)
async def test_a_bad_row_or_event_breaks_the_invariants(bench: Bench, how: str) -> None:
    async with bench.opened() as (ledger, (file_id,)):
        await bench.manager(ledger).trigger(file_id, "start_upload")
    assert invariants.check_db_invariants(ledger.path) == []
    invariants.spoil(ledger.path, how)
    assert invariants.check_db_invariants(ledger.path)


async def test_a_thing_left_open_is_seen(bench: Bench) -> None:
    path, _ = await bench.database(1)
    before = gauge(bench.folder, bench.limiter)
    left = sqlite3.connect(path)
    left.execute("SELECT count(*) FROM files").fetchone()
    bench.limiter.acquire_on_behalf_of_nowait("nobody")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        await trio.lowlevel.checkpoint()
        seen = gauge(bench.folder, bench.limiter)
        nursery.cancel_scope.cancel()
    left.close()
    bench.limiter.release_on_behalf_of("nobody")
    assert (seen.connections, seen.tasks, seen.tokens) == (
        before.connections + 1, before.tasks + 1, before.tokens + 1,
    )  # fmt: skip
    assert seen.descriptors > before.descriptors or before.descriptors == -1
    passed, evidence = await leaks.back_to_baseline(bench)
    assert passed, evidence


async def test_a_locked_database_is_tried_again_and_nothing_else_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = tmp_path / "spike.db"
    (file_id,) = await init_spike_db(db)
    other = sqlite3.connect(db, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            other.execute("COMMIT")
        await trio.lowlevel.checkpoint()

    monkeypatch.setattr(trio, "sleep", sleep)
    done = await execute_with_retry(
        db, "UPDATE files SET version = version + 1 RETURNING version", initial_delay=0.1
    )
    assert (done.rowcount, done.rows, done.tries) == (1, [(1,)], 3)
    assert waits == [0.1, 0.2]
    other.execute("BEGIN IMMEDIATE")
    waits[:] = [0.0] * 10
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        await execute_with_retry(db, "UPDATE files SET version = 9", max_retries=1)
    assert len(waits) == 11
    other.close()
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await execute_with_retry(db, "UPDATE lost SET version = 9")
    assert len(waits) == 11
    assert await read_file_state(db, file_id) == ("untracked", 1)


def test_an_event_has_exactly_its_fields() -> None:
    log = EventCollector()
    emit_event(
        log,
        file_id="f",
        event="start_upload",
        from_state="untracked",
        to_state="uploading",
        outcome="success",
    )
    (line,) = log.lines
    assert tuple(json.loads(line)) == FIELDS
    assert problems_of(line) == []
    assert problems_of(line.replace('"success"', '"fine"'))[0] == "outcome 'fine'"
    assert problems_of(line.replace('"uploading"', '"indexed"'))[0].startswith("no such edge")
    assert problems_of("{")[0].startswith("not JSON")
    assert log.outcomes() == {"success": 1}


async def test_the_adapter_follows_the_protocol_and_its_guard_is_recorded(bench: Bench) -> None:
    async with bench.opened() as (ledger, (file_id,)):
        row = await ledger.files.get(file_id)
        assert row is not None
        machine = HandrolledAdapter(ledger, row)
        assert isinstance(machine, FileStateMachineProtocol)
        assert not isinstance(object(), FileStateMachineProtocol)

        async def no() -> str | None:
            await trio.lowlevel.checkpoint()
            return "not now"

        assert await machine.can_trigger("start_upload")
        assert not await machine.can_trigger("start_upload", guard=no)
        assert not await machine.can_trigger("nonsense")
        with pytest.raises(GuardRejectedError, match="not now"):
            await machine.trigger("start_upload", guard=no)
        await machine.trigger("start_upload")
        assert machine.current_state == "uploading"
        events, _ = await ledger.files.history(file_id)
        assert [(event.outcome, event.guard_result) for event in events] == [
            ("rejected", "rejected"),
            ("success", None),
        ]


async def test_a_machine_that_only_says_that_it_moved_is_caught(bench: Bench) -> None:
    """The stance of the spike: an adapter without any error, and without any effect, passes nothing."""

    class Liar(HandrolledAdapter):
        async def trigger(self, event: str, **kwargs: object) -> None:
            await trio.lowlevel.checkpoint()

    async with bench.opened() as (ledger, (file_id,)):
        manager = FileTransitionManager(ledger, Liar, EventCollector(), FileLockManager())
        row = await manager.trigger(file_id, "start_upload")
        assert row.state is State.UNTRACKED, "what is read back is believed, not what was said"
    liar = Bench(bench.folder, type(bench.candidate)("liar", "says yes", Liar, None))
    for check in (scaffold.a_file_goes_all_the_way, injection.after_the_commit):
        passed, evidence = await check(liar)
        assert not passed, evidence


def test_a_candidate_passes_only_with_all_three_cases_under_trio() -> None:
    good = [binary_test.Case(name, "trio", passed=True, evidence="1") for name in "abc"]
    assert binary_test.passed(good)
    assert not binary_test.passed(good[:2])
    assert not binary_test.passed([])
    assert not binary_test.passed([*good[:2], binary_test.Case("c", "trio", passed=False, evidence="1")])
    control = [binary_test.Case(name, "asyncio", passed=True, evidence="1") for name in "abc"]
    assert not binary_test.passed(control)


async def test_a_report_takes_no_claim_without_a_number(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report()
    assert report.close() == 1, "no checks at all is no success"
    report.add("proved", (True, "3 rows"))
    assert report.close() == 0
    report.add("not proved", (True, "no errors"))
    assert report.close() == 1

    async def broken() -> Seen:
        raise LookupError("gone")

    await report.run("broken", broken)
    assert [check.passed for check in report.checks] == [True, False, False]
    out = capsys.readouterr().out
    assert FAILED in out
    assert "LookupError: gone" in out
    assert str(Path(__file__).parents[2]) not in out, "a traceback names no path of this machine"


def test_what_was_printed_replaces_what_stood_between_the_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", "utf-8")
    record(page, ["one", "two\nthree  "])
    assert page.read_text("utf-8") == f"before\n{BEGIN}\n```text\none\ntwo\nthree\n```\n{END}\nafter\n"
    assert list(tmp_path.iterdir()) == [page]
    page.write_text("no marks", "utf-8")
    with pytest.raises(ValueError, match="no marks"):
        record(page, [])


def test_the_pages_output_is_there() -> None:
    text = harness.PAGE.read_text("utf-8")
    printed = text[text.index(BEGIN) : text.index(END)]
    assert PASSED in printed
    for criterion in range(1, 10):
        assert f"| {criterion} |" in text
