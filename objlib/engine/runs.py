"""Who owns the rows in a transient state: this run, another one that lives, or nobody any more."""

import platform
from collections.abc import Iterable
from typing import Final

import trio

from objlib.core.ids import RunId
from objlib.engine.app import App
from objlib.engine.bootstrap.run_record import HEARTBEAT
from objlib.ledger import RunRow
from objlib.liveness import process_is_alive

STALE_AFTER: Final = 60.0
"""Seconds between a run's last heartbeat and now, either way, after which its life is in doubt."""
WATCH: Final = 2.5 * HEARTBEAT
"""Seconds for which the heart of a run in doubt is watched. Clocks jump, and differ between hosts: a heart that
beats is what counts, not the time that it shows."""
PAGE: Final = 200


def is_alive(run: RunRow, *, now: float, host: str) -> bool | None:
    """Whether a run still owns its rows; None if only watching its heart can tell.

    It has not ended, its heart beats, and if it is on this host its process is there.
    """
    if run.ended is not None or (run.host == host and not process_is_alive(run.pid)):
        return False
    return True if abs(now - run.heartbeat) <= STALE_AFTER else None


class RunLiveness:
    """What is known of the runs that own rows."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._lives: dict[RunId, bool] = {}

    def another(self, run: RunRow | None) -> bool:
        """Whether another run that lives owns a row of ``run``, of which :meth:`find_out` was asked."""
        return run is not None and run.run_id != self._app.run_id and self._lives[run.run_id]

    async def find_out(self, runs: Iterable[RunRow | None], *, watch: bool) -> None:
        """Note which of ``runs`` live.

        Args:
            runs: owners of rows.
            watch: whether the hearts of those in doubt are watched, all at once; otherwise they count as alive, since
                who took over what is dead has watched them.
        """
        now, host = self._app.now(), platform.node()
        doubtful: list[RunRow] = []
        for run in {run.run_id: run for run in runs if run is not None}.values():
            if run.run_id in self._lives or run.run_id == self._app.run_id:
                continue
            alive = is_alive(run, now=now, host=host)
            self._lives[run.run_id] = alive is not False
            if alive is None and watch:
                doubtful.append(run)
        if doubtful:
            await trio.sleep(WATCH)
        for run in doubtful:
            later = await self._app.ledger.run(run.run_id)
            beats = later is not None and later.ended is None and later.heartbeat != run.heartbeat
            self._lives[run.run_id] = beats


async def elsewhere(app: App) -> int:
    """How many rows other runs have in hand; asks nobody but the ledger."""
    owners, after, count = RunLiveness(app), "", 0
    while page := await app.ledger.transient_page(after, PAGE):
        after = page[-1][0].file_id
        await owners.find_out((run for *_, run in page), watch=False)
        count += sum(owners.another(run) for *_, run in page)
    return count
