"""Deletes that the service throttles, refuses for the day, or does not answer."""

from pathlib import Path

import pytest
import trio

from objlib.core.config.settings import Settings
from objlib.core.lifecycle.repair_plan import Plan
from objlib.engine.app import App
from objlib.engine.reconcile.store_sync import store_sync
from objlib.engine.recover import recover
from objlib.engine.requests.governor import CEILINGS, Purpose
from objlib.engine.requests.retry import MAX_WAIT
from objlib.engine.sync import sync
from objlib.engine.upload.run import upload
from objlib.testing import DAILY_QUOTA, DOWN, Action, Faults, refusal, throttled
from tests.support.engine import (
    ALL,
    Opener,
    assert_exactly_once,
    ledger_of,
    live_documents,
    of_file,
    plant,
    write,
)
from tests.support.scenario import Scenario

BAD_KEY = refusal(401, "UNAUTHENTICATED", "bad key")


def edit(library: Path, count: int) -> None:
    """Change the first files of the library, so that each has a document that is replaced."""
    for path in sorted(library.rglob("*.txt"))[:count]:
        path.write_text(path.read_text() + "A later thought.\n")


def at_deletes(faults: Faults, action: Action) -> None:
    faults.script = lambda kind, _count: action if kind == "delete" else None


async def restored(scenario: Scenario, settings: Settings, faults: Faults, *, deletes: int) -> None:
    """Assert that nothing was lost: the next run executes the deletes that are left."""
    faults.script = lambda _kind, _count: None
    before = faults.count["delete"]
    await scenario.index()
    assert faults.count["delete"] - before == deletes
    assert_exactly_once(settings)


@pytest.mark.parametrize(
    ("answer", "stopped"), [(DAILY_QUOTA, "daily_quota"), (BAD_KEY, "unauthorized")], ids=["quota", "key"]
)
async def test_a_daily_quota_met_by_a_delete_ends_an_upload_with_its_report(
    scenario: Scenario, settings: Settings, library: Path, faults: Faults, answer: Action, stopped: str
) -> None:
    await scenario.index()
    edit(library, 5)
    at_deletes(faults, answer)
    began = trio.current_time()
    report = await scenario.index()
    assert (report.stopped, report.uploaded, report.scanned) == (stopped, 5, 10)
    assert report.postponed == 5
    if stopped == "daily_quota":
        assert "run the same command again after midnight" in report.advice
    assert trio.current_time() - began < 10
    sent = [moment for moment, kind in faults.seen if kind == "delete"]
    assert len(sent) <= 4, "those that were under way at once, and none after"
    faults.script = lambda _kind, _count: None
    assert (await scenario.index()).indexed == 10
    assert_exactly_once(settings)


@pytest.mark.parametrize("answer", [DAILY_QUOTA, BAD_KEY], ids=["quota", "key"])
async def test_no_file_is_sent_after_a_delete_has_ended_the_run(
    scenario: Scenario, opened: Opener, library: Path, faults: Faults, answer: Action
) -> None:
    await scenario.index()
    edit(library, 10)
    at_deletes(faults, answer)
    async with opened(max_pending=1) as app:
        report = await upload(app)
        waiting, _ = await app.ledger.files.claimable_totals()
    assert (report.uploaded + waiting, report.pending) == (10, waiting)
    assert report.uploaded == 1
    first = next(moment for moment, kind in faults.seen if kind == "delete")
    assert not [kind for moment, kind in faults.seen if moment > first + 1 and kind == "start"]


async def test_a_daily_quota_met_by_recovery_ends_the_upload_with_its_report(
    scenario: Scenario, opened: Opener, settings: Settings, library: Path, faults: Faults
) -> None:
    scenario.add(30)
    await scenario.index()
    edit(library, 30)
    at_deletes(faults, DOWN)
    report = await scenario.index()
    assert (report.stopped, report.indexed) == ("", 40)
    write(library, "new.txt", "One more thought.\n")
    at_deletes(faults, DAILY_QUOTA)
    before = faults.count.copy()
    report = await scenario.index()
    assert (report.stopped, report.scanned, report.pending) == ("daily_quota", 41, 1)
    assert (report.recovered.stopped, report.recovered.postponed, report.postponed) == ("daily_quota", 30, 30)
    spent = faults.count - before
    assert 1 <= spent["delete"] <= CEILINGS[Purpose.DELETE], "deletes were sent after the answer"
    assert not spent["start"]
    await restored(scenario, settings, faults, deletes=30)


async def test_a_daily_quota_ends_a_recovery_with_its_report(
    scenario: Scenario, opened: Opener, library: Path, faults: Faults
) -> None:
    scenario.add(30)
    await scenario.index()
    edit(library, 30)
    at_deletes(faults, DOWN)
    await scenario.index()
    before = faults.count["delete"]
    faults.script = lambda kind, count: DAILY_QUOTA if kind == "delete" and count >= before + 2 else None
    async with opened("recover") as app:
        report = await recover(app)
    assert (report.found, report.deleted, report.postponed, report.left) == (30, 2, 28, 0)
    assert report.stopped == "daily_quota"
    assert "after midnight" in report.advice
    # Those in flight with the one that was refused were sent before the answer.
    assert 3 <= faults.count["delete"] - before <= 2 + CEILINGS[Purpose.DELETE]


async def test_a_daily_quota_ends_a_prune_with_its_report(
    scenario: Scenario, opened: Opener, settings: Settings, library: Path, faults: Faults
) -> None:
    scenario.add(30)
    await scenario.index()
    for path in sorted(library.rglob("*.txt"))[1:]:
        path.unlink()
    faults.script = lambda kind, count: DAILY_QUOTA if kind == "delete" and count >= 10 else None
    async with opened("sync") as app:
        report = await sync(app, prune_missing=True, grace=0, limit=ALL)
        requests = app.requests
    assert report.prune is not None
    assert report.prune.skipped == report.upload.stopped == "daily_quota"
    assert (report.prune.deleted, report.prune.postponed) == (10, 29)
    assert faults.count["delete"] <= 14
    # The counts are those of the whole run.
    assert "after midnight" in report.upload.advice
    assert (report.upload.deleted, report.upload.requests) == (10, requests)
    assert report.upload.throttled == faults.count["delete"] - 10
    assert len(live_documents(settings)) == 30
    faults.script = lambda _kind, _count: None
    async with opened("recover") as app:
        assert (await recover(app)).deleted == 29


async def _surplus(app: App, count: int) -> Plan:
    for row in (await app.ledger.files.page())[:count]:
        await plant(app, row.file_path, of_file(row, app.ledger_id))
    _, plan = await store_sync(app, apply=False, metadata=False, limit=ALL)
    return plan


async def test_a_daily_quota_ends_a_repair_with_its_report(opened: Opener, faults: Faults) -> None:
    async with opened("store-sync") as app:
        await upload(app)
        plan = await _surplus(app, 10)
        faults.script = lambda kind, count: DAILY_QUOTA if kind == "delete" and count >= 2 else None
        report, _ = await store_sync(app, apply=True, metadata=False, limit=ALL, plan=plan)
    assert (report.stopped, report.deleted) == ("daily_quota", 2)
    assert "after midnight" in report.advice
    assert report.deleted + report.postponed + report.left == 10
    assert faults.count["delete"] <= 6


async def test_a_throttled_delete_is_retried(
    scenario: Scenario, opened: Opener, settings: Settings, library: Path, faults: Faults
) -> None:
    await scenario.index()
    first, *_ = sorted(library.rglob("*.txt"))
    first.unlink()
    edit(library, 3)
    faults.script = lambda kind, count: throttled(7) if kind == "delete" and count % 3 == 0 else None
    async with opened("sync") as app:
        report = await sync(app, prune_missing=True, grace=0, limit=ALL)
    assert report.prune is not None
    assert (report.prune.deleted, report.prune.postponed, report.upload.deleted) == (1, 0, 4)
    assert report.upload.stopped == ""
    with ledger_of(settings) as db:
        assert db.execute("SELECT count(*) FROM intents WHERE done_at IS NULL").fetchone() == (0,)
    assert len(live_documents(settings)) == 9


async def test_rounds_are_not_repeated_for_deletes_that_get_no_answer(
    scenario: Scenario, opened: Opener, settings: Settings, library: Path, faults: Faults
) -> None:
    """Each of them was waited for already, in the run and once more in its recovery; the next run goes on."""
    await scenario.index()
    edit(library, 10)
    at_deletes(faults, DOWN)
    began = trio.current_time()
    report = await scenario.index()
    assert (report.indexed, report.stopped, report.postponed) == (10, "", 10)
    assert trio.current_time() - began < 2 * MAX_WAIT + 60
    await restored(scenario, settings, faults, deletes=10)


async def test_a_stop_ends_the_waiting_for_deletes(
    scenario: Scenario, opened: Opener, settings: Settings, library: Path, faults: Faults
) -> None:
    """The report comes in the time that work in flight is given, though the service asked to wait for longer."""
    await scenario.index()
    for path in sorted(library.rglob("*.txt"))[:6]:
        path.unlink()
    at_deletes(faults, throttled(90))
    async with opened("sync") as app:
        async with trio.open_nursery() as nursery:

            async def stop_soon() -> None:
                await trio.sleep(5)
                app.drain.stop()

            nursery.start_soon(stop_soon)
            report = await sync(app, prune_missing=True, grace=0, limit=ALL)
        assert trio.current_time() < 20
    assert report.prune is not None
    assert (report.prune.skipped, report.prune.postponed) == ("interrupted", 6)
    await restored_by_recovery(opened, faults, settings)


async def test_a_stop_ends_the_waiting_for_the_delete_of_a_replaced_document(
    scenario: Scenario, opened: Opener, settings: Settings, alone: Path, faults: Faults
) -> None:
    await scenario.index()
    edit(alone.parent, 1)
    at_deletes(faults, throttled(90))
    async with opened() as app:
        async with trio.open_nursery() as nursery:

            async def stop_soon() -> None:
                await trio.sleep(5)
                app.drain.stop()

            nursery.start_soon(stop_soon)
            report = await upload(app)
        assert trio.current_time() < 20
    assert (report.stopped, report.indexed, report.uploaded) == ("interrupted", 1, 1)
    assert report.postponed == 1
    await restored(scenario, settings, faults, deletes=1)


async def restored_by_recovery(opened: Opener, faults: Faults, settings: Settings) -> None:
    """Assert that recovery executes the deletes that are left."""
    faults.script = lambda _kind, _count: None
    async with opened("recover") as app:
        assert (await recover(app)).deleted == 6
    assert len(live_documents(settings)) == 4
