"""`rebuild`: a lost ledger made again from the store, without an upload."""

from pathlib import Path

import pytest

from objlib.core.config.settings import Settings
from objlib.core.errors import RefusedError
from objlib.core.ids import KEY_FILE, KEY_HASH, KEY_LEDGER
from objlib.core.lifecycle.table import TABLE
from objlib.engine.bootstrap.open_app import StoreNeed
from objlib.engine.reconcile.rebuild import rebuild
from objlib.engine.reconcile.store_sync import store_sync
from objlib.engine.upload.run import upload
from objlib.gemini import GeminiError
from objlib.testing import DOWN, Faults
from objlib.testing.databases import damage_database, raw
from tests.support.engine import (
    ALL,
    Opener,
    alter,
    assert_exactly_once,
    checked,
    ledger_rows,
    live_documents,
    of_file,
    plant,
    write,
)
from tests.support.scenario import Scenario


def lose(settings: Settings) -> None:
    """The ledger is gone, with everything beside it."""
    for path in settings.ledger_file.parent.glob(f"{settings.ledger_file.name}*"):
        path.unlink()


async def test_a_lost_ledger_costs_a_listing_and_no_upload(
    opened: Opener, settings: Settings, faults: Faults
) -> None:
    async with opened() as app:
        await upload(app)
        store, ledger_id, rows = app.store, app.ledger_id, await app.ledger.files.page()
    before = ledger_rows(settings)
    lose(settings)
    spent = faults.count.copy()
    async with opened("rebuild", need=StoreNeed.EXISTING) as app:
        report = await rebuild(app)
        assert (report.files, report.matched, report.changed, report.missing) == (10, 10, 0, 0)
        assert (report.ledger, app.store, await app.ledger.settings.pinned()) == (
            ledger_id,
            store,
            (store, settings.store),
        )
        again = {row.file_id: row for row in await app.ledger.files.page()}
    assert dict(faults.count - spent) == {"store": 1, "list": 1}
    assert ledger_rows(settings) == before
    for row in rows:
        now = again[row.file_id]
        assert (now.document, now.metadata, now.size, now.mime_type, now.content_hash) == (
            row.document, row.metadata, row.size, row.mime_type, row.content_hash,
        )  # fmt: skip
    async with opened() as app:
        result = await upload(app)
        assert (result.uploaded, result.indexed) == (0, 10)
        assert (await checked(app)).drift == {}
    assert_exactly_once(settings)


async def test_what_changed_since_is_told_apart(
    scenario: Scenario, opened: Opener, settings: Settings, library: Path, faults: Faults
) -> None:
    await scenario.index()
    files = sorted(library.rglob("*.txt"))
    files[0].write_text("quite another text\n")
    files[1].unlink()
    files[2].rename(files[2].with_name("another name.txt"))
    write(library, "new.txt", "A new file.\n")
    lose(settings)
    async with opened("rebuild", need=StoreNeed.EXISTING) as app:
        report = await rebuild(app)
    assert (report.files, report.matched, report.changed, report.missing, report.new) == (10, 8, 1, 1, 1)
    before = faults.count["start"]
    result = await scenario.index()
    assert (result.uploaded, result.indexed, result.missing) == (2, 10, 1)
    assert faults.count["start"] - before == 2
    assert len(live_documents(settings)) == 11


async def test_rows_come_to_indexed_by_legal_edges_and_only_for_active_documents(
    opened: Opener, settings: Settings, faults: Faults
) -> None:
    async with opened() as app:
        await upload(app)
        rows = sorted(await app.ledger.files.page(), key=lambda row: row.file_path)
        ledger_id = app.ledger_id
        # A second document of a file, one without a hash, and one without a file.
        await plant(app, rows[3].file_path, of_file(rows[3], ledger_id))
        await plant(app, "no hash.txt", {KEY_FILE: "f", KEY_LEDGER: ledger_id})
        await plant(app, "somebody's.txt", {})
    alter(settings, rows[0].document or "", state="FAILED")
    lose(settings)
    with damage_database(settings.embedded) as db:
        db.execute(
            "UPDATE documents SET state = 'PENDING', ready_at = 9e9 WHERE name = ?", (rows[1].document,)
        )
    async with opened("rebuild", need=StoreNeed.EXISTING) as app:
        report = await rebuild(app)
        assert (report.files, report.pending, report.surplus, report.unusable, report.foreign) == (
            9,
            1,
            1,
            2,
            1,
        )
        states = [str(row.state) for row in await app.ledger.files.page()]
        assert sorted(states) == ["indexed"] * 8 + ["processing"] + ["untracked"]
        events = await raw(app.ledger).read(
            lambda conn: conn.execute("SELECT event, from_state, to_state, outcome FROM events").fetchall()
        )
    legal = {(str(edge.event), str(edge.source), str(edge.target), "success") for edge in TABLE}
    assert set(events) <= legal
    alter(settings, rows[1].document or "", ready_at=0)
    async with opened("store-sync") as app:
        await upload(app)
        await store_sync(app, apply=True, metadata=True, limit=ALL)
        await upload(app)
        assert (await checked(app)).drift == {}


async def test_a_ledger_with_files_is_refused(scenario: Scenario, opened: Opener, faults: Faults) -> None:
    await scenario.index()
    lists = faults.count["list"]
    async with opened("rebuild", need=StoreNeed.EXISTING) as app:
        with pytest.raises(RefusedError, match="knows 10 files already"):
            await rebuild(app)
        # A scan of another run may come after the question, so it is asked in the transaction too.
        with pytest.raises(RefusedError, match="knows 10 files already"):
            await app.ledger.rebuild.restore("none", owner="", run_id=app.run_id)
    assert faults.count["list"] == lists


async def test_of_two_ledgers_in_a_store_one_has_to_be_named(
    opened: Opener, settings: Settings, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    write(other, "theirs.txt", "What the others wrote.\n")
    async with opened() as app:
        await upload(app)
        lost = app.ledger_id
    async with opened("store-sync", ledger=tmp_path / "other.db", library=other) as app:
        await upload(app)
    lose(settings)
    async with opened("rebuild", need=StoreNeed.EXISTING) as app:
        with pytest.raises(RefusedError, match=r"2 ledgers: .*lecture 0\.txt.*theirs\.txt.*--of"):
            await rebuild(app)
        with pytest.raises(RefusedError, match="no document of a ledger nonsense"):
            await rebuild(app, owner="nonsense")
        report = await rebuild(app, owner=lost)
    assert (report.files, report.matched, report.foreign) == (10, 10, 1)


async def test_a_store_without_documents_of_ours_is_refused(opened: Opener, settings: Settings) -> None:
    async with opened() as app:
        await plant(app, "somebody's.txt", {})
    lose(settings)
    async with opened("rebuild", need=StoreNeed.EXISTING) as app:
        with pytest.raises(RefusedError, match="nothing to rebuild"):
            await rebuild(app)


async def test_a_rebuild_that_breaks_off_leaves_nothing_and_can_be_repeated(
    scenario: Scenario, opened: Opener, settings: Settings, faults: Faults
) -> None:
    scenario.add(20)
    await scenario.index()
    lose(settings)
    faults.script = lambda what, count: DOWN if what == "list" and count >= 1 else None
    async with opened("rebuild", need=StoreNeed.EXISTING) as app:
        with pytest.raises(GeminiError):
            await rebuild(app)
    faults.script = lambda _what, _count: None
    async with opened("rebuild", need=StoreNeed.EXISTING) as app:
        assert await app.ledger.files.page() == []
        report = await rebuild(app)
    assert (report.files, report.matched) == (30, 30)
    assert_exactly_once(settings)


async def test_a_name_that_leads_out_of_the_library_is_no_path(opened: Opener, settings: Settings) -> None:
    names = ["/etc/passwd", "a/../../b.txt", ".."]
    async with opened() as app:
        await upload(app)
        for number, name in enumerate(names):
            marks = {KEY_FILE: f"f{number}", KEY_HASH: f"h{number}", KEY_LEDGER: app.ledger_id}
            await plant(app, name, marks)
    lose(settings)
    async with opened("rebuild", need=StoreNeed.EXISTING) as app:
        report = await rebuild(app)
        assert (report.matched, report.missing) == (10, 3)
        paths = {row.file_path for row in await app.ledger.files.page() if row.missing_since is not None}
    assert paths == {"f0", "f1", "f2"}


async def test_an_empty_ledger_that_has_its_store_already_is_rebuilt(
    scenario: Scenario, opened: Opener, settings: Settings
) -> None:
    """The first upload after the loss bound the new ledger to the store, and then was stopped."""
    await scenario.index()
    lose(settings)
    async with opened("store-sync") as app:
        pinned = await app.ledger.settings.pinned()
    async with opened("rebuild", need=StoreNeed.EXISTING) as app:
        report = await rebuild(app)
        assert await app.ledger.settings.pinned() == pinned
    assert pinned is not None
    assert (report.store, report.files, report.matched) == (pinned[0], 10, 10)
    assert (await scenario.index()).uploaded == 0
    assert_exactly_once(settings)


async def test_a_store_of_an_older_version_without_tags_of_ledgers_is_rebuilt(
    scenario: Scenario, opened: Opener, settings: Settings
) -> None:
    """Its documents belong to a ledger without a name; the rebuilt one gets a name, and sends nothing again."""
    await scenario.index()
    lose(settings)
    with damage_database(settings.embedded) as db:
        db.execute("UPDATE documents SET metadata = json_remove(metadata, ?)", (f"$.{KEY_LEDGER}",))
    async with opened("rebuild", need=StoreNeed.EXISTING) as app:
        report = await rebuild(app)
        assert report.ledger == app.ledger_id != ""
    assert (report.files, report.matched, report.foreign) == (10, 10, 0)
    assert (await scenario.index()).uploaded == 0
    assert_exactly_once(settings)
