"""One run scans at a time: a lease in the ledger. The others upload meanwhile what is known, and say who scans.

Of two runs that look at one library at once, each would record what the other reads. A run that takes its turn after
another one finds nearly everything unchanged. A lease is taken over where its holder is dead: its process where that
is on this machine, else its heartbeat, by the clock of the ledger. One that was only frozen records nothing more, since
each transaction of its scan asks for the lease, and looks again when it has its turn.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count
from typing import Final

import trio

from objlib.core.errors import LedgerError
from objlib.core.reports.upload import ScanReport
from objlib.engine.app import App
from objlib.engine.runs import is_alive
from objlib.engine.scan.scan import scan
from objlib.engine.shutdown import InterruptedRun
from objlib.ledger import SCAN, Lease, LostLeaseError, RunRow

TURN_PAUSE: Final = 1.0
"""Seconds between two looks at whether the other scan is done."""
MAX_TURNS: Final = 5
"""Times that a run takes its turn again because it was taken for dead."""
LAST_WRITE: Final = 5.0
"""Seconds that a cancelled run may take to end its turn."""


async def scan_in_turn(
    app: App,
    *,
    checksum: bool = False,
    own_patterns: bool = False,
    meanwhile: Callable[[], Awaitable[None]] | None = None,
) -> ScanReport:
    """Scan when no other run does.

    Args:
        app: the open application; a dry run works on a copy of its own, and takes no turn.
        checksum: as for :func:`scan`.
        own_patterns: as for :func:`scan`.
        meanwhile: useful work while another run scans.

    Raises:
        InterruptedRun: a stop was requested before the turn came.
        ObjlibError: as for :func:`scan`.
    """
    if app.dry_run:
        return await scan(app, checksum=checksum, own_patterns=own_patterns)
    for turn in count(1):
        lease = await _take_turn(app, meanwhile)
        try:
            return await scan(app, checksum=checksum, own_patterns=own_patterns, lease=lease)
        except LostLeaseError:
            if turn == MAX_TURNS:
                raise
            app.observer.note("another run took this one for dead and scans; waiting to look again")
        finally:
            # Where this fails, the lease ends with the run.
            with suppress(LedgerError), trio.move_on_after(LAST_WRITE, shield=True):
                await app.ledger.leases.give_back(lease)
    raise AssertionError("the last turn returns or raises")


async def _take_turn(app: App, meanwhile: Callable[[], Awaitable[None]] | None) -> Lease:
    """Wait for the lease, and take it; from a dead run at once."""
    said: RunRow | None = None
    while True:
        lease = await app.ledger.leases.take(SCAN, app.run_id)
        holder = None if lease.run_id == app.run_id else await app.ledger.runs.get(lease.run_id)
        if lease.run_id != app.run_id and not _is_alive(app, holder):
            lease = await app.ledger.leases.take(SCAN, app.run_id, instead_of=lease)
        if lease.run_id == app.run_id:
            return lease
        if holder is not None and (said is None or said.run_id != holder.run_id):
            said = holder
            work = "waiting for it" if meanwhile is None else "uploading what is known meanwhile"
            app.observer.note(f"run {holder.run_id} on {holder.host} is scanning; {work}")
        if meanwhile is not None and not app.drain.requested:
            await meanwhile()
        with app.drain.intake():
            await trio.sleep(TURN_PAUSE)
        if app.drain.requested:
            raise InterruptedRun(
                "interrupted before this run's turn to scan; nothing is lost: run the same command again"
            )


def _is_alive(app: App, holder: RunRow | None) -> bool:
    """Whether a run still scans. One whose heartbeat is old is not watched first: it can do no harm if it lives."""
    return holder is not None and is_alive(holder, now=app.now(), host=app.ledger.machine) is True
