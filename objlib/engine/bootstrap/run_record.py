"""The record of a run in the ledger: its start, its heartbeat, its end, and what it learnt about the quota."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import trio

from objlib.core.pacing import exchange
from objlib.core.pacing.closing import Closing
from objlib.core.reports.runs import RunProgress
from objlib.engine.app import App
from objlib.engine.progress import ProgressTally
from objlib.engine.runs import HEARTBEAT

LAST_WRITES: Final = 5.0
"""Seconds that a cancelled run may take to record its end: a few writes, each bounded by the busy timeout."""


@asynccontextmanager
async def keep_run_record(app: App, command: str, tally: ProgressTally) -> AsyncIterator[None]:
    """Record the run and its end, and write its heartbeat and its progress in between."""
    await app.ledger.runs.start(app.run_id, os.getpid(), app.ledger.machine, command)
    async with trio.open_nursery() as nursery:
        await _share_quota(app)
        nursery.start_soon(_beat, app, tally)
        nursery.start_soon(_keep_totals, app, tally)
        if app.store:
            nursery.start_soon(_keep_share, app)
            nursery.start_soon(_share_closings, app)
        try:
            yield
        finally:
            # Compensation: what was learnt and the end of the run are kept even when cancelled.
            with trio.move_on_after(LAST_WRITES, shield=True):
                rates = app.governor.rates(final=True)
                await app.ledger.rates.leave(app.run_id, rates=rates, last_share=app.governor.last_share)
                await _record_totals(app, tally)
                await app.ledger.runs.end(app.run_id, _progress(app, tally))
        nursery.cancel_scope.cancel(reason="the run is over")


async def _beat(app: App, tally: ProgressTally) -> None:
    """Write the heartbeat, and nothing else that would wait for a busy ledger before the next one."""
    while True:
        await trio.sleep(HEARTBEAT)
        asked = await app.ledger.runs.heartbeat(app.run_id, _progress(app, tally))
        if asked and not app.drain.requested:
            app.drain.stop("as another command asked")
        app.governor.report()


async def _keep_totals(app: App, tally: ProgressTally) -> None:
    while True:
        await trio.sleep(HEARTBEAT)
        await _record_totals(app, tally)


async def _keep_share(app: App) -> None:
    """Exchange rates with the other runs: soon again while that moves them, else with each heartbeat."""
    wait = exchange.FIRST
    while True:
        await trio.sleep(wait)
        before = app.governor.rate
        await _share_quota(app)
        wait = exchange.next_exchange(wait, before, app.governor.rate, longest=HEARTBEAT)


async def _share_closings(app: App) -> None:
    """Let the other runs know what concerns all, and heed what they are told: at once, or with the next heartbeat.

    The run waits for the end of a pause that it finds, and tries for itself what an earlier one was refused for good.
    """
    app.ledger.listen(app.governor.hear)
    earlier, last = await app.ledger.closings.read(app.now(), 0)
    app.governor.close(Closing(earlier.pause))
    while True:
        with trio.move_on_after(HEARTBEAT):
            await app.governor.news.wait()
        news = app.governor.take_news()
        if any(news):
            await app.ledger.closings.record(app.run_id, news)
        closing, last = await app.ledger.closings.read(app.now(), last)
        app.governor.close(closing)


async def _record_totals(app: App, tally: ProgressTally) -> None:
    """Add what was counted since the last beat to the totals of the ledger; what a killed run counted last is lost."""
    await app.ledger.totals.add({**app.governor.tally.totals.take(), **tally.totals.take()})


def _progress(app: App, tally: ProgressTally) -> RunProgress:
    return tally.progress(requests=app.requests, now=app.governor.statistics())


async def _share_quota(app: App) -> None:
    """Record what was learnt about the quota, and take this run's share of it among the runs on this ledger."""
    if not app.store:
        return  # it works on the ledger alone, and leaves the quota to others
    rates, last_share = app.governor.rates(), app.governor.last_share
    app.governor.share(await app.ledger.rates.exchange(app.run_id, rates=rates, last_share=last_share))
