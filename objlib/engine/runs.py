"""The owner of a row in a transient state: this run, another one that is alive, or a dead one."""

from collections.abc import Callable, Iterable
from typing import Final

import trio

from objlib.core.ids import RunId
from objlib.ledger import Ledger, RunRow
from objlib.liveness import process_is_alive

HEARTBEAT: Final = 5.0
"""Seconds between two heartbeats of a run in the ledger."""
STALE_AFTER: Final = 60.0
"""Seconds between a run's last heartbeat and now, either way, after which it may be dead."""
HEARTBEAT_WATCH: Final = 2.5 * HEARTBEAT
"""Seconds for which recovery watches the heartbeat of a run that may be dead. Clocks jump, and differ between hosts:
what counts is that the heartbeat moves, not the time that it shows."""


def is_alive(run: RunRow, *, now: float, host: str) -> bool | None:
    """Whether a run still owns its rows; None if only watching its heartbeat can tell.

    It has not ended, its heartbeat is fresh, and if it is on this host its process runs.
    """
    if run.ended is not None or (run.host == host and not process_is_alive(run.pid)):
        return False
    return True if abs(now - run.heartbeat) <= STALE_AFTER else None


class RunLiveness:
    """Which of the runs that own rows are alive, each judged once."""

    def __init__(self, ledger: Ledger, run_id: RunId, now: Callable[[], float]) -> None:
        self._ledger = ledger
        self._run_id = run_id
        self._now = now
        self._alive: dict[RunId, bool] = {}

    def is_live_elsewhere(self, run: RunRow | None) -> bool:
        """Whether ``run`` is another run, and alive; :meth:`refresh` has judged it before."""
        return run is not None and run.run_id != self._run_id and self._alive[run.run_id]

    async def refresh(self, runs: Iterable[RunRow | None], *, watch: bool) -> None:
        """Judge those of ``runs`` that were not judged before.

        Args:
            runs: owners of rows.
            watch: whether to watch the heartbeats of those that may be dead, all at once. Otherwise they count as
                alive, since the recovery that takes over a dead run's rows has watched it.
        """
        now, host = self._now(), self._ledger.machine
        doubtful: list[RunRow] = []
        for run in {run.run_id: run for run in runs if run is not None}.values():
            if run.run_id in self._alive or run.run_id == self._run_id:
                continue
            alive = is_alive(run, now=now, host=host)
            self._alive[run.run_id] = alive is not False
            if alive is None and watch:
                doubtful.append(run)
        if doubtful:
            await trio.sleep(HEARTBEAT_WATCH)
        for run in doubtful:
            later = await self._ledger.runs.get(run.run_id)
            self._alive[run.run_id] = (
                later is not None and later.ended is None and later.heartbeat != run.heartbeat
            )


async def unended_runs(
    ledger: Ledger, run_id: RunId, now: Callable[[], float], *, watch: bool = True
) -> tuple[list[RunRow], list[RunRow]]:
    """The other runs that have not ended: those that are alive, and the dead ones. ``watch`` as for a liveness."""
    runs = [run for run in await ledger.runs.all() if run.ended is None and run.run_id != run_id]
    liveness = RunLiveness(ledger, run_id, now)
    await liveness.refresh(runs, watch=watch)
    alive = [run for run in runs if liveness.is_live_elsewhere(run)]
    return alive, [run for run in runs if run not in alive]


async def in_flight_elsewhere(ledger: Ledger, run_id: RunId, now: Callable[[], float]) -> int:
    """In-flight rows that other live runs own; asks the ledger only."""
    liveness, after, count = RunLiveness(ledger, run_id, now), "", 0
    while page := await ledger.files.transient(after):
        after = page[-1][0].file_id
        await liveness.refresh((run for *_, run in page), watch=False)
        count += sum(liveness.is_live_elsewhere(run) for *_, run in page)
    return count
