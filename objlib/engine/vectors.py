"""Search by meaning in the embedded store: the vectors that uploads leave to make."""

from dataclasses import replace
from math import inf

import trio

from objlib.core.events import Phase
from objlib.core.reports.upload import IndexReport, VectorReport
from objlib.core.stop_reason import StopReason
from objlib.engine.app import App


async def index(app: App, *, seconds: float = inf) -> IndexReport:
    """Make vectors until all passages have one, ``seconds`` are over, or the run is stopped. The next run goes on.

    With a service that indexes by meaning by itself there is nothing to do. A dry run only says how far it is.
    """
    if app.service is None:
        return IndexReport(app.store, VectorReport(reason="the service indexes by meaning by itself"))
    before = await app.service.vectors()
    if app.dry_run:
        return IndexReport(app.store, before, dry_run=True)
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
        if not state.begun:
            await app.service.choose_model()
            state = await app.service.vectors()
        return state, False
    pace, began = _Pace(app), trio.current_time()
    with app.observer.phase(Phase.VECTORS, state.total - state.done, seconds=seconds):
        with app.drain.intake() as scope:
            await app.service.make_vectors(seconds=seconds, progress=pace.advance)
    after = replace(await app.service.vectors(), seconds=trio.current_time() - began)
    if after.done < after.total:
        after = replace(after, seconds_left=pace.seconds_for(after.total - after.done))
    return after, scope.cancelled_caught


class _Pace:
    """How fast vectors are made, from the moment at which the model is loaded."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._made = 0
        self._began: float | None = None

    def advance(self, count: int) -> None:
        """Note ``count`` more; the first report, of none, comes when the model is loaded."""
        if self._began is None:
            self._began = trio.current_time()
        self._made += count
        self._app.observer.advance(Phase.VECTORS, count, 0)

    def seconds_for(self, count: int) -> float | None:
        """How long ``count`` vectors take at this pace; None where none was made."""
        if self._began is None or not self._made:
            return None
        return count * (trio.current_time() - self._began) / self._made
