"""After all that, nothing is left: threads, tasks, connections, descriptors and tokens are where they were."""

from functools import partial

import trio
import trio.testing

from objlib.core.lifecycle.table import Event
from spike.evidence import Seen
from spike.phase9_spike.bench import Bench, Gauge, at_once, gauge
from spike.phase9_spike.db import execute_with_retry
from spike.phase9_spike.integration.scaffold import FileLockManager

ROUNDS = 3


async def back_to_baseline(bench: Bench) -> Seen:
    """Rounds of work, among it cancelled and failing work; the same look before and after, and one during it."""
    before = await _settled(bench)
    during = before
    for _ in range(ROUNDS):
        async with bench.opened(10) as (ledger, ids):
            manager = bench.manager(ledger, locks=FileLockManager())
            await at_once(*(partial(manager.trigger, file_id, Event.START_UPLOAD) for file_id in ids))
            await at_once(*(partial(manager.trigger, file_id, Event.START_UPLOAD) for file_id in ids))
            await execute_with_retry(ledger.path, "UPDATE settings SET value = value")
            with trio.move_on_after(0):
                await manager.trigger(ids[0], Event.COMPLETE_UPLOAD)
            during = gauge(bench.folder, bench.limiter)
    after = await _settled(bench)
    noticed = during.connections > before.connections and during.tasks > before.tasks
    return after == before and noticed, f"before {_told(before)}; open {_told(during)}; after {_told(after)}"


async def _settled(bench: Bench) -> Gauge:
    await trio.testing.wait_all_threads_completed()
    return gauge(bench.folder, bench.limiter)


def _told(seen: Gauge) -> str:
    return (
        f"[{seen.busy} busy and {seen.threads} other threads, {seen.tasks} tasks, {seen.connections} connections, "
        f"{seen.descriptors} descriptors, {seen.tokens} tokens]"
    )
