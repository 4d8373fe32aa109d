"""The owner of a row: a run that is alive, here or on another host, or a dead one."""

import os
import platform
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from objlib.core.config.settings import Settings
from objlib.core.ids import RunId, new_attempt_id
from objlib.engine.recover import recover
from objlib.engine.runs import HEARTBEAT_WATCH, is_alive
from objlib.engine.scan.scan import scan
from objlib.engine.upload.run import upload
from objlib.ledger import Move, RunRow
from objlib.testing import DAILY_QUOTA, Faults
from tests.support.engine import Opener, ledger_of, ledger_rows


async def interrupted_elsewhere(opened: Opener, settings: Settings, faults: Faults, *, ahead: float) -> int:
    """A run on another host, whose clock is ``ahead`` of ours, claimed files and was then cut off; how many."""
    with trio.CancelScope() as life:
        async with opened() as app:
            faults.before = lambda kind: life.cancel() if kind == "send" else None
            await upload(app)
    faults.before = lambda _kind: None
    with ledger_of(settings) as db:
        db.execute("UPDATE runs SET host = 'elsewhere', ended = NULL, heartbeat = heartbeat + ?", (ahead,))
    return sum(state == "uploading" for _, _, state, _ in ledger_rows(settings))


@pytest.mark.parametrize("ahead", [-7200.0, -61.0, 61.0, 7200.0])
async def test_the_rows_of_a_dead_run_are_taken_over_whatever_its_clock_said(
    opened: Opener, settings: Settings, faults: Faults, ahead: float
) -> None:
    """Found by torture, seed 110: after the clock was set back, a dead run seemed alive for an hour."""
    rows = await interrupted_elsewhere(opened, settings, faults, ahead=ahead)
    async with opened("recover") as app:
        began = trio.current_time()
        report = await recover(app)
        assert rows > 0
        assert (report.found, report.requeued) == (rows, rows)
        assert trio.current_time() - began < HEARTBEAT_WATCH + 1


@pytest.mark.parametrize("ahead", [-7200.0, 0.0, 7200.0])
async def test_the_rows_of_a_live_run_are_left_alone_whatever_its_clock_says(
    opened: Opener, settings: Settings, faults: Faults, ahead: float
) -> None:
    rows = await interrupted_elsewhere(opened, settings, faults, ahead=ahead)

    def beat() -> None:
        with ledger_of(settings) as db:
            db.execute("UPDATE runs SET heartbeat = heartbeat + 5 WHERE host = 'elsewhere'")

    async def keep_beating() -> None:
        while True:
            await trio.sleep(5)
            beat()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_beating)
        async with opened("recover") as app:
            report = await recover(app)
        nursery.cancel_scope.cancel()
    assert rows > 0
    assert (report.found, report.left) == (0, 0)
    assert sum(state == "uploading" for _, _, state, _ in ledger_rows(settings)) == rows


@pytest.mark.parametrize(("pid", "dead"), [(2**30, True), (os.getpid(), False)], ids=["dead", "alive"])
async def test_a_run_of_this_host_is_judged_by_its_process(
    opened: Opener, settings: Settings, faults: Faults, pid: int, dead: bool
) -> None:
    rows = await interrupted_elsewhere(opened, settings, faults, ahead=0)
    with ledger_of(settings) as db:
        db.execute("UPDATE runs SET host = ?, pid = ?", (platform.node(), pid))
    async with opened("recover") as app:
        began = trio.current_time()
        report = await recover(app)
        assert report.found == (rows if dead else 0)
        assert trio.current_time() - began < 1


async def test_rows_that_another_run_owns_are_left_alone_and_counted_as_elsewhere(
    opened: Opener, library: Path, faults: Faults
) -> None:
    async with opened("scan") as first, opened() as second:
        await scan(first)
        row, *_ = await first.ledger.files.claimable(now=first.now(), limit=1)
        claim = Move(row, first.run_id, new_attempt_id(first.now())).start_upload()
        await first.ledger.apply(claim)
        report = await upload(second)
        assert (report.indexed, report.pending, report.elsewhere, report.stopped) == (9, 1, 1, "")
        recovered = await recover(second)
        assert (recovered.found, recovered.left, recovered.elsewhere) == (0, 0, 1)
    assert faults.count["start"] == 9


@pytest.mark.parametrize("why", ["daily_quota", "limit", "interrupted"])
async def test_a_run_that_was_stopped_counts_the_rows_of_another_run_too(
    opened: Opener, faults: Faults, why: str
) -> None:
    async with opened("scan") as first, opened(max_uploads=2) as second:
        await scan(first)
        row, *_ = await first.ledger.files.claimable(now=first.now(), limit=1)
        claim = Move(row, first.run_id, new_attempt_id(first.now())).start_upload()
        await first.ledger.apply(claim)
        if why == "daily_quota":
            faults.script = lambda kind, _count: DAILY_QUOTA if kind == "start" else None
        elif why == "interrupted":
            faults.before = lambda kind: (
                second.drain.stop() if (kind, faults.count[kind]) == ("start", 1) else None
            )
        report = await upload(second, limit=3 if why == "limit" else None)
    assert (report.stopped, report.elsewhere) == (why, 1)
    assert report.pending > report.elsewhere


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the state of a process in a file")
def test_a_run_whose_process_is_a_zombie_is_dead() -> None:
    """In a container the first process may never reap orphans."""
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        run = RunRow(RunId("run"), child.pid, "here", 0.0, 0.0, None, "upload")
        assert is_alive(run, now=1.0, host="here") is False
    run = replace(run, pid=os.getpid())
    assert is_alive(run, now=1.0, host="here")
