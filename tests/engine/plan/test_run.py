"""The plan of a dry run is what the run then does."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import trio
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from trio.testing import MockClock

from objlib.core.config.settings import Backend, Settings
from objlib.core.errors import RefusedError
from objlib.core.ids import new_attempt_id
from objlib.core.lifecycle.table import State
from objlib.core.reports.plan import Action, RunPlan
from objlib.core.reports.upload import UploadReport
from objlib.embedded import Options
from objlib.engine.app import App, Overrides
from objlib.engine.bootstrap.open_app import Command, StoreNeed, open_app
from objlib.engine.plan.run import RunOptions, plan_run
from objlib.engine.recover import recover
from objlib.engine.scan.scan import scan
from objlib.engine.sync import sync
from objlib.engine.upload.run import upload
from objlib.ledger import FileRow
from objlib.testing import DOWN, EPOCH, Faults, refusal
from objlib.testing.library import EDITS, LibraryFiles
from objlib.threads import inline_runner
from tests.support.engine import ALL, Opener, ledger_rows, write
from tests.support.leftovers import die_after_sending

READS = {"store", "list", "document", "operation", "query", "file"}
"""Requests that change nothing, by kind; a store that is made is told apart by its absence afterwards."""
COMPARED = (Action.SEND, Action.REPLACE, Action.RENAME, Action.DELETE, Action.KEEP, Action.SKIP, Action.WAIT)

Done = set[tuple[Action, str]]


def planned(report: UploadReport) -> RunPlan:
    assert report.plan is not None
    return report.plan


def of_plan(plan: RunPlan) -> Done:
    """The steps of a plan that leave something to see in the ledger."""
    return {(step.action, step.path) for step in plan.steps if step.action in COMPARED}


def of_run(before: dict[str, FileRow], after: dict[str, FileRow]) -> Done:
    """The steps that a run has taken, by the rows before and after it."""
    done: Done = set()
    for file_id, row in after.items():
        was = before.get(file_id)
        document = was.document if was else None
        if row.missing_since is not None:
            if row.document is not None or row.superseded is not None:
                done.add((Action.KEEP, row.file_path))
            elif document is not None:
                done.add((Action.DELETE, row.file_path))
            continue
        if was is not None and was.file_path != row.file_path and was.documents:
            done.add((Action.RENAME, row.file_path))
        if row.document != document and row.document is not None:
            done.add((Action.REPLACE if document else Action.SEND, row.file_path))
        elif row.state is State.UNTRACKED:
            done.add((Action.WAIT, row.file_path))
        if row.state is State.FAILED and row.failure is not None and row.failure.kind.skips:
            done.add((Action.SKIP, row.file_path))
    return done


async def rows_of(app: App) -> dict[str, FileRow]:
    return {row.file_id: row for row in await app.ledger.files.page(limit=10**6)}


class World:
    """A library, a ledger and a store, with a run at a time under virtual time."""

    def __init__(self, folder: Path) -> None:
        self.library = LibraryFiles(folder / "library")
        self.faults = Faults()
        self.settings = Settings(
            library=folder / "library",
            ledger=folder / "ledger.db",
            embedded=folder / "store.db",
            store="s",
            backend=Backend.EMBEDDED,
            embed_seconds=0,
        )

    @asynccontextmanager
    async def opened(self, *, dry_run: bool = False) -> AsyncIterator[App]:
        overrides = Overrides(
            now=lambda: EPOCH + trio.current_time(),
            runner=inline_runner,
            options=Options(middleware=(self.faults.middleware(),)),
        )
        command = Command("sync", records=True, store=StoreNeed.CREATE, dry_run=dry_run)
        async with open_app(self.settings, command, overrides=overrides) as app:
            yield app


@given(
    first=st.integers(1, 6),
    edits=st.lists(st.tuples(st.sampled_from(EDITS), st.integers(0, 10**6)), max_size=8),
    more=st.lists(st.tuples(st.sampled_from(EDITS), st.integers(0, 10**6)), max_size=6),
    ignored=st.booleans(),
    grace=st.sampled_from([None, 0.0, 10.0**6]),
    limit=st.sampled_from([None, 0, 2]),
)
@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_plan_is_what_the_run_then_does(
    first: int,
    edits: list[tuple[str, int]],
    more: list[tuple[str, int]],
    ignored: bool,
    grace: float | None,
    limit: int | None,
) -> None:
    async def main(folder: Path) -> None:
        world = World(folder)
        for number in range(first):
            world.library.edit("new", number)
        async with world.opened() as app:
            await upload(app, limit=limit)
        for kind, seed in edits:
            world.library.edit(kind, seed)
        async with world.opened() as app:
            await upload(app)
        for kind, seed in more:
            world.library.edit(kind, seed)
        if ignored:
            (folder / "library" / ".objlibignore").write_text("Ethics/\n", encoding="utf-8")
        count = len(world.faults.seen)
        options = RunOptions(limit=None if grace is not None else limit, grace=grace, max_delete=ALL)
        stored = ledger_rows(world.settings)
        plan, done = None, None
        try:
            async with world.opened(dry_run=True) as app:
                plan = planned(await plan_run(app, options))
        except* RefusedError:
            pass
        assert {kind for _, kind in world.faults.seen[count:]} <= READS
        assert ledger_rows(world.settings) == stored
        try:
            async with world.opened() as app:
                before = await rows_of(app)
                if grace is None:
                    await upload(app, limit=limit)
                else:
                    await sync(app, prune_missing=True, grace=grace, limit=ALL)
                done = of_run(before, await rows_of(app))
        except* RefusedError:
            pass
        assert (None if plan is None else of_plan(plan)) == done

    with TemporaryDirectory() as folder:
        trio.run(main, Path(folder), clock=MockClock(autojump_threshold=0))


async def test_a_plan_sends_nothing_and_makes_nothing(
    opened: Opener, settings: Settings, faults: Faults
) -> None:
    async with opened(dry_run=True) as app:
        plan = planned(await plan_run(app, RunOptions()))
        assert app.store == ""
    assert plan.counts == {Action.SEND: 10}
    assert "a run makes it" in plan.note
    assert {kind for _, kind in faults.seen} <= READS
    assert not settings.ledger_file.exists()
    assert not settings.embedded.exists()


async def test_a_client_of_a_dry_run_refuses_to_change_anything(opened: Opener, faults: Faults) -> None:
    async with opened() as app:
        await upload(app)
    count = len(faults.seen)
    async with opened(dry_run=True) as app:
        rows = await app.ledger.files.page()
        document = rows[0].document or ""
        with pytest.raises(RefusedError, match="changes nothing"):
            await app.client.documents.delete(document)
        with pytest.raises(RefusedError, match="changes nothing"):
            await app.client.stores.create("another")
        with pytest.raises(RefusedError, match="changes nothing"):
            await app.client.uploads.start(
                app.store, display_name="a", mime_type="text/plain", size=1, metadata={}
            )
        assert (await app.client.documents.get(document)).name == document
    assert {kind for _, kind in faults.seen[count:]} <= READS


async def test_a_plan_is_made_without_a_service_and_says_so(opened: Opener, faults: Faults) -> None:
    faults.script = lambda _kind, _count: refusal(401, "UNAUTHENTICATED", "bad key")
    async with opened(dry_run=True) as app:
        plan = planned(await plan_run(app, RunOptions()))
    assert plan.counts == {Action.SEND: 10}
    assert "the store was not asked" in plan.note


async def test_a_plan_of_another_store_is_refused_as_the_run_is(opened: Opener) -> None:
    async with opened() as app:
        await upload(app)
    with pytest.RaisesGroup(RefusedError, flatten_subgroups=True):
        async with opened(dry_run=True, store="another", store_given=True):
            pytest.fail("opened")


async def test_tokens_are_counted_in_the_text_and_priced_by_it(
    opened: Opener, library: Path, settings: Settings
) -> None:
    shutil.rmtree(library)
    write(library, "ascii.txt", "x" * 4000)
    write(library, "greek.txt", "λ" * 4000)
    async with opened(dry_run=True) as app:
        cost = planned(await plan_run(app, RunOptions())).cost
        assert (cost.bytes, cost.tokens, cost.tokens_read) == (12_000, 2000, 2000)
        assert (cost.usd, cost.store_bytes_after) == (None, None)
        app.settings = replace(app.settings, backend=Backend.GEMINI)
        cost = planned(await plan_run(app, RunOptions())).cost
    assert cost.usd == pytest.approx(2000 * 0.15 / 10**6)
    assert (cost.store_bytes_after, cost.tier) == (36_000, "free")


async def test_a_pace_of_earlier_runs_gives_the_time(opened: Opener, library: Path, faults: Faults) -> None:
    faults.travel = lambda _kind, _count: (0.1, 0.1)
    async with opened(max_uploads=1) as app:
        await upload(app)
    write(library, "more.txt", "More.\n")
    async with opened(dry_run=True) as app:
        cost = planned(await plan_run(app, RunOptions())).cost
    assert cost.files_per_second is not None
    assert cost.seconds == pytest.approx(1 / cost.files_per_second)
    assert cost.requests == 3


async def test_what_a_dead_run_left_is_settled_first(opened: Opener, faults: Faults) -> None:
    await die_after_sending(opened, faults, 10)
    before = len(faults.seen)
    async with opened(dry_run=True) as app:
        plan = planned(await plan_run(app, RunOptions()))
        settled = {step.path for step in plan.steps if step.action is Action.SETTLE}
        report = await recover(app)
    assert len(settled) == 10
    assert report.dry_run
    assert {path for path, *_ in report.actions} == settled
    assert {kind for _, kind in faults.seen[before:]} <= READS
    async with opened("recover") as app:
        done = await recover(app)
    assert (report.found, report.requeued, report.adopted) == (done.found, done.requeued, done.adopted)
    assert {path for path, *_ in done.actions} == settled


async def test_what_a_dead_run_left_is_planned_once(opened: Opener, library: Path, faults: Faults) -> None:
    await die_after_sending(opened, faults, 10)
    async with opened(dry_run=True) as app:
        steps = planned(await plan_run(app, RunOptions())).steps
        assert [step.action for step in steps] == [Action.SETTLE] * 10
    async with opened() as app:
        await upload(app)
    for path in sorted(library.rglob("*.txt"))[:2]:
        path.write_text("A second thought.\n", encoding="utf-8")
    faults.script = lambda kind, _count: DOWN if kind == "delete" else None
    async with opened() as app:
        await upload(app)
    faults.script = lambda _kind, _count: None
    async with opened(dry_run=True) as app:
        steps = planned(await plan_run(app, RunOptions())).steps
        assert [step.action for step in steps] == [Action.DELETE] * 2
        assert all("on record" in step.reason for step in steps)
        for intent in await app.ledger.intents.page():
            await app.ledger.intents.close(intent.intent_id, "forgotten")
        # It is a private copy, in which closing an intent forgets the document as well.
        assert planned(await plan_run(app, RunOptions())).steps == ()


async def test_what_another_run_has_in_flight_is_planned_to_wait(opened: Opener) -> None:
    async with opened() as at_work:
        await scan(at_work)
        ((row, _),) = await at_work.ledger.claim(at_work.run_id, [new_attempt_id(at_work.now())])
        async with opened(dry_run=True) as app:
            steps = planned(await plan_run(app, RunOptions())).steps
            waiting = [step for step in steps if step.action is Action.WAIT]
            assert [(step.path, step.reason) for step in waiting] == [
                (row.file_path, "in flight in another run")
            ]


async def test_a_plan_names_the_files_that_a_limited_run_sends(opened: Opener, library: Path) -> None:
    paths = sorted(path.relative_to(library).as_posix() for path in library.rglob("*.txt"))
    async with opened(dry_run=True) as app:
        steps = planned(await plan_run(app, RunOptions(limit=4))).steps
        assert [step.path for step in steps if step.action is Action.SEND] == paths[:4]
    async with opened() as app:
        await upload(app, limit=4)
        rows = await app.ledger.files.page()
        assert sorted(row.file_path for row in rows if row.document is not None) == paths[:4]
