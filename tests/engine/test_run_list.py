"""The runs on a ledger, and asking one to stop through it."""

import platform

import pytest
import trio

from objlib.core.config.settings import Settings
from objlib.core.errors import UsageError
from objlib.core.ids import RunId
from objlib.core.stop_reason import StopReason
from objlib.engine.run_list import list_runs, stop_run
from objlib.engine.runs import HEARTBEAT
from objlib.engine.sessions import one_error
from objlib.engine.shutdown import InterruptedRun
from objlib.engine.upload.run import upload
from objlib.testing import Delay, Faults
from tests.support.engine import Opener, assert_exactly_once, ledger_of


async def test_a_run_that_is_asked_to_stop_finishes_what_it_has_in_flight(
    opened: Opener, settings: Settings, faults: Faults
) -> None:
    faults.script = lambda kind, _count: Delay(12.0) if kind == "send" else None
    reports = {}

    async def run(name: str, opening: trio.Event, task_status: trio.TaskStatus[RunId]) -> None:
        async with opened(max_uploads=2) as app:
            task_status.started(app.run_id)
            await opening.wait()
            reports[name] = await upload(app)

    async with trio.open_nursery() as nursery:
        go = trio.Event()
        first = await nursery.start(lambda task_status: run("first", go, task_status))
        go.set()
        await trio.sleep(1)
        async with opened("status") as app:
            stopped = await stop_run(app, first)
            assert (stopped.asked, stopped.run.run_id, stopped.run.alive) == (True, first, True)
            assert not (await stop_run(app, first)).asked
            entry = next(each for each in await list_runs(app) if each.run_id == first)
            assert entry.stop_asked is not None
        await trio.sleep(1)
        assert reports == {}
    report = reports["first"]
    assert (report.stopped, report.indexed, report.pending) == (StopReason.INTERRUPTED, 2, 8)
    faults.script = lambda _kind, _count: None
    async with opened() as app:
        assert (await upload(app)).indexed == 10
        entry = next(each for each in await list_runs(app) if each.run_id == first)
        assert (entry.alive, entry.ended is None) == (False, False)
        assert not (await stop_run(app, first)).asked
    assert_exactly_once(settings)


async def test_a_run_without_anything_in_flight_ends_with_its_next_heartbeat(opened: Opener) -> None:
    async def run() -> None:
        with one_error():
            async with opened("scan") as app, opened("status") as other:
                await stop_run(other, app.run_id)
                await trio.sleep_forever()

    began = trio.current_time()
    with pytest.raises(InterruptedRun):
        await run()
    assert trio.current_time() - began <= HEARTBEAT + 1


@pytest.mark.parametrize(
    ("host", "heartbeat", "asked"),
    [(platform.node(), 0.0, False), ("elsewhere", 0.0, True), ("elsewhere", -7200.0, True)],
    ids=["dead here", "alive elsewhere", "silent elsewhere"],
)
async def test_a_run_that_can_never_hear_is_not_asked(
    opened: Opener, settings: Settings, host: str, heartbeat: float, asked: bool
) -> None:
    async with opened("scan"):
        pass
    with ledger_of(settings) as db:
        change = "UPDATE runs SET ended = NULL, pid = ?, host = ?, heartbeat = heartbeat + ?"
        db.execute(change, (2**30, host, heartbeat))
    async with opened("status") as app:
        (run,) = await list_runs(app)
        report = await stop_run(app, run.run_id[:12])
        assert report.asked is asked
        assert run.alive is (asked and heartbeat == 0)


async def test_a_run_that_is_not_named_for_certain_is_refused(opened: Opener, settings: Settings) -> None:
    async with opened("scan"):
        pass
    async with opened("scan"):
        pass
    async with opened("status") as app:
        first, second = (run.run_id for run in await list_runs(app))
        both = next(first[:end] for end in range(len(first), 0, -1) if second.startswith(first[:end]))
        for name, reason in (("", "knows no run"), ("nonsense", "knows no run"), (both, "2 runs have an id")):
            with pytest.raises(UsageError, match=reason):
                await stop_run(app, name)
        assert (await app.ledger.runs.stops()) == {}
