"""The samples of a run's progress: what its heartbeats leave, and how long it is kept."""

from objlib.core.ids import RunId
from objlib.core.reports.runs import RunProgress, RunSample
from objlib.ledger import Ledger
from objlib.ledger.runs import KEPT_SERIES
from tests.support.clock import Clock

RUN = RunId("one")


async def test_each_heartbeat_leaves_a_sample_and_the_end_the_last(ledger: Ledger, clock: Clock) -> None:
    await ledger.runs.start(RUN, 7, "here", "upload")
    assert await ledger.runs.progress() == {}
    first = RunProgress(phase="upload", files=1, total_files=3, done={"upload": 1}, requests=4)
    clock.time += 5
    await ledger.runs.heartbeat(RUN, first)
    clock.time += 5
    last = RunProgress(done={"upload": 3}, requests=9, requests_per_second=2.5, stopping="limit")
    await ledger.runs.end(RUN, last)
    assert await ledger.runs.samples(RUN) == [RunSample(1_005.0, first), RunSample(1_010.0, last)]
    assert await ledger.runs.progress() == {RUN: last}


async def test_a_run_hears_with_its_heartbeat_that_it_is_to_stop(ledger: Ledger, clock: Clock) -> None:
    other = RunId("two")
    for run in (RUN, other):
        await ledger.runs.start(run, 7, "here", "upload")
    assert not await ledger.runs.heartbeat(RUN)
    await ledger.runs.ask_to_stop(RUN)
    clock.time += 5
    await ledger.runs.ask_to_stop(RUN)
    assert await ledger.runs.heartbeat(RUN)
    assert not await ledger.runs.heartbeat(other)
    assert await ledger.runs.stops() == {RUN: 1_000.0}


async def test_of_old_runs_the_last_sample_alone_is_kept(ledger: Ledger, clock: Clock) -> None:
    for number in range(KEPT_SERIES + 2):
        run = RunId(f"{number:03}")
        await ledger.runs.start(run, 7, "here", "upload")
        for requests in (1, 2):
            clock.time += 1
            await ledger.runs.heartbeat(run, RunProgress(requests=requests))
    samples = [len(await ledger.runs.samples(RunId(f"{number:03}"))) for number in range(KEPT_SERIES + 2)]
    assert samples == [1, 1] + [2] * KEPT_SERIES
    assert (await ledger.runs.progress())[RunId("000")].requests == 2


async def test_a_sample_of_another_version_is_read_as_far_as_it_is_known(ledger: Ledger) -> None:
    await ledger.runs.start(RUN, 7, "here", "upload")
    await ledger.runs.heartbeat(RUN, RunProgress(requests=3))
    change = """UPDATE samples SET progress = '{"requests": 3, "moons": 2}'"""
    await ledger.runs._database.write(lambda conn: conn.execute(change).rowcount)
    assert (await ledger.runs.samples(RUN))[0].progress == RunProgress(requests=3)
