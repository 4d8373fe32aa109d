"""A prune, a repair and a rebuild that die at any point: the next run finishes them, and breaks no promise."""

import shutil
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
import trio
from starlette.middleware import Middleware

from objlib.core.config.settings import Backend, Settings
from objlib.core.ids import KEY_FILE, KEY_LEDGER
from objlib.embedded import Options
from objlib.engine.app import App, Overrides
from objlib.engine.bootstrap.open_app import Command, StoreNeed, open_app
from objlib.engine.reconcile.rebuild import rebuild
from objlib.engine.recover import recover
from objlib.engine.sync import sync
from objlib.engine.upload.run import upload
from objlib.testing import EPOCH, Died, Failpoints, run_virtual
from objlib.testing.databases import read_database
from tests.support.engine import (
    ALL,
    alter,
    assert_exactly_once,
    checked,
    live_documents,
    of_file,
    plant,
    repaired,
    write,
)

Step = Callable[[App], Awaitable[None]]
FILES = 3


async def life(settings: Settings, command: str, step: Step, failpoints: Failpoints, run: int = 0) -> None:
    """One run of ``command``, whose every way to the outer world leads through ``failpoints``."""
    overrides = Overrides(
        now=lambda: EPOCH + 100 * run + trio.current_time(),
        runner=failpoints.run,
        options=Options(middleware=(Middleware(failpoints.app),)),
    )
    mends = command == "rebuild"
    need = StoreNeed.EXISTING if mends else StoreNeed.CREATE
    needs = Command(command, records=True, store=need, any_ledger=mends)
    async with open_app(settings, needs, overrides=overrides) as app:
        await step(app)


def lives(settings: Settings, command: str, step: Step, *, die_at: int | None = None, run: int = 0) -> bool:
    """Play one run in virtual time; False if it died on the way."""
    failpoints = Failpoints(die_at)
    try:
        # Seeds of its own for each run: they make the ids, and no two runs may share one.
        run_virtual(lambda: life(settings, command, step, failpoints, run), seed=100 * run + (die_at or 0))
    except (Died, BaseExceptionGroup):
        if not failpoints.dead:
            raise
    return not failpoints.dead


async def upload_all(app: App) -> None:
    await upload(app)


async def pruned(app: App) -> None:
    await sync(app, prune_missing=True, grace=0, limit=ALL)


async def repair(app: App) -> None:
    await repaired(app)


async def rebuilt(app: App) -> None:
    if not await app.ledger.files.page(limit=1):
        await rebuild(app)


async def finished(app: App, step: Step) -> None:
    """Run the command again, then an upload; after that nothing is left to do."""
    await step(app)
    await upload(app)
    assert (await recover(app)).found == 0
    assert (await upload(app)).uploaded == 0
    assert (await checked(app)).drift == {}


@pytest.fixture
def before(tmp_path: Path) -> Settings:
    """Three files, all indexed."""
    root = tmp_path / "work" / "library"
    for number in range(FILES):
        write(root, f"a/{number}.txt", f"Lecture {number} says something of its own.\n")
    settings = Settings(
        library=root,
        ledger=tmp_path / "work" / "ledger.db",
        embedded=tmp_path / "work" / "store.db",
        store="crashed",
        backend=Backend.EMBEDDED,
        embed_seconds=0,
    )
    assert lives(settings, "upload", upload_all)
    return settings


STRIDE = 5
"""Step between the points that are tried, so that the whole takes seconds; 1 tries all of them."""


def at_every_point(settings: Settings, command: str, step: Step, check: Callable[[], None]) -> int:
    """Die at one point after the other until there is none left; how many there were."""
    work = settings.ledger_file.parent
    saved = work.with_name("saved")
    shutil.copytree(work, saved)
    point = 0
    while True:
        point += STRIDE
        shutil.rmtree(work)
        shutil.copytree(saved, work)
        if lives(settings, command, step, die_at=point, run=1):
            return point - 1
        assert lives(settings, command, partial(finished, step=step), run=2), f"after a death at {point}"
        check()


def test_a_prune_may_die_anywhere(before: Settings) -> None:
    (before.library / "a" / "0.txt").unlink()

    def check() -> None:
        assert len(live_documents(before)) == FILES - 1
        with read_database(before.ledger_file) as db:
            rows = db.execute(
                "SELECT gemini_state, gemini_document IS NULL FROM files ORDER BY file_path"
            ).fetchall()
        assert rows == [("untracked", 1), ("indexed", 0), ("indexed", 0)]

    assert at_every_point(before, "sync", pruned, check) > 15


def test_a_repair_may_die_anywhere(before: Settings) -> None:
    async def spoil(app: App) -> None:
        rows = await app.ledger.files.page()
        await plant(app, rows[0].file_path, of_file(rows[0], app.ledger_id))
        await plant(app, "b/orphan.txt", {KEY_FILE: "nobody", KEY_LEDGER: app.ledger_id})
        await app.client.documents.delete(rows[1].document or "")
        alter(before, rows[2].document or "", state="FAILED")

    assert lives(before, "store-sync", spoil, run=3)
    points = at_every_point(before, "store-sync", repair, lambda: assert_exactly_once(before))
    assert points > 30


def test_a_rebuild_may_die_anywhere(before: Settings) -> None:
    for path in before.ledger_file.parent.glob("ledger.db*"):
        path.unlink()
    points = at_every_point(before, "rebuild", rebuilt, lambda: assert_exactly_once(before))
    assert points > 10
