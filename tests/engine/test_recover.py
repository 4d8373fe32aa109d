"""Recovery: unknown outcomes, dead runs, and rows of runs that are alive."""

import json
import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

import pytest
import trio

from objlib.core.config.settings import Settings
from objlib.core.events import EventKind, Phase
from objlib.core.ids import content_hash
from objlib.core.lifecycle.delete_limit import DeleteLimit
from objlib.core.lifecycle.table import State
from objlib.core.remote import LISTING_LAG
from objlib.core.reports.upload import RecoverReport
from objlib.engine.app import App
from objlib.engine.attempt.enact import MAX_PROBES
from objlib.engine.reconcile.store_sync import store_sync
from objlib.engine.recover import recover
from objlib.engine.requests.retry import MAX_WAIT
from objlib.engine.scan.scan import scan
from objlib.engine.upload.run import upload
from objlib.gemini import DocumentPage, GeminiError
from objlib.testing import (
    DAILY_QUOTA,
    DOWN,
    EPOCH,
    LOST,
    STORE_FULL,
    TRUNCATED,
    Action,
    ActLate,
    Alter,
    Checker,
    Delay,
    Faults,
    RecordingObserver,
    Refuse,
    Response,
    in_state,
    refusal,
    throttled,
)
from objlib.testing.databases import damage_database, forget_sessions
from tests.support.engine import (
    Opener,
    assert_exactly_once,
    follow,
    ledger_of,
    ledger_rows,
    live_documents,
    write,
)
from tests.support.leftovers import die_after_sending, fabricate_documents
from tests.support.scenario import Scenario

BOTH_DATABASES: Final = True
"""Whether each test runs on SQLite and on PostgreSQL."""


async def test_a_finalize_that_lands_between_probe_and_cancel_is_adopted(
    opened: Opener, settings: Settings, alone: Path, faults: Faults
) -> None:
    """Found by torture, seed 319: a refused cancel counted as a closed session, and the file was sent again."""
    follow(faults, send=[ActLate(2)], query=[Refuse(), Delay(5)])
    async with faults.acting_late(), opened() as app:
        report = await upload(app)
        await faults.settled()
    assert (report.indexed, report.failed) == (1, 0)
    assert (faults.count["start"], faults.count["send"], faults.count["cancel"]) == (1, 1, 1)
    assert_exactly_once(settings)


async def test_recovery_probes_again_where_a_session_cannot_be_closed(
    opened: Opener, settings: Settings, alone: Path, faults: Faults
) -> None:
    """The same race, with a run that died after it had sent the last bytes."""
    with trio.CancelScope() as life:
        async with opened() as app:
            faults.before = lambda kind: life.cancel() if kind == "send" else None
            await upload(app)
    faults.before = lambda _kind: None
    lost = faults.count["query"]
    follow(faults, query=[None] * lost + [Delay(5)])
    async with faults.acting_late(), opened("recover") as app:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_finalize_after, app, 1.0)
            report = await recover(app)
    assert (report.adopted, report.requeued, report.left) == (1, 0, 0)
    assert_exactly_once(settings)


async def _finalize_after(app: App, seconds: float) -> None:
    """The last bytes of the dead run arrive after all."""
    ((row, attempt, _),) = await app.ledger.files.transient()
    assert attempt is not None
    assert attempt.session_url is not None
    data = (app.settings.library / row.file_path).read_bytes()
    await trio.sleep(seconds)
    await app.client.uploads.send(attempt.session_url, data, offset=0, final=True)


async def test_a_refusal_says_nothing_about_the_bytes_lost_before_it(
    opened: Opener, settings: Settings, alone: Path, faults: Faults
) -> None:
    """Found by torture, seed 324: the first finalize was still on its way when the second was refused for good."""
    follow(faults, send=[ActLate(90), STORE_FULL])
    async with faults.acting_late():
        async with opened() as app:
            await upload(app)
            await faults.settled()
        async with opened() as app:
            report = await upload(app)
    assert (report.indexed, report.failed) == (1, 0)
    assert_exactly_once(settings)


async def test_a_file_that_was_emptied_while_a_dead_run_had_it_is_not_sent(
    opened: Opener, alone: Path, faults: Faults
) -> None:
    """Found by torture, seed 1669: the scan leaves rows in flight alone, and recovery requeued this one."""
    with trio.CancelScope() as life:
        async with opened() as app:
            faults.before = lambda kind: life.cancel() if kind == "send" else None
            await upload(app)
    faults.before = lambda _kind: None
    alone.write_text("")
    async with opened() as app:
        report = await upload(app, retry_failed=True)
    assert (report.indexed, report.failed, report.skipped) == (0, 0, 1)
    assert "is empty" in report.skips[0].error
    assert faults.count["start"] == 1
    alone.write_text("Something after all.\n")
    async with opened() as app:
        report = await upload(app)
    assert (report.indexed, report.failed) == (1, 0)


async def test_unknown_outcomes_cost_one_listing_at_most(
    opened: Opener, settings: Settings, library: Path, faults: Faults
) -> None:
    """Their sessions are forgotten, and the store has documents by the page: 20 to each, so a hundred pages."""
    shutil.rmtree(library)
    many, others = 100, 1900
    for number in range(many):
        write(library, f"{number}.txt", f"Thought number {number}.\n")
    await die_after_sending(opened, faults, many)
    forget_sessions(settings.embedded, all_of_them=True)
    fabricate_documents(settings.embedded, others)
    before = faults.count.copy()
    async with opened("recover") as app:
        report = await recover(app)
    spent = faults.count - before
    assert (report.found, report.adopted, report.requeued, report.listings) == (many, many, 0, 1)
    assert spent["list"] == (many + others) // 20
    assert spent["query"] == many
    assert spent["start"] == spent["send"] == 0


async def test_recovery_waits_for_an_unresponsive_service_once_and_not_for_each_row(
    opened: Opener, settings: Settings, library: Path, faults: Faults
) -> None:
    shutil.rmtree(library)
    many = 100
    for number in range(many):
        write(library, f"{number}.txt", f"Thought number {number}.\n")
    await die_after_sending(opened, faults, many)
    faults.script = lambda kind, _count: DOWN if kind != "store" else None
    before = faults.count["query"]
    async with opened("recover") as app:
        began = trio.current_time()
        report = await recover(app)
        assert trio.current_time() - began < MAX_WAIT + 30
    assert (report.found, report.left, report.requeued) == (many, many, 0)
    assert faults.count["query"] - before < many
    faults.script = lambda _kind, _count: None
    async with opened() as app:
        assert (await upload(app)).indexed == many
    assert_exactly_once(settings)


async def test_recovery_retries_throttled_probes_and_loses_none(
    opened: Opener, settings: Settings, faults: Faults
) -> None:
    with trio.CancelScope() as life:
        async with opened() as app:
            faults.before = lambda kind: life.cancel() if kind == "send" else None
            await upload(app)
    faults.before = lambda _kind: None
    rows = sum(state == "uploading" for _, _, state, _ in ledger_rows(settings))
    calm = trio.current_time() + 40
    faults.script = lambda kind, _count: (
        throttled(7) if kind != "store" and trio.current_time() < calm else None
    )
    async with opened("recover") as app:
        report = await recover(app)
    assert rows > 0
    assert (report.found, report.left) == (rows, 0)
    assert (report.requeued + report.adopted) == rows
    faults.script = lambda _kind, _count: None
    async with opened() as app:
        assert (await upload(app)).indexed == 10
    assert_exactly_once(settings)


async def test_recovery_does_not_wait_for_an_hour(opened: Opener, settings: Settings, faults: Faults) -> None:
    """Nor do the steps after it: the delete of a document, and a listing."""
    await die_after_sending(opened, faults, 10)
    before = len(faults.history)
    faults.script = lambda kind, _count: throttled(3600) if kind != "store" else None
    async with opened("recover") as app:
        await app.ledger.intents.open(None, f"{app.store}/documents/old", "test", app.run_id)
        began = trio.current_time()
        report = await recover(app)
        assert (report.left, report.postponed) == (10, 1)
        with pytest.raises(GeminiError, match=r"again in 1 h$"):
            await store_sync(app, apply=False, metadata=False, limit=DeleteLimit(percent=100))
        assert trio.current_time() - began < 30
    assert len(faults.history) - before < 16
    faults.script = lambda _kind, _count: None
    async with opened() as app:
        assert (await upload(app)).indexed == 10
    assert_exactly_once(settings)


@pytest.mark.parametrize(
    ("answer", "stopped"), [(DAILY_QUOTA, "daily_quota"), (throttled(3600), "")], ids=["ended", "given up"]
)
async def test_recovery_does_not_wait_before_a_listing_that_is_not_made(
    opened: Opener, faults: Faults, answer: Action, stopped: str
) -> None:
    """The lag of listings matters only where one is made."""
    await die_after_sending(opened, faults, 10)
    forgotten = refusal(404, "NOT_FOUND", "no such session")
    before = faults.count.copy()
    faults.script = lambda kind, count: (
        forgotten if kind == "query" and count == before["query"] else answer if kind == "query" else None
    )
    async with opened("recover") as app:
        began = trio.current_time()
        report = await recover(app)
        assert trio.current_time() - began < LISTING_LAG
    assert (report.left, report.stopped, report.listings) == (10, stopped, 0)
    assert faults.count["list"] == before["list"]


async def test_a_listing_whose_pages_go_in_a_circle_ends_and_decides_nothing(
    opened: Opener, settings: Settings, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recovery, and so each upload, once followed a token that repeats without end."""
    await die_after_sending(opened, faults, 10)
    forget_sessions(settings.embedded, all_of_them=True)
    tokens: list[str | None] = []

    async def circle(_store: str, *, page_token: str | None = None) -> DocumentPage:
        await trio.lowlevel.checkpoint()
        tokens.append(page_token)
        assert len(tokens) < 10
        return DocumentPage((), "again")

    observer = RecordingObserver()
    async with opened("recover", observer=observer) as app:
        monkeypatch.setattr(app.client.documents, "list", circle)
        report = await recover(app)
    assert tokens == [None, "again"]
    assert (report.found, report.left, report.requeued, report.listings) == (10, 10, 0, 0)
    (failure,) = [fields for kind, fields in observer.events if kind is EventKind.LISTING_FAILED]
    assert "in a circle" in failure["error"]


async def test_no_listing_is_made_while_sessions_can_be_queried(
    opened: Opener, library: Path, faults: Faults
) -> None:
    shutil.rmtree(library)
    many = 100
    for number in range(many):
        write(library, f"{number}.txt", f"Thought number {number}.\n")
    await die_after_sending(opened, faults, many)
    before = faults.count.copy()
    async with opened("recover") as app:
        report = await recover(app)
    spent = faults.count - before
    assert (report.found, report.adopted, report.listings, spent["list"]) == (many, many, 0, 0)
    assert spent["query"] == many


async def test_a_document_that_is_failed_once_is_polled_again(
    opened: Opener, settings: Settings, alone: Path, faults: Faults
) -> None:
    """Under load a document that says FAILED may still turn ACTIVE."""
    follow(faults, document=[Alter("FAILED", in_state("STATE_FAILED"))])
    async with opened() as app:
        report = await upload(app)
    assert (report.indexed, report.deleted) == (1, 0)
    assert faults.count["start"] == 1
    assert_exactly_once(settings)


async def test_a_failed_document_is_deleted_even_if_the_run_dies_after_the_transition(
    opened: Opener, settings: Settings, alone: Path, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could still turn ACTIVE, and be a second one after a retry."""
    failed = Alter("FAILED", in_state("STATE_FAILED"))
    faults.script = lambda kind, _count: failed if kind == "document" else None
    with trio.CancelScope() as life:

        async def die(*_: object, **__: object) -> None:
            life.cancel()
            await trio.lowlevel.checkpoint()

        with monkeypatch.context() as patch:
            patch.setattr("objlib.engine.attempt.enact.delete_document", die)
            async with opened() as app:
                await upload(app)
    assert life.cancelled_caught
    faults.script = lambda _kind, _count: None
    async with opened("recover") as app:
        assert (await recover(app)).deleted == 1
    async with opened() as app:
        assert (await upload(app, retry_failed=True)).indexed == 1
    assert_exactly_once(settings)


async def test_every_delete_has_its_intent_first_and_leaves_another_document(
    opened: Opener, settings: Settings, library: Path, faults: Faults
) -> None:
    checker = Checker(settings.ledger, settings.embedded)
    faults.watch = checker.watch
    for _ in range(2):
        async with opened() as app:
            await upload(app)
        for path in sorted(library.rglob("*.txt"))[:3]:
            path.write_text(path.read_text() + "A later thought.\n")
    assert faults.count["delete"] == 3
    assert checker.broken == []
    assert faults.count["list"] == 0, "a calm run has every name it needs"


async def replace_without_deleting(opened: Opener, alone: Path, faults: Faults) -> None:
    """Upload a file and a newer version of it, by a run whose deletion of the older document is not answered."""
    async with opened() as app:
        await upload(app)
    alone.write_text("A second thought.\n")
    faults.script = lambda kind, _count: DOWN if kind == "delete" else None
    async with opened() as app:
        await upload(app)
    faults.script = lambda _kind, _count: None


@pytest.mark.parametrize(
    "forgotten",
    ["DELETE FROM intents", "UPDATE files SET superseded_document = NULL"],
    ids=["the run died before the intent", "only the intent is left"],
)
async def test_a_replaced_document_is_deleted_in_the_end(
    opened: Opener, settings: Settings, alone: Path, faults: Faults, forgotten: str
) -> None:
    await replace_without_deleting(opened, alone, faults)
    with ledger_of(settings) as db:
        db.execute(forgotten)
    async with opened("recover") as app:
        report = await recover(app)
        assert (report.deleted, report.left) == (1, 0)
        assert (await recover(app)).found == 0
    assert_exactly_once(settings)


async def test_a_listing_waits_until_fresh_documents_are_listed(
    opened: Opener, settings: Settings, alone: Path, faults: Faults
) -> None:
    """Documents appear in listings two seconds late; a listing at once would requeue the file."""
    follow(faults, send=[LOST], query=[DOWN] * 4)
    with trio.CancelScope() as life:
        async with opened() as app:
            faults.before = lambda kind: life.cancel() if kind == "query" else None
            await upload(app)
    faults.before = lambda _kind: None
    with damage_database(settings.embedded) as db:
        db.execute("DELETE FROM uploads")
    landed = trio.current_time()
    hidden = Alter("lags", lambda answer: hide(answer) if trio.current_time() < landed + 2 else answer)
    faults.script = lambda kind, _count: hidden if kind == "list" else None
    async with opened("recover") as app:
        report = await recover(app)
    assert (report.adopted, report.requeued) == (1, 0)
    assert_exactly_once(settings)


def hide(answer: Response) -> Response:
    """A listing of nothing."""
    return replace(answer, body=b"{}")


async def test_of_two_documents_of_one_attempt_one_stays(
    opened: Opener, settings: Settings, alone: Path, faults: Faults
) -> None:
    await _two_documents_of_one_attempt(opened, settings, faults, second="PENDING")
    async with opened("recover") as app:
        report = await recover(app)
    assert (report.adopted, report.completed, report.deleted) == (1, 1, 1)
    assert_exactly_once(settings)


async def _two_documents_of_one_attempt(
    opened: Opener, settings: Settings, faults: Faults, *, second: str = "ACTIVE"
) -> list[str]:
    """Names of two documents of an attempt whose run died, and whose session is forgotten; the first is ACTIVE."""
    follow(faults, send=[LOST])
    with trio.CancelScope() as life:
        async with opened() as app:
            faults.before = lambda kind: life.cancel() if kind == "query" else None
            await upload(app)
    faults.before = lambda _kind: None
    async with opened("recover"):
        await trio.sleep(5)  # the store finishes what it has
    with damage_database(settings.embedded) as db:
        db.execute("DELETE FROM uploads")
        db.execute(
            "INSERT INTO documents (store_id, name, display_name, mime_type, size, state, create_time, update_time,"
            " metadata, blob_id, ready_at) SELECT store_id, name || '2', display_name, mime_type, size, ?,"
            " create_time + 1, 1, metadata, blob_id, 9e9 FROM documents",
            (second,),
        )
        return [name for (name,) in db.execute("SELECT name FROM documents")]


BROKEN: Final = refusal(400, "INVALID_ARGUMENT", "Failed to count tokens.")
"""The direct upload is refused like this where only the two-step path works."""


async def test_an_import_that_comes_late_makes_nothing(
    opened: Opener, settings: Settings, alone: Path, faults: Faults
) -> None:
    """It has no session that could be closed, but it needs its temporary file."""
    follow(faults, start=[BROKEN], **{"import": [ActLate(300)]})
    async with faults.acting_late(), opened() as app:
        report = await upload(app)
        await faults.settled()
    assert (report.indexed, report.failed) == (1, 0)
    late = next(request for request in faults.history if request.kind == "import")
    assert late.status == 403
    # The run probes the attempt, and then its recovery does, which makes a listing.
    assert (faults.count["discard"], faults.count["list"], faults.count["send"]) == (2, 1, 2)
    assert_exactly_once(settings)


async def test_a_late_import_makes_nothing_where_its_session_is_forgotten(
    opened: Opener, settings: Settings, alone: Path, faults: Faults
) -> None:
    """The name of the temporary file is ours, so that it is known without an answer."""
    follow(faults, start=[BROKEN], **{"import": [ActLate(300)]})
    async with faults.acting_late():
        with trio.CancelScope() as life:
            async with opened() as app:
                faults.before = lambda kind: life.cancel() if kind == "import" else None
                await upload(app)
        faults.before = lambda _kind: None
        with damage_database(settings.embedded) as db:
            assert db.execute("DELETE FROM uploads").rowcount == 1
        async with opened("recover") as app:
            report = await recover(app)
            assert (report.requeued, report.listings) == (1, 1)
            await upload(app)
            await faults.settled()
    assert_exactly_once(settings)


async def test_the_listing_lag_counts_from_the_last_probe(
    opened: Opener, settings: Settings, alone: Path, faults: Faults
) -> None:
    """Found by torture, seed 2656: an import landed long after the last entry of its attempt in the ledger.

    Half an answer does not throttle: a governor that slowed down would wait in place of the recovery.
    """
    slow: list[Action | None] = [Delay(30)]
    follow(faults, start=[BROKEN, None], file=slow, **{"import": [TRUNCATED]}, query=[])
    scripted = faults.script

    def lagging(kind: str, count: int) -> Action | None:
        return Alter("lags", hide_young) if kind == "list" else scripted(kind, count)

    faults.script = lagging
    async with opened() as app:
        report = await upload(app)
    assert (report.indexed, report.failed, faults.count["import"], faults.count["list"]) == (1, 0, 1, 1)
    assert_exactly_once(settings)


def hide_young(answer: Response) -> Response:
    """A listing without the documents that are younger than two seconds."""
    page = json.loads(answer.body)
    page["documents"] = [
        document
        for document in page.get("documents", [])
        if datetime.fromisoformat(document["createTime"]).timestamp() < EPOCH + trio.current_time() - 2
    ]
    return replace(answer, body=json.dumps(page).encode())


async def test_of_two_recoveries_that_prefer_different_documents_only_one_deletes(
    opened: Opener, settings: Settings, alone: Path, faults: Faults
) -> None:
    names = await _two_documents_of_one_attempt(opened, settings, faults)

    def other_first(answer: Response) -> Response:
        page = json.loads(answer.body)
        page["documents"][0]["state"] = "STATE_PENDING"
        return replace(answer, body=json.dumps(page).encode())

    # Both have listed the store before either has decided.
    follow(faults, list=[Delay(10), Alter("the first is not ready yet", other_first)])
    async with opened("recover") as one, opened("recover") as two:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(recover, one)
            nursery.start_soon(recover, two)
    deleted = [request.target for request in faults.history if request.kind == "delete"]
    assert len(deleted) == 1
    assert deleted[0] in names
    assert_exactly_once(settings)


@pytest.mark.parametrize("kind", ["send", "document"])
async def test_a_file_changed_while_a_dead_run_had_it_is_sent_by_the_next_run(
    opened: Opener, settings: Settings, alone: Path, faults: Faults, kind: str
) -> None:
    """Found by killing processes: recovery indexed the older version, and the run ended with that."""
    with trio.CancelScope() as life:
        async with opened() as app:
            faults.before = lambda what: life.cancel() if what == kind else None
            await upload(app)
    faults.before = lambda _kind: None
    alone.write_text("A second thought.\n")
    async with opened() as app:
        report = await upload(app)
        (row,) = await app.ledger.files.page()
    assert (report.indexed, report.pending) == (1, 0)
    assert row.indexed_hash == content_hash(alone.read_bytes())
    assert_exactly_once(settings)


async def test_a_limited_run_does_not_wait_for_a_file_that_another_run_took(
    opened: Opener, settings: Settings, alone: Path, faults: Faults
) -> None:
    """Found by torture: the run polled fifty times a second, without end, for a file that was due."""
    follow(faults, start=[DOWN])

    def take() -> None:
        failure = '{"kind": "processing", "message": "no", "retryable": false}'
        with ledger_of(settings) as db:
            db.execute("UPDATE files SET gemini_state = 'failed', failure_info = ?", (failure,))

    with trio.fail_after(600):
        async with opened() as app, trio.open_nursery() as nursery:

            async def take_soon() -> None:
                await trio.sleep(0.1)
                take()

            nursery.start_soon(take_soon)
            report = await upload(app, limit=1)
    assert faults.count["start"] == 1
    assert report.failed == 1


async def die_before(opened: Opener, faults: Faults, kind: str) -> None:
    """Let a run die just before it sends its first request of this kind."""
    with trio.CancelScope() as life:
        async with opened() as app:
            faults.before = lambda sent: life.cancel() if sent == kind else None
            await upload(app)
    assert life.cancelled_caught
    faults.before = lambda _kind: None


async def test_a_document_that_a_dead_run_waited_for_is_completed(
    opened: Opener, settings: Settings, alone: Path, faults: Faults
) -> None:
    """At first the store is still indexing it; then it is ACTIVE."""
    pending = Alter("PENDING", in_state("STATE_PENDING"))
    for _ in range(2):
        await die_before(opened, faults, "document")
        seen = faults.count["document"]
        follow(faults, document=[None] * seen + [pending])
        async with opened("recover") as app:
            report = await recover(app)
        assert (report.found, report.completed, report.left) == (1, 1, 0)
        assert_exactly_once(settings)
        alone.write_text("A second thought.\n")


async def test_a_document_that_failed_after_its_run_died_is_deleted_with_its_reason(
    opened: Opener, settings: Settings, alone: Path, library: Path, faults: Faults
) -> None:
    alone.unlink()
    (library / "broken.pdf").write_bytes(b"%PDF-1.7\nthis is no document at all\n%%EOF\n")
    await die_before(opened, faults, "document")
    async with opened("recover") as app:
        await trio.sleep(5)  # the store finishes what it has
        report = await recover(app)
        (row,) = await app.ledger.files.page()
    assert (report.found, report.failed, report.left) == (1, 1, 0)
    ((path, action, why),) = report.actions
    assert (path, action) == ("broken.pdf", "failed")
    assert "PDF" in why
    assert row.state is State.FAILED
    assert live_documents(settings) == []


async def test_an_adopted_document_that_the_store_cannot_index_is_counted_as_failed(
    opened: Opener, alone: Path, faults: Faults
) -> None:
    await die_after_sending(opened, faults, 1)
    failed = Alter("FAILED", in_state("STATE_FAILED"))
    faults.script = lambda kind, _count: failed if kind == "document" else None
    async with opened("recover") as app:
        report = await recover(app)
        assert [row.state for row in await app.ledger.files.page()] == [State.FAILED]
    assert (report.adopted, report.failed, report.completed, report.left) == (1, 1, 0, 0)


async def test_an_adopted_document_without_an_answer_is_left_to_the_next_recovery(
    opened: Opener, settings: Settings, alone: Path, faults: Faults
) -> None:
    await die_after_sending(opened, faults, 1)
    faults.script = lambda kind, _count: DOWN if kind == "document" else None
    async with opened("recover") as app:
        report = await recover(app)
    assert (report.adopted, report.completed, report.left) == (1, 0, 1)
    faults.script = lambda _kind, _count: None
    async with opened("recover") as app:
        report = await recover(app)
    assert (report.found, report.completed, report.left) == (1, 1, 0)
    assert_exactly_once(settings)


async def test_a_file_that_changed_before_its_document_is_adopted_is_requeued(
    opened: Opener, settings: Settings, alone: Path, faults: Faults
) -> None:
    await die_after_sending(opened, faults, 1)
    alone.write_text("A second thought.\n")
    async with opened("recover") as app:
        await scan(app)
        report = await recover(app)
    assert (report.adopted, report.requeued, report.completed) == (1, 1, 0)
    async with opened() as app:
        assert (await upload(app)).indexed == 1
    assert_exactly_once(settings)


async def test_a_session_that_can_neither_be_closed_nor_is_final_is_left(
    opened: Opener, settings: Settings, alone: Path, faults: Faults
) -> None:
    await die_before(opened, faults, "send")
    no = refusal(400, "FAILED_PRECONDITION", "this upload cannot be cancelled now")
    faults.script = lambda kind, _count: no if kind == "cancel" else None
    async with opened("recover") as app:
        report = await recover(app)
    assert (report.found, report.left, report.requeued) == (1, 1, 0)
    reason = "its upload session can neither be closed nor is it final"
    assert report.actions == (("only.txt", "left", reason),)
    assert faults.count["cancel"] == MAX_PROBES
    faults.script = lambda _kind, _count: None
    async with opened() as app:
        assert (await upload(app)).indexed == 1
    assert_exactly_once(settings)


async def test_of_two_recoveries_at_once_one_leaves_the_row_to_the_other(
    opened: Opener, settings: Settings, alone: Path, faults: Faults
) -> None:
    await die_before(opened, faults, "send")
    slow = faults.count["query"]
    faults.script = lambda kind, count: Delay(5) if kind == "query" and count - slow < 2 else None
    reports: list[RecoverReport] = []

    async def one(app: App) -> None:
        reports.append(await recover(app))

    async with opened("recover") as first, opened("recover") as second:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(one, first)
            nursery.start_soon(one, second)
    assert [(report.found, report.left) for report in reports] == [(1, 0), (1, 0)]
    assert sum(report.requeued for report in reports) == 1
    actions = {action for report in reports for action in report.actions}
    assert ("only.txt", "left", "another run took it over") in actions


async def test_a_report_lists_some_actions_and_counts_all(
    opened: Opener, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    await die_after_sending(opened, faults, 10)
    monkeypatch.setattr("objlib.engine.recover.LISTED_ACTIONS", 3)
    observer = RecordingObserver()
    async with opened("recover", observer=observer) as app:
        report = await recover(app)
    assert (report.adopted, len(report.actions)) == (10, 3)
    assert len(observer.fields_of(EventKind.RECOVERED)) == 10


async def test_a_delete_whose_file_is_back_is_left_until_the_file_is_sent(
    scenario: Scenario, opened: Opener, settings: Settings, faults: Faults
) -> None:
    """The service did not answer the delete, so that the document may be gone: the file gets another one first."""
    await scenario.index()
    (path,) = scenario.remove()
    await scenario.index()
    faults.script = lambda kind, _count: DOWN if kind == "delete" else None
    await scenario.prune()
    faults.script = lambda _kind, _count: None
    scenario.put_back(path)
    async with opened("recover") as app:
        await scan(app)
        report = await recover(app)
    assert (report.found, report.requeued, report.deleted, report.postponed) == (1, 1, 0, 0)
    await scenario.index()
    assert_exactly_once(settings)


async def test_the_bar_of_a_recovery_knows_its_total_and_reaches_it(opened: Opener, faults: Faults) -> None:
    class Bars(RecordingObserver):
        totals: tuple[int | None, ...] = ()
        done = 0

        def begin(
            self, phase: Phase, files: int | None, size: int | None, *, seconds: float | None = None
        ) -> None:
            if phase is Phase.RECOVER:
                self.totals += (files,)

        def advance(self, phase: Phase, files: int, size: int) -> None:
            self.done += files if phase is Phase.RECOVER else 0

    await die_after_sending(opened, faults, 10)
    bars = Bars()
    async with opened("recover", observer=bars) as app:
        report = await recover(app)
    assert report.found == 10
    assert (bars.totals, bars.done) == ((10,), 10)


async def _forecast(opened: Opener) -> RecoverReport:
    """The report of a dry run."""
    async with opened("recover", dry_run=True) as app:
        return await recover(app)


def _counts(report: RecoverReport) -> tuple[int, ...]:
    return (report.adopted, report.requeued, report.completed, report.failed, report.deleted, report.left)


async def test_a_dry_run_foretells_what_is_adopted_and_what_is_surplus(
    opened: Opener, settings: Settings, alone: Path, faults: Faults
) -> None:
    await _two_documents_of_one_attempt(opened, settings, faults)
    foretold = await _forecast(opened)
    assert _counts(foretold) == (1, 0, 0, 0, 1, 0)
    assert [action for _, action, _ in foretold.actions] == ["adopted", "deleted"]
    assert len(live_documents(settings)) == 2, "nothing is changed"
    async with opened("recover") as app:
        report = await recover(app)
    assert (report.adopted, report.deleted) == (foretold.adopted, foretold.deleted)


@pytest.mark.parametrize("forgotten", ["", "DELETE FROM intents"], ids=["an intent", "no intent yet"])
async def test_a_dry_run_foretells_what_is_deleted(
    opened: Opener, settings: Settings, alone: Path, faults: Faults, forgotten: str
) -> None:
    await replace_without_deleting(opened, alone, faults)
    with ledger_of(settings) as db:
        db.execute(forgotten)
    sent = faults.count["delete"]
    foretold = await _forecast(opened)
    assert _counts(foretold) == (0, 0, 0, 0, 1, 0)
    ((_, _, why),) = foretold.actions
    assert ("on record" in why) == (not forgotten)
    assert faults.count["delete"] == sent, "nothing is sent"
    async with opened("recover") as app:
        assert _counts(await recover(app)) == _counts(foretold)


async def test_a_dry_run_foretells_what_becomes_of_a_document_that_is_indexed(
    opened: Opener, settings: Settings, alone: Path, faults: Faults
) -> None:
    await die_before(opened, faults, "document")
    pending = Alter("PENDING", in_state("STATE_PENDING"))
    follow(faults, document=[None] * faults.count["document"] + [pending])
    foretold = await _forecast(opened)
    assert [action for _, action, _ in foretold.actions] == ["waiting"]
    assert _counts(await _forecast(opened)) == (0, 0, 1, 0, 0, 0)
    with damage_database(settings.embedded) as db:
        db.execute("UPDATE documents SET state = 'FAILED'")
    foretold = await _forecast(opened)
    assert _counts(foretold) == (0, 0, 0, 1, 0, 0)
    async with opened("recover") as app:
        assert (await recover(app)).failed == 1
