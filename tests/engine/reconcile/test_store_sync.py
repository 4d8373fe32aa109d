"""`store-sync`: what differs between store and ledger is found, and repaired only when asked."""

import json
import os
import signal
from pathlib import Path

import pytest
import trio

from objlib.core.config.settings import Settings
from objlib.core.errors import RefusedError
from objlib.core.events import Phase
from objlib.core.ids import KEY_FILE, KEY_HASH, KEY_LEDGER, new_attempt_id
from objlib.core.lifecycle.delete_limit import DeleteLimit
from objlib.core.lifecycle.drift import DriftKind
from objlib.core.lifecycle.repair_plan import decode_plan, encode_plan
from objlib.core.reports.store import StoreSyncReport
from objlib.core.reports.upload import UploadReport
from objlib.engine.app import App
from objlib.engine.bootstrap.open_app import StoreNeed
from objlib.engine.reconcile.store_sync import store_sync
from objlib.engine.reconcile.verify import verify
from objlib.engine.shutdown import InterruptedRun
from objlib.engine.status import explain, status
from objlib.engine.upload.run import upload
from objlib.gemini import Document, DocumentPage, GeminiError
from objlib.ledger import DRIFT_KEY, FileRow, Move
from objlib.testing import DAILY_QUOTA, DOWN, LOST, Faults, RecordingObserver, Respond, refusal, throttled
from objlib.testing.databases import damage_database, raw
from tests.support.engine import (
    ALL,
    Opener,
    alter,
    assert_exactly_once,
    checked,
    live_documents,
    of_file,
    plant,
    repaired,
    without_marks,
    write,
)
from tests.support.leftovers import die_after_sending
from tests.support.scenario import Scenario


async def rows(app: App) -> list[FileRow]:
    return await app.ledger.files.page()


def the_document(row: FileRow) -> str:
    assert row.document is not None
    return row.document


async def test_a_store_that_agrees_is_told_in_one_listing_and_left_alone(
    opened: Opener, faults: Faults
) -> None:
    async with opened("store-sync") as app:
        await upload(app)
        before = faults.count.copy()
        report = await checked(app)
        assert (report.documents, report.well, report.drift) == (10, 10, {})
        spent = faults.count - before
        assert dict(spent) == {"list": 1}
        await repaired(app)
        assert dict(faults.count - before) == {"list": 2}
        drift = json.loads(await app.ledger.settings.get(DRIFT_KEY) or "")
        assert drift == {"at": app.now(), "kinds": {}}


async def test_each_kind_of_drift_is_found_repaired_and_brought_back_by_an_upload(
    opened: Opener, settings: Settings, library: Path, faults: Faults
) -> None:
    async with opened("store-sync") as app:
        await upload(app)
        held = await rows(app)
        await plant(app, "lost/and found.txt", {KEY_FILE: "nobody", KEY_LEDGER: app.ledger_id})
        await plant(app, held[0].file_path, of_file(held[0], app.ledger_id))
        await app.client.documents.delete(the_document(held[1]))
        stale = without_marks(settings, the_document(held[2]))[:-1] + (
            f', "{KEY_FILE}": "{held[2].file_id}", "{KEY_LEDGER}": "{app.ledger_id}", "{KEY_HASH}": "another"}}'
        )
        alter(settings, the_document(held[2]), metadata=stale)
        alter(settings, the_document(held[3]), state="FAILED")
        alter(settings, the_document(held[4]), display_name="Ethics/old name.txt")
        alter(settings, the_document(held[5]), metadata=without_marks(settings, the_document(held[5])))
        await plant(app, "somebody's.txt", {"author": "somebody"})
        await plant(app, "theirs.txt", {KEY_FILE: "theirs", KEY_LEDGER: "another ledger"})
        await plant(app, "old theirs.txt", {KEY_FILE: "theirs too"})
        report = await checked(app)
        assert report.drift == {
            DriftKind.BROKEN: 1,
            DriftKind.DUPLICATE: 1,
            DriftKind.GHOST: 1,
            DriftKind.METADATA_MISMATCH: 1,
            DriftKind.ORPHAN: 1,
            DriftKind.STALE_CONTENT: 1,
        }
        assert (report.foreign, report.documents, report.left, report.stale_names) == (3, 14, 6, 1)
        assert (faults.count["delete"], faults.count["start"]) == (1, 15)
        done = await repaired(app)
        # The one that is left is the document whose own metadata is wrong: without the option it is not sent again. The
        # earlier name of the other is no drift (a rename leaves nothing to repair), so it is not counted here.
        assert (done.deleted, done.requeued, done.left, done.changed) == (2, 3, 1, 0)
        # Whatever was wrong and still answers searches is not taken away before there is something better.
        assert len(live_documents(settings)) == 12
        assert (await repaired(app, metadata=True)).requeued == 2
        history = await explain(app, held[3].file_path)
        assert [event.event for event in history.events][-2:] == ["demote", "retry"]
        result = await upload(app)
        assert (result.uploaded, result.indexed, result.failed) == (5, 10, 0)
        assert (await checked(app)).drift == {}
    # Ten of ours, and the three that are not.
    assert len(live_documents(settings)) == 13


async def test_what_is_in_flight_or_leaving_is_left_alone(
    opened: Opener, settings: Settings, library: Path, faults: Faults
) -> None:
    write(library, "late.txt", "A file that is under way.\n")
    async with opened("store-sync") as app:
        await upload(app)
        row = next(row for row in await rows(app) if row.file_path == "late.txt")
        row = await app.ledger.apply(Move(row, app.run_id).reset("test"))
        attempt = new_attempt_id(app.now())
        await app.ledger.apply(Move(row, app.run_id, attempt).start_upload())
        await plant(app, "late.txt", of_file(row, app.ledger_id, attempt))
        leaving = await plant(app, "leaving.txt", {KEY_FILE: "gone", KEY_LEDGER: app.ledger_id})
        await app.ledger.intents.open(None, leaving, "test", app.run_id)
        report = await checked(app)
    assert report.drift == {}
    assert (report.in_flight, report.leaving, report.well) == (1, 1, 11)


async def test_a_document_that_was_replaced_is_left_to_recovery_even_before_its_intent(
    scenario: Scenario, opened: Opener, settings: Settings, faults: Faults
) -> None:
    await scenario.index()
    scenario.change()
    faults.script = lambda what, _count: DOWN if what == "delete" else None
    async with opened() as app:
        await upload(app)
        await raw(app.ledger).write(lambda conn: conn.execute("DELETE FROM intents").rowcount)
        report = await checked(app)
    assert (report.leaving, report.well, report.drift) == (1, 10, {})


async def test_what_a_dead_run_left_is_settled_before_it_is_judged(
    opened: Opener, settings: Settings, faults: Faults
) -> None:
    with trio.CancelScope() as life:
        async with opened() as app:
            faults.before = lambda kind: life.cancel() if kind == "document" else None
            await upload(app)
    faults.before = lambda _kind: None
    async with opened("store-sync") as app:
        assert (await checked(app)).in_flight > 0
        report = await repaired(app)
        assert (report.in_flight, report.drift) == (0, {})
        await upload(app)
    assert_exactly_once(settings)


async def test_pages_that_overlap_and_a_listing_that_lags_make_no_drift(
    scenario: Scenario, opened: Opener, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store repeats documents between pages and does not list the newest ones yet."""
    scenario.add(30)
    async with opened("store-sync") as app:
        await upload(app)
        pages = app.client.documents.list

        async def overlapping(store: str, *, page_token: str | None = None) -> DocumentPage:
            page = await pages(store, page_token=page_token)
            if page_token is None:
                first.extend(page.documents[:3])
                return page
            return DocumentPage((*first, *page.documents[:-2]), page.next_page_token)

        first: list[Document] = []
        monkeypatch.setattr(app.client.documents, "list", overlapping)
        before = faults.count["document"]
        report = await checked(app)
    assert report.drift == {}
    assert (report.documents, report.well) == (38, 40)
    assert faults.count["document"] - before == 2


async def test_an_interrupted_listing_goes_on_where_it_broke_off(
    scenario: Scenario, opened: Opener, settings: Settings, faults: Faults
) -> None:
    scenario.add(70)
    await scenario.index()
    faults.script = lambda what, count: DOWN if what == "list" and count >= 2 else None
    async with opened("store-sync") as app:
        with pytest.raises(GeminiError):
            await checked(app)
    faults.script = lambda _what, _count: None
    before = faults.count["list"]
    async with opened("store-sync") as app:
        report = await checked(app)
        assert (report.pages, report.well, report.drift) == (4, 80, {})
        assert faults.count["list"] - before == 2
        # Nothing is kept of a listing that came to its end.
        assert (await checked(app)).pages == 4
        assert faults.count["list"] - before == 6


async def test_a_signal_ends_a_comparison_at_once_and_the_next_goes_on_with_its_listing(
    scenario: Scenario, opened: Opener, settings: Settings, faults: Faults
) -> None:
    scenario.add(50)
    await scenario.index()

    def stop(kind: str) -> None:
        if kind == "list" and faults.count["list"] == 2:
            os.kill(os.getpid(), signal.SIGINT)

    faults.before = stop
    with pytest.RaisesGroup(InterruptedRun, flatten_subgroups=True, allow_unwrapped=True):
        async with opened("store-sync") as app:
            await checked(app)
    faults.before = lambda _kind: None
    async with opened("store-sync") as app:
        report = await checked(app)
    assert (report.pages, report.well, report.drift) == (3, 60, {})
    assert faults.count["list"] <= 4


async def test_pages_that_go_in_a_circle_are_noticed(opened: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened("store-sync") as app:
        await upload(app)

        async def circle(_store: str, *, page_token: str | None = None) -> DocumentPage:
            await trio.lowlevel.checkpoint()
            return DocumentPage((), "round" if page_token == "and" else "and")

        monkeypatch.setattr(app.client.documents, "list", circle)
        with pytest.raises(GeminiError, match="in a circle"):
            await checked(app)


async def test_a_token_that_the_store_has_forgotten_starts_the_listing_over(
    scenario: Scenario, opened: Opener, settings: Settings, faults: Faults
) -> None:
    scenario.add(30)
    await scenario.index()
    faults.script = lambda what, count: DOWN if what == "list" and count >= 1 else None
    async with opened("store-sync") as app:
        with pytest.raises(GeminiError):
            await checked(app)
    at = faults.count["list"]
    bad = refusal(400, "INVALID_ARGUMENT", "Page token is invalid.")
    faults.script = lambda what, count: bad if what == "list" and count == at else None
    async with opened("store-sync") as app:
        report = await checked(app)
    assert (report.pages, report.well) == (2, 40)


async def test_a_comparison_waits_while_throttled(opened: Opener, faults: Faults) -> None:
    async with opened("store-sync") as app:
        await upload(app)
        held = await rows(app)
        for row in held[:3]:
            await plant(app, row.file_path, of_file(row, app.ledger_id))
        await app.client.documents.delete(the_document(held[4]))
        kinds = {"document", "list"}
        faults.script = lambda what, count: throttled(7) if what in kinds and count % 3 == 0 else None
        assert sum((await checked(app)).drift.values()) == 4


async def test_a_throttled_resumed_listing_keeps_its_page_token(
    scenario: Scenario, opened: Opener, faults: Faults
) -> None:
    totals: list[int | None] = []

    class Totals(RecordingObserver):
        def begin(
            self, phase: Phase, files: int | None, size: int | None, *, seconds: float | None = None
        ) -> None:
            if phase is Phase.LISTING:
                totals.append(files)

    scenario.add(30)
    await scenario.index()
    faults.script = lambda what, count: throttled(1) if what == "list" and count >= 1 else None
    for _ in range(2):
        async with opened("store-sync", observer=Totals()) as app:
            with pytest.raises(GeminiError):
                await checked(app)
    faults.script = lambda _what, _count: None
    before = faults.count["list"]
    async with opened("store-sync", observer=Totals()) as app:
        report = await checked(app)
    assert totals == [40, 20, 20], "the bar knows how many documents are still to be listed"
    assert (report.pages, report.well, faults.count["list"] - before) == (2, 40, 1)


async def test_more_deletions_than_allowed_are_refused_and_nothing_is_changed(
    opened: Opener, settings: Settings, faults: Faults
) -> None:
    async with opened("store-sync") as app:
        await upload(app)
        held = await rows(app)
        for row in held[:3]:
            await plant(app, row.file_path, of_file(row, app.ledger_id))
        await app.client.documents.delete(the_document(held[5]))
        with pytest.raises(RefusedError, match=r"would delete 3 of 10.*--max-delete 3"):
            await repaired(app, limit=DeleteLimit(count=2))
        assert faults.count["delete"] == 1
        assert {row.state for row in await rows(app)} == {"indexed"}
        assert (await repaired(app, limit=DeleteLimit(count=3))).deleted == 3
        await upload(app)
    assert_exactly_once(settings)


async def test_a_saved_plan_is_applied_without_a_listing_and_each_step_is_checked_again(
    opened: Opener, settings: Settings, faults: Faults
) -> None:
    async with opened("store-sync") as app:
        await upload(app)
        held = await rows(app)
        surplus = await plant(app, held[0].file_path, of_file(held[0], app.ledger_id))
        await plant(app, held[1].file_path, of_file(held[1], app.ledger_id))
        await app.client.documents.delete(the_document(held[2]))
        alter(settings, the_document(held[3]), state="FAILED")
        _, plan = await store_sync(app, apply=False, metadata=False, limit=ALL)
    plan = decode_plan(encode_plan(plan))
    assert len(plan.steps) == 4
    alter(settings, the_document(held[3]), state="ACTIVE")
    lists = faults.count["list"]
    async with opened("store-sync") as app:
        await app.client.documents.delete(surplus)
        shown, _ = await store_sync(app, apply=False, metadata=False, limit=ALL, plan=plan)
        assert (shown.left, shown.deleted) == (4, 0)
        report, _ = await store_sync(app, apply=True, metadata=False, limit=ALL, plan=plan)
        assert (report.deleted, report.requeued, report.changed, report.left) == (1, 1, 2, 0)
        again, _ = await store_sync(app, apply=True, metadata=False, limit=ALL, plan=plan)
        assert (again.deleted, again.requeued, again.changed) == (0, 0, 4)
        assert faults.count["list"] == lists
        await upload(app)
    assert_exactly_once(settings)
    async with opened("store-sync", ledger=settings.ledger_file.with_name("other.db")) as app:
        with pytest.raises(RefusedError, match="another ledger"):
            await store_sync(app, apply=True, metadata=False, limit=ALL, plan=plan)
    async with opened("store-sync", ledger=settings.ledger_file.with_name("third.db"), store="third") as app:
        with pytest.raises(RefusedError, match="for the store"):
            await store_sync(app, apply=True, metadata=False, limit=ALL, plan=plan)


async def test_two_ledgers_on_one_store_leave_each_other_alone(
    scenario: Scenario, opened: Opener, settings: Settings, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    write(other, "theirs.txt", "What the others wrote.\n")
    await scenario.index()
    theirs = {"ledger": tmp_path / "other.db", "library": other}
    async with opened("store-sync", **theirs) as app:
        await upload(app)
        report = await repaired(app)
        assert (report.foreign, report.well, report.drift) == (10, 1, {})
    async with opened("store-sync") as app:
        report = await repaired(app)
        assert (report.foreign, report.well, report.drift) == (1, 10, {})
    assert len(live_documents(settings)) == 11


@pytest.mark.parametrize("reply", [DOWN, LOST], ids=["not acted", "acted, answer lost"])
async def test_a_delete_without_an_answer_is_left_to_recovery(
    opened: Opener, settings: Settings, faults: Faults, reply: Respond
) -> None:
    async with opened("store-sync") as app:
        await upload(app)
        row = (await rows(app))[0]
        await plant(app, row.file_path, of_file(row, app.ledger_id))
        faults.script = lambda what, _count: reply if what == "delete" else None
        report = await repaired(app)
        assert (report.deleted, report.postponed) == (0, 1)
        faults.script = lambda _what, _count: None
        await upload(app)
        assert (await checked(app)).drift == {}
    assert_exactly_once(settings)


async def test_a_step_that_gets_no_answer_is_left(opened: Opener, faults: Faults) -> None:
    async with opened("store-sync") as app:
        await upload(app)
        row = (await rows(app))[0]
        await app.client.documents.delete(the_document(row))
        _, plan = await store_sync(app, apply=False, metadata=False, limit=ALL)
        faults.script = lambda what, _count: DOWN if what == "document" else None
        report, _ = await store_sync(app, apply=True, metadata=False, limit=ALL, plan=plan)
    assert (report.unanswered, report.left, report.requeued) == (1, 1, 0)


@pytest.mark.parametrize("two_steps", [False, True], ids=["direct", "in two steps"])
@pytest.mark.parametrize("new_path", ["Ethics/Year 2020/another name.txt", "Physics/Year 1905/lecture 7.txt"])
async def test_a_rename_is_information_and_refreshed_only_on_request(
    opened: Opener, settings: Settings, library: Path, faults: Faults, two_steps: bool, new_path: str
) -> None:
    broken = refusal(400, "INVALID_ARGUMENT", "Failed to count tokens.")
    async with opened("store-sync", max_uploads=1) as app:
        if two_steps:
            faults.script = lambda what, count: broken if what == "start" and count % 2 == 0 else None
        await upload(app)
        faults.script = lambda what, count: None
        path = min(library.rglob("*.txt"))
        (library / new_path).parent.mkdir(parents=True, exist_ok=True)
        path.rename(library / new_path)
        await upload(app)
        assert (await status(app)).stale_names == 1
        report = await checked(app)
        assert (report.drift, report.left, report.stale_names) == ({}, 0, 1)
        assert [finding.kind for finding in report.findings] == [DriftKind.STALE_NAME]
        audit = await verify(app, sample=None)
        assert (audit.drift, audit.stale_names) == ({}, 1)
        before = faults.count["start"]
        assert (await repaired(app)).left == 0
        await upload(app)
        assert faults.count["start"] == before
        assert (await repaired(app, metadata=True)).left == 0
        await upload(app)
        assert faults.count["start"] == before + 1
        report = await checked(app)
        assert (report.drift, report.stale_names) == ({}, 0)
        assert (await status(app)).stale_names == 0
    assert_exactly_once(settings)


async def test_a_file_that_is_renamed_back_has_no_stale_name(opened: Opener, library: Path) -> None:
    async with opened("store-sync") as app:
        await upload(app)
        path = min(library.rglob("*.txt"))
        for old, new in ((path, path.with_name("x.txt")), (path.with_name("x.txt"), path)):
            old.rename(new)
            await upload(app)
        assert (await status(app)).stale_names == 0
        report = await checked(app)
        assert (report.drift, report.stale_names) == ({}, 0)


@pytest.mark.parametrize("kind", [DriftKind.GHOST, DriftKind.BROKEN])
async def test_a_file_that_moved_on_while_its_step_was_checked_is_left_alone(
    opened: Opener, settings: Settings, faults: Faults, kind: DriftKind
) -> None:
    async with opened("store-sync") as app:
        await upload(app)
        row = (await rows(app))[0]
        if kind is DriftKind.GHOST:
            await app.client.documents.delete(the_document(row))
        else:
            alter(settings, the_document(row), state="FAILED")
        _, plan = await store_sync(app, apply=False, metadata=False, limit=ALL)

        def meanwhile(kind: str) -> None:
            if kind == "document":
                with damage_database(settings.ledger_file) as db:
                    db.execute("UPDATE files SET version = version + 1 WHERE file_id = ?", (row.file_id,))

        faults.before = meanwhile
        report, _ = await store_sync(app, apply=True, metadata=False, limit=ALL, plan=plan)
        assert (report.drift, report.changed, report.requeued) == ({kind: 1}, 1, 0)


async def test_a_repair_during_an_upload_takes_nothing_from_it(
    scenario: Scenario, opened: Opener, settings: Settings, library: Path, faults: Faults
) -> None:
    """Two runs on one ledger: one sends and replaces, one compares and repairs as fast as it can."""
    await scenario.index()
    for number, path in enumerate(sorted(library.rglob("*.txt"))):
        path.write_text(f"A second version, number {number}.\n")
    scenario.add(30)
    faults.script = lambda what, count: LOST if what in {"send", "start"} and count % 4 == 0 else None
    repairs: list[StoreSyncReport] = []
    sent: list[UploadReport] = []

    async with opened() as sender, opened("store-sync") as auditor:

        async def send(scope: trio.CancelScope) -> None:
            sent.append(await upload(sender))
            scope.cancel(reason="the upload is over")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(send, nursery.cancel_scope)
            while not sent:
                repairs.append(await repaired(auditor))
                await trio.sleep(0.5)
        assert [(report.indexed, report.failures) for report in sent] == [(40, ())]
        faults.script = lambda _what, _count: None
        await upload(sender)
        assert (await checked(auditor)).drift == {}
    assert len(repairs) > 3
    assert sum(report.requeued for report in repairs) == 0
    assert_exactly_once(settings)


async def test_a_store_that_was_never_made_has_nothing_to_compare(opened: Opener) -> None:
    with pytest.RaisesGroup(RefusedError, flatten_subgroups=True, allow_unwrapped=True):
        async with opened("store-sync", need=StoreNeed.EXISTING) as app:
            await checked(app)


async def test_a_stop_during_a_repair_leaves_the_other_steps_to_the_next(
    scenario: Scenario, opened: Opener, settings: Settings
) -> None:
    class Impatient(RecordingObserver):
        def advance(self, phase: Phase, files: int, size: int) -> None:
            super().advance(phase, files, size)
            if phase is Phase.REPAIR and not app.drain.requested:
                app.drain.stop()

    scenario.add(20)
    await scenario.index()
    async with opened("store-sync", observer=Impatient()) as app:
        for row in await app.ledger.files.page():
            alter(settings, row.document or "", state="FAILED")
        report = await repaired(app)
    assert report.interrupted
    assert 0 < report.left < 30
    assert report.left + report.requeued == 30
    async with opened("store-sync") as app:
        assert (await repaired(app)).left == 0
    await scenario.index()
    assert_exactly_once(settings)


async def test_a_quota_met_by_the_recovery_before_a_repair_ends_it(
    opened: Opener, settings: Settings, faults: Faults
) -> None:
    await die_after_sending(opened, faults, 10)
    before = faults.count.copy()
    faults.script = lambda kind, _count: DAILY_QUOTA if kind == "query" else None
    async with opened("store-sync") as app:
        with pytest.raises(GeminiError, match="run the same command again after midnight"):
            await repaired(app)
    assert faults.count["list"] == before["list"], "nothing is compared"
    faults.script = lambda _kind, _count: None
    async with opened("store-sync") as app:
        assert (await repaired(app)).drift == {}
    assert_exactly_once(settings)
