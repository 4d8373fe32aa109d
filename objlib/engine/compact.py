"""Removal of old history from the ledger."""

from pathlib import Path

from objlib.core.reports.ledger import CompactReport
from objlib.engine.app import App
from objlib.engine.runs import unended_runs
from objlib.ledger import run_at_work


async def compact(app: App) -> CompactReport:
    """Remove history that is older than the setting ``keep_history`` and that nothing rests on; shrink the ledger.

    A stop between two pages leaves a ledger that is thinned in part, and well.

    Raises:
        RefusedError: a run is at work on the ledger, or may be; nothing was removed.
        LedgerError: the disk has no room for the copy that shrinking a file takes; the history is removed.
    """
    await _refuse_runs(app)
    ledger, before = app.ledger, app.now() - app.settings.keep_history
    size, after, events, attempts = await _size(app), "", 0, 0
    while (page := await ledger.compaction.thin(before, after)).until is not None:
        after = page.until
        events += page.events
        attempts += page.attempts
    deletes = await ledger.compaction.thin_intents(before)
    runs = await ledger.compaction.thin_runs(before)
    await ledger.shrink()
    return CompactReport(
        before=before,
        events=events,
        attempts=attempts,
        deletes=deletes,
        runs=runs,
        bytes_before=size,
        bytes_after=await _size(app),
        dry_run=app.dry_run,
    )


async def _size(app: App) -> int | None:
    copied = app.dry_run and not isinstance(app.ledger.place, Path)
    return None if copied else await app.ledger.compaction.size()


async def _refuse_runs(app: App) -> None:
    """Refuse while another run is at work: it could not write while the ledger is being rewritten."""
    alive, _ = await unended_runs(app.ledger, app.run_id, app.now)
    for run in alive:
        raise run_at_work(run, app.ledger.place)
