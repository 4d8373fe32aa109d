"""A ledger as a whole: copied to another place, and checked."""

from functools import partial
from pathlib import Path

from objlib.core.config.ledger_url import LedgerUrl
from objlib.core.errors import RefusedError
from objlib.core.ids import RunId
from objlib.core.reports.ledger import LedgerCheck, LedgerCopy
from objlib.engine.app import App
from objlib.engine.runs import unended_runs
from objlib.ledger import copy_ledger, open_ledger, run_at_work, summarize
from objlib.threads import thread_runner


async def copy(source: Path | LedgerUrl, target: Path | LedgerUrl, *, dry_run: bool = False) -> LedgerCopy:
    """Copy a ledger, and compare each row with what arrived.

    Raises:
        RefusedError: a run is at work on the source; or the target is not empty, or is the source.
        LedgerError: one of them cannot be used; the target is as it was.
    """
    run = thread_runner(1)
    async with open_ledger(source, create=False, private=dry_run) as ledger:
        alive, dead = await unended_runs(ledger, RunId(""), ledger.now, watch=not dry_run)
        now = ledger.now()
        if dry_run:
            if alive:
                raise run_at_work(alive[0], source)
            summary = await run(partial(summarize, target))
            if summary is not None and (summary.documents or summary.files or summary.runs):
                raise RefusedError(f"there is a ledger at {target} already; name a place without one")
            planned = await ledger.checks.digest()
            return LedgerCopy(str(source), str(target), planned.rows, planned.digest, dry_run)
    copied = await run(partial(copy_ledger, source, target, dead={each.run_id for each in dead}, now=now))
    return LedgerCopy(str(source), str(target), copied.rows, copied.digest, dry_run)


async def check(app: App) -> LedgerCheck:
    """Read the whole ledger, and list what is wrong with it."""
    findings = await app.ledger.checks.findings()
    copied = await app.ledger.checks.digest()
    return LedgerCheck(str(app.ledger.place), copied.rows, copied.digest, tuple(findings))
