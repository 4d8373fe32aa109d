"""Search by meaning in the embedded store: the vectors that uploads leave to make."""

from dataclasses import replace
from math import inf
from typing import Final

import trio

from objlib.core.events import Phase
from objlib.core.reports.upload import IndexReport, VectorReport
from objlib.core.stop_reason import StopReason
from objlib.engine.app import App

LOADING: Final = 1
"""Reports of progress before the clock of an estimate starts: the first one comes when the model is loaded."""


async def index(app: App, *, seconds: float = inf) -> IndexReport:
    """Make vectors until all passages have one, ``seconds`` are over, or the run is stopped. The next run goes on.

    With a service that indexes by meaning by itself there is nothing to do.
    """
    if app.service is None:
        return IndexReport(app.store, VectorReport(reason="the service indexes by meaning by itself"))
    before = await app.service.vectors()
    after, interrupted = await make_vectors(app, before, seconds=seconds)
    return IndexReport(
        store=app.store,
        vectors=after,
        made=max(0, after.done - before.done),
        seconds=trio.current_time() - app.opened_at,
        stopped=StopReason.INTERRUPTED if interrupted else StopReason.NONE,
    )


async def make_vectors(app: App, state: VectorReport, *, seconds: float) -> tuple[VectorReport, bool]:
    """Make vectors for at most ``seconds``, from ``state`` on.

    Returns:
        The state then, with the time that the rest takes at the pace of this run, and whether a stop ended it.
    """
    if app.service is None or app.drain.requested or not state.available or state.done >= state.total:
        return state, False
    if seconds <= 0:
        return state, False
    app.observer.begin(Phase.VECTORS, state.total - state.done, None, seconds=seconds)
    done, reports, first, began = state.done, 0, state.done, trio.current_time()

    def progress(now_done: int, _total: int) -> None:
        nonlocal done, reports, first, began
        reports += 1
        if reports == LOADING:
            first, began = now_done, trio.current_time()
        app.observer.advance(Phase.VECTORS, now_done - done, 0)
        done = now_done

    try:
        with app.drain.intake() as scope:
            await app.service.make_vectors(seconds=seconds, progress=progress)
    finally:
        app.observer.end(Phase.VECTORS)
    elapsed, made = trio.current_time() - began, done - first
    after = await app.service.vectors()
    left = after.total - after.done
    if left and made > 0:
        after = replace(after, seconds_left=left * elapsed / made)
    return after, scope.cancelled_caught
