"""`sync --prune`: documents of files that are gone leave the store, and never by surprise."""

import os
import shutil
import signal
from pathlib import Path

import pytest
import trio

from objlib.core.config.settings import Settings
from objlib.core.errors import RefusedError
from objlib.core.ids import new_attempt_id
from objlib.core.lifecycle.delete_limit import DeleteLimit
from objlib.core.reports.upload import SyncReport
from objlib.engine.app import App
from objlib.engine.reconcile.prune import prune
from objlib.engine.reconcile.verify import verify
from objlib.engine.recover import recover
from objlib.engine.requests.retry import MAX_TRIES
from objlib.engine.scan.scan import scan
from objlib.engine.status import explain
from objlib.engine.sync import sync
from objlib.engine.upload.run import upload
from objlib.ledger import Move
from objlib.testing import DAILY_QUOTA, DOWN, LOST, Action, ActLate, Faults, Respond, throttled
from objlib.testing.databases import damage_database, read_database
from tests.support.engine import (
    Opener,
    assert_exactly_once,
    follow,
    ledger_of,
    ledger_rows,
    live_documents,
    write,
)
from tests.support.scenario import Scenario

ALL = DeleteLimit(percent=100)


async def pruned(app: App, grace: float = 0.0, limit: DeleteLimit = ALL) -> SyncReport:
    return await sync(app, prune_missing=True, grace=grace, limit=limit)


def open_intents(settings: Settings) -> int:
    with read_database(settings.ledger_file) as db:
        return int(db.execute("SELECT count(*) FROM intents WHERE done_at IS NULL").fetchone()[0])


async def test_documents_of_missing_files_are_pruned_and_the_history_stays(
    scenario: Scenario, opened: Opener, settings: Settings, library: Path, faults: Faults
) -> None:
    await scenario.index()
    gone = scenario.remove(3)
    async with opened("sync") as app:
        report = await pruned(app)
        assert report.prune is not None
        assert (report.prune.files, report.prune.deleted, report.prune.postponed) == (3, 3, 0)
        assert report.prune.paths == tuple(path.relative_to(library).as_posix() for path in gone)
        assert report.upload.missing == 0
        history = await explain(app, report.prune.paths[0])
    assert (history.state, history.document, history.indexed_hash) == ("untracked", None, None)
    assert history.missing_since is not None
    assert [event.event for event in history.events][-1] == "reset"
    assert len(live_documents(settings)) == 7
    assert open_intents(settings) == 0
    deletes = faults.count["delete"]
    async with opened("sync") as app:
        again = await pruned(app)
    assert again.prune is not None
    assert (again.prune.files, again.upload.missing) == (0, 0)
    assert faults.count["delete"] == deletes == 3


async def test_without_prune_and_within_the_grace_everything_is_kept(
    scenario: Scenario, opened: Opener, settings: Settings, faults: Faults
) -> None:
    await scenario.index()
    scenario.remove(2)
    async with opened("sync") as app:
        plain = await sync(app, prune_missing=False, grace=0, limit=ALL)
        assert (plain.prune, plain.upload.missing) == (None, 2)
        await trio.sleep(100)
        young = await pruned(app, grace=3600)
        assert young.prune is not None
        assert (young.prune.files, young.prune.kept) == (0, 2)
        assert young.prune.kept_until is not None
        assert app.now() < young.prune.kept_until <= app.now() + 3600
        assert young.prune.kept_last == young.prune.kept_until
        assert faults.count["delete"] == 0
        await trio.sleep(3600)
        old = await pruned(app, grace=3600)
    assert old.prune is not None
    assert (old.prune.deleted, old.prune.kept) == (2, 0)
    assert len(live_documents(settings)) == 8


@pytest.mark.parametrize("limit", [DeleteLimit(count=2), DeleteLimit(percent=29)])
async def test_too_many_deletions_are_refused_before_anything_is_sent(
    scenario: Scenario, opened: Opener, library: Path, faults: Faults, limit: DeleteLimit
) -> None:
    await scenario.index()
    scenario.remove(3)
    write(library, "new.txt", "A file that has to wait.\n")
    before = faults.count["start"]
    async with opened("sync") as app:
        with pytest.raises(RefusedError, match=r"would delete 3 of 10 documents.*--max-delete 3"):
            await pruned(app, limit=limit)
        with pytest.raises(RefusedError, match="nothing was deleted"):
            await prune(app, grace=0, limit=limit)  # more of them went missing since the run was let begin
    assert (faults.count["start"] - before, faults.count["delete"]) == (0, 0)
    async with opened("sync") as app:
        assert (await pruned(app, limit=DeleteLimit(count=3))).prune is not None
    assert faults.count["delete"] == 3


async def test_an_empty_library_is_refused_even_where_all_is_known_to_be_missing(
    scenario: Scenario, opened: Opener, settings: Settings, library: Path
) -> None:
    await scenario.index()
    aside = library.with_name("aside")
    library.rename(aside)
    library.mkdir()
    async with opened("sync") as app:
        with pytest.raises(RefusedError, match="holds no files"):
            await pruned(app)
    # Only one file is left, and then not even that: now every row is on record as missing or about to be.
    shutil.copy(next(aside.rglob("*.txt")), library / "one.txt")
    async with opened("sync") as app:
        await upload(app)
        (library / "one.txt").unlink()
        with damage_database(settings.ledger_file) as db:
            db.execute("UPDATE files SET missing_since = 1")
        with pytest.raises(RefusedError, match="nothing is pruned"):
            await pruned(app)
    assert len(live_documents(settings)) == 10


async def test_a_file_that_comes_back_after_its_document_was_removed_is_sent_again(
    scenario: Scenario, settings: Settings
) -> None:
    await scenario.index()
    (path,) = scenario.remove()
    await scenario.prune()
    scenario.put_back(path)
    report = await scenario.index()
    assert (report.uploaded, report.indexed, report.scan.returned) == (1, 10, 1)
    assert_exactly_once(settings)


@pytest.mark.parametrize("reply", [DOWN, LOST], ids=["not acted", "acted, answer lost"])
async def test_a_removal_that_the_service_did_not_confirm_is_carried_out_by_recovery(
    scenario: Scenario, opened: Opener, settings: Settings, faults: Faults, reply: Respond
) -> None:
    await scenario.index()
    scenario.remove(3)
    faults.script = lambda what, _count: reply if what == "delete" else None
    report = await scenario.prune()
    assert (report.deleted, report.postponed) == (0, 3)
    assert open_intents(settings) == 3
    assert {state for _, _, state, _ in ledger_rows(settings)} == {"indexed"}
    faults.script = lambda _what, _count: None
    async with opened("recover") as app:
        assert (await recover(app)).deleted == 3
        assert (await recover(app)).found == 0
    assert open_intents(settings) == 0
    assert len(live_documents(settings)) == 7
    states = [state for _, _, state, _ in ledger_rows(settings)]
    assert (states.count("untracked"), states.count("indexed")) == (3, 7)


async def test_a_prune_that_does_not_try_says_what_it_left(
    scenario: Scenario, settings: Settings, faults: Faults
) -> None:
    """The service asks to wait an hour for a delete of the same run, and no run waits that long."""
    await scenario.index()
    scenario.remove(3)
    scenario.change()
    follow(faults, delete=[throttled(3600)])
    report = await scenario.prune()
    assert (report.files, report.deleted, report.postponed) == (0, 0, 3)
    assert faults.count["delete"] == 1
    again = await scenario.prune()
    assert (again.deleted, again.postponed) == (3, 0)
    assert len(live_documents(settings)) == 7


@pytest.mark.parametrize(
    ("answer", "skipped"), [(throttled(3600), ""), (DAILY_QUOTA, "daily_quota")], ids=["given up", "ended"]
)
async def test_a_prune_that_gives_up_on_the_way_counts_what_it_did_not_reach(
    scenario: Scenario, faults: Faults, answer: Action, skipped: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("objlib.engine.reconcile.prune.PRUNE_PAGE", 2)
    await scenario.index()
    scenario.remove(9)
    follow(faults, delete=[None, None, None, *[answer] * 6])
    report = await scenario.prune()
    assert (report.deleted, report.postponed, report.skipped) == (3, 6, skipped)


async def test_a_file_that_is_found_again_before_its_page_comes_is_not_left_over(
    scenario: Scenario, settings: Settings, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was counted when the prune began, and another run's scan took it off the list."""
    monkeypatch.setattr("objlib.engine.reconcile.prune.PRUNE_PAGE", 2)
    await scenario.index()
    scenario.remove(3)

    def found_again(kind: str) -> None:
        if kind == "delete" and faults.count["delete"] == 1:
            with ledger_of(settings) as db:
                last = "SELECT max(file_id) FROM files WHERE missing_since IS NOT NULL"
                db.execute(f"UPDATE files SET missing_since = NULL WHERE file_id = ({last})")

    faults.before = found_again
    report = await scenario.prune()
    assert (report.deleted, report.postponed) == (2, 0)


async def test_a_file_that_is_back_before_the_delete_was_sent_keeps_its_document(
    scenario: Scenario, opened: Opener, settings: Settings, faults: Faults
) -> None:
    await scenario.index()
    (path,) = scenario.remove()
    async with opened("sync") as app:
        await scan(app)
        # All that a prune has done when it dies before its first delete.
        page = await app.ledger.deletions.prunable(cutoff=app.now(), after="", limit=9)
        assert len(await app.ledger.deletions.open_prune(page, cutoff=app.now(), run_id=app.run_id)) == 1
    scenario.put_back(path)
    starts = faults.count["start"]
    await scenario.prune()
    assert (faults.count["delete"], faults.count["start"]) == (0, starts)
    assert open_intents(settings) == 0
    assert_exactly_once(settings)


@pytest.mark.parametrize("fate", [DOWN, LOST, ActLate(600)], ids=["not acted", "acted", "acts later"])
async def test_a_file_that_is_back_after_the_delete_was_sent_gets_a_new_document_first(
    scenario: Scenario, opened: Opener, settings: Settings, faults: Faults, fate: Action
) -> None:
    """Found by torture, seed 100903: the document was kept, and then the delete that was on its way took it."""
    await scenario.index()
    (path,) = scenario.remove()
    follow(faults, delete=[fate] + [DOWN] * (MAX_TRIES - 1))
    async with faults.acting_late():
        await scenario.prune()
        path.with_name("under another name.txt").write_text(scenario.texts[path])
        starts = faults.count["start"]
        async with opened("sync") as app:
            report = await pruned(app)
        assert (report.upload.indexed, report.upload.uploaded, faults.count["start"]) == (10, 1, starts + 1)
        kinds = [kind for _, kind in faults.seen]
        assert kinds.count("delete") == MAX_TRIES + 1
        assert "send" not in kinds[len(kinds) - kinds[::-1].index("delete") :], "the old one went first"
        await faults.settled()
        async with opened("recover") as app:
            assert (await recover(app)).found == 0
    assert open_intents(settings) == 0
    assert_exactly_once(settings)


async def test_a_file_back_unfit_after_its_delete_was_sent_leaves_no_intent_open(
    scenario: Scenario, opened: Opener, settings: Settings, faults: Faults
) -> None:
    """It gets no new document by itself, so nothing would come before which the old one may not go."""
    await scenario.index()
    (path,) = scenario.remove()
    follow(faults, delete=[DOWN] * MAX_TRIES)
    await scenario.prune()
    assert open_intents(settings) == 1
    path.write_text("")
    await scenario.index()
    async with opened("recover") as app:
        await recover(app)
        assert (await recover(app)).found == 0
    assert open_intents(settings) == 0
    assert len(live_documents(settings)) == 9


async def test_an_older_version_of_a_file_that_changed_and_then_went_is_removed_too(
    scenario: Scenario, settings: Settings, library: Path, faults: Faults
) -> None:
    await scenario.index()
    path = min(library.rglob("*.txt"))
    path.write_text("quite another text\n")
    faults.script = lambda what, _count: DOWN if what == "start" else None
    await scenario.index()
    path.unlink()
    faults.script = lambda _what, _count: None
    report = await scenario.prune()
    assert report.deleted == 1
    assert len(live_documents(settings)) == 9
    assert open_intents(settings) == 0
    with read_database(settings.ledger_file) as db:
        (held,) = db.execute("SELECT count(*) FROM files WHERE gemini_document IS NOT NULL").fetchone()
    assert held == 9


async def test_a_stop_ends_the_prune_and_the_next_run_finishes_it(
    scenario: Scenario, settings: Settings, faults: Faults
) -> None:
    await scenario.index()
    scenario.remove(6)

    def stop(kind: str) -> None:
        if kind == "delete" and faults.count["delete"] == 2:
            os.kill(os.getpid(), signal.SIGINT)

    faults.before = stop
    report = await scenario.prune()
    assert report.skipped == "interrupted"
    faults.before = lambda _kind: None
    await scenario.prune()
    assert open_intents(settings) == 0
    assert len(live_documents(settings)) == 4


async def test_a_file_that_was_found_again_meanwhile_gets_no_intent(
    scenario: Scenario, opened: Opener, library: Path
) -> None:
    """Another run's scan may come between the question who is to be pruned and the record of it."""
    async with opened("sync") as app:
        await upload(app)
        back, gone = scenario.remove(2)
        await scan(app)
        cutoff = app.now()
        page = await app.ledger.deletions.prunable(cutoff=cutoff, after="", limit=10)
        assert len(page) == 2
        back.write_text("Back again.\n")
        await scan(app)
        opened_now = await app.ledger.deletions.open_prune(page, cutoff=cutoff, run_id=app.run_id)
        row = await app.ledger.files.by_path(gone.relative_to(library).as_posix())
    assert row is not None
    assert [intent.document_name for intent in opened_now] == [row.document]


async def test_a_file_that_is_under_way_is_not_pruned(
    scenario: Scenario, opened: Opener, library: Path
) -> None:
    """Its run will give it a new document, and the old one answers searches until then."""
    async with opened("sync") as app:
        await upload(app)
        path = scenario.change()
        await scan(app)
        row = await app.ledger.files.by_path(path.relative_to(library).as_posix())
        assert row is not None
        attempt = new_attempt_id(app.now())
        await app.ledger.apply(Move(row, app.run_id, attempt).start_upload())
        path.unlink()
        await scan(app)
        report = await prune(app, grace=0, limit=ALL)
        row = await app.ledger.files.get(row.file_id)
    assert row is not None
    assert row.missing_since is not None
    assert row.document is not None
    assert (report.files, report.deleted, report.postponed) == (0, 0, 0)


async def test_what_a_rule_leaves_out_afterwards_is_explained_verified_and_pruned(
    scenario: Scenario, opened: Opener, library: Path, settings: Settings
) -> None:
    await scenario.index()
    write(library, "private/pay.md", "salaries")
    write(library, "replaced.md", "a file for now")
    async with opened("sync") as app:
        await upload(app)
    assert len(live_documents(settings)) == 12
    (library / "replaced.md").unlink()
    write(library, "replaced.md/inner.md", "now a folder")
    (library / ".objlibignore").write_text("private/\n")
    async with opened("verify") as app:
        assert (await verify(app, sample=None)).drift == {"left_out": 1, "replaced": 1}
    async with opened("sync") as app:
        await upload(app)
        story = await explain(app, "private/pay.md")
        assert "left out by the rule 'private/' in .objlibignore" in story.explanation
        assert "there is a folder in its place" in (await explain(app, "replaced.md")).explanation.lower()
        assert (await verify(app, sample=None)).drift == {"left_out": 1, "replaced": 1}
    async with opened("sync") as app:
        report = await sync(app, prune_missing=True, grace=3600, limit=ALL)
        assert report.prune is not None
        assert (report.prune.kept, report.prune.deleted) == (2, 0)
        (library / ".objlibignore").write_text("")
        report = await sync(app, prune_missing=True, grace=0, limit=ALL)
        assert report.prune is not None
        assert report.prune.paths == ("replaced.md",), "the rule is gone, so the file is back"
    (library / ".objlibignore").write_text("private/\n")
    async with opened("sync") as app:
        report = await sync(app, prune_missing=True, grace=0, limit=ALL)
        assert report.prune is not None
        assert report.prune.paths == ("private/pay.md",)
        assert (await verify(app, sample=None)).drift == {}


async def test_a_file_that_is_on_disk_is_not_pruned_whatever_an_older_scan_says(
    scenario: Scenario, opened: Opener, settings: Settings
) -> None:
    await scenario.index()
    (gone,) = scenario.remove()
    async with opened("sync") as app:
        assert (await scan(app)).missing == 1
        gone.write_text("Back again, and not seen by any scan.\n")
        report = await prune(app, grace=0, limit=ALL)
    assert (report.files, report.deleted, report.postponed) == (0, 0, 0)
    assert open_intents(settings) == 0
    assert len(live_documents(settings)) == 10


async def test_nothing_is_removed_after_an_upload_that_was_stopped(
    scenario: Scenario, faults: Faults
) -> None:
    await scenario.index()
    scenario.remove()
    scenario.change()
    faults.script = lambda kind, _count: DAILY_QUOTA if kind == "start" else None
    report = await scenario.prune()
    assert (report.skipped, report.deleted) == ("daily_quota", 0)
    assert faults.count["delete"] == 0
    faults.script = lambda _kind, _count: None
    assert (await scenario.prune()).deleted == 1
