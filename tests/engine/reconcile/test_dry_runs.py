"""Each dry run of a repair says what the repair then asks of the service, request by request."""

from collections import Counter
from pathlib import Path
from typing import Final

from objlib.core.config.settings import Settings
from objlib.core.ids import KEY_FILE, KEY_LEDGER
from objlib.core.lifecycle.delete_limit import DeleteLimit
from objlib.core.reports.plan import Action
from objlib.engine.bootstrap.open_app import StoreNeed
from objlib.engine.plan.run import RunOptions, plan_run
from objlib.engine.reconcile.adopt import LostLedger
from objlib.engine.reconcile.rebuild import rebuild
from objlib.engine.reconcile.store_sync import store_sync
from objlib.engine.sync import sync
from objlib.engine.upload.run import upload
from objlib.engine.vectors import index
from objlib.ledger import DRIFT_KEY
from objlib.testing import Faults
from tests.support.engine import ALL, Opener, plant

READS: Final = {"store", "list", "document", "operation", "query", "file"}


def changes(faults: Faults, since: int) -> Counter[str]:
    """The requests since then that may have changed something, by kind."""
    return Counter(kind for _, kind in faults.seen[since:] if kind not in READS)


async def test_a_prune_deletes_what_its_plan_names(opened: Opener, library: Path, faults: Faults) -> None:
    async with opened() as app:
        await upload(app)
    for path in sorted(library.rglob("*.txt"))[:3]:
        path.unlink()
    since = len(faults.seen)
    async with opened("sync", dry_run=True) as app:
        plan = (await plan_run(app, RunOptions(grace=0.0, max_delete=ALL))).plan
    assert plan is not None
    assert changes(faults, since) == {}
    async with opened("sync") as app:
        await sync(app, prune_missing=True, grace=0.0, limit=ALL)
    assert changes(faults, since) == {"delete": plan.counts[Action.DELETE]} == {"delete": 3}


async def test_a_repair_deletes_and_requeues_what_its_plan_counts(opened: Opener, faults: Faults) -> None:
    async with opened("store-sync") as app:
        await upload(app)
        for name in ("lost.txt", "found.txt"):
            await plant(app, name, {KEY_FILE: name, KEY_LEDGER: app.ledger_id})
    since = len(faults.seen)
    async with opened("store-sync", dry_run=True) as app:
        planned, _ = await store_sync(app, apply=True, metadata=False, limit=ALL)
    assert changes(faults, since) == {}
    async with opened("store-sync") as app:
        done, _ = await store_sync(app, apply=True, metadata=False, limit=ALL)
    assert changes(faults, since) == {"delete": planned.deleted} == {"delete": 2}
    assert (done.deleted, done.requeued) == (planned.deleted, planned.requeued)


async def test_a_rebuild_and_its_plan_ask_the_same_and_change_nothing(
    opened: Opener, settings: Settings, faults: Faults
) -> None:
    async with opened() as app:
        await upload(app)
    for file in settings.ledger_file.parent.glob(f"{settings.ledger_file.name}*"):
        file.unlink()
    logs, reports = [], []
    for dry_run in (True, False):
        since = len(faults.seen)
        async with opened("rebuild", need=StoreNeed.EXISTING, dry_run=dry_run) as app:
            reports.append(await rebuild(app))
        logs.append(Counter(kind for _, kind in faults.seen[since:]))
        assert changes(faults, since) == {}
    assert logs[0] == logs[1]
    assert [(each.files, each.matched, each.new) for each in reports] == [(10, 10, 0)] * 2


async def test_an_adoption_takes_over_and_deletes_what_its_plan_counts(
    opened: Opener, settings: Settings, library: Path, faults: Faults
) -> None:
    async with opened() as app:
        await upload(app)
        lost = app.ledger_id
    for file in settings.ledger_file.parent.glob(f"{settings.ledger_file.name}*"):
        file.unlink()
    for path in sorted(library.rglob("*.txt"))[:2]:
        path.unlink()
    async with opened(new=True, store_given=True) as app:
        await upload(app, limit=1)
    since = len(faults.seen)
    ledger = LostLedger(lost, adopt=True)
    async with opened("store-sync", dry_run=True) as app:
        planned, _ = await store_sync(
            app, apply=True, metadata=False, limit=DeleteLimit.parse("100%"), lost=ledger
        )
    assert changes(faults, since) == {}
    async with opened("store-sync") as app:
        done, _ = await store_sync(
            app, apply=True, metadata=False, limit=DeleteLimit.parse("100%"), lost=ledger
        )
        assert await app.ledger.settings.get(DRIFT_KEY) is None, "the monitor is told of this ledger alone"
    assert (done.adopted, done.deleted) == (planned.adopted, planned.deleted)
    assert done.adopted == 7
    assert changes(faults, since) == {"delete": planned.deleted}


async def test_an_index_makes_what_its_plan_counts_and_asks_the_same(opened: Opener, faults: Faults) -> None:
    async with opened() as app:
        await upload(app)
    logs, reports = [], []
    for dry_run in (True, False):
        since = len(faults.seen)
        async with opened("index", need=StoreNeed.EXISTING, dry_run=dry_run) as app:
            reports.append(await index(app))
        logs.append(Counter(kind for _, kind in faults.seen[since:]))
        assert changes(faults, since) == {}
    planned, done = reports
    assert logs[0] == logs[1]
    assert (planned.made, planned.vectors.total - planned.vectors.done) == (0, done.made) == (0, 10)
    assert done.vectors.done == done.vectors.total
