"""Compaction of a ledger: what it refuses, and that everything goes on afterwards."""

import pytest
import trio

from objlib.core.config.settings import Settings
from objlib.core.errors import RefusedError
from objlib.engine.compact import compact
from objlib.engine.recover import recover
from objlib.engine.upload.run import upload
from objlib.testing import Delay, Faults
from tests.support.engine import Opener, assert_exactly_once


async def test_old_history_goes_and_uploads_and_recovery_go_on(opened: Opener, settings: Settings) -> None:
    async with opened() as app:
        await upload(app)
    for path in sorted(settings.library.rglob("*.txt")):
        path.write_text("another text", encoding="utf-8")
    async with opened() as app:
        await upload(app)
    await trio.sleep(1)
    async with opened("ledger compact", keep_history=0.0) as app:
        report = await compact(app)
        assert (report.events, report.attempts, report.deletes) == (60, 10, 10)
        assert report.bytes_before is not None
        assert report.bytes_after is not None
        assert report.bytes_after <= report.bytes_before
        assert (await compact(app)).events == 0
    async with opened("recover") as app:
        assert (await recover(app)).found == 0
    async with opened() as app:
        assert (await upload(app)).unchanged == 10
    assert_exactly_once(settings)


async def test_while_a_run_is_at_work_it_is_refused(
    opened: Opener, settings: Settings, faults: Faults
) -> None:
    faults.script = lambda kind, _count: Delay(30.0) if kind == "send" else None

    async def run(task_status: trio.TaskStatus[None]) -> None:
        async with opened() as app:
            task_status.started()
            await upload(app)

    async with trio.open_nursery() as nursery:
        await nursery.start(run)
        await trio.sleep(1)
        async with opened("ledger compact", keep_history=0.0) as app:
            with pytest.raises(RefusedError, match=r"a run \(upload, process .* is at work on "):
                await compact(app)
    assert_exactly_once(settings)
