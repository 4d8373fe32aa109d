"""The runs on a ledger: which there are, how far each is, and asking one to stop, on whichever machine it works."""

from collections.abc import Sequence
from typing import Final

from objlib.core.advice import advise
from objlib.core.errors import UsageError
from objlib.core.ids import RunId
from objlib.core.reports.runs import FileInFlight, RunEntry, RunProgress, RunReport, StopReport
from objlib.engine.app import App
from objlib.engine.runs import is_alive
from objlib.ledger import RunRow

LISTED_FILES: Final = 50
"""Files in flight that the report of a run lists."""


async def list_runs(app: App) -> tuple[RunEntry, ...]:
    """The runs on this ledger, the newest first."""
    runs = await app.ledger.runs.all()
    progress = await app.ledger.runs.progress()
    stops = await app.ledger.runs.stops()
    return tuple(_entry(app, run, progress.get(run.run_id), stops.get(run.run_id)) for run in reversed(runs))


async def report_run(app: App, run_id: str) -> RunReport:
    """One run with its progress over time.

    Raises:
        UsageError: the ledger knows no such run.
    """
    run = await app.ledger.runs.get(RunId(run_id))
    if run is None:
        raise UsageError(f"the ledger knows no run {run_id}; the page of runs lists them")
    samples = await app.ledger.runs.samples(run.run_id)
    stops = await app.ledger.runs.stops()
    entry = _entry(app, run, samples[-1].progress if samples else None, stops.get(run.run_id))
    transient = await app.ledger.files.transient(limit=LISTED_FILES) if entry.alive else []
    return RunReport(
        entry,
        tuple(samples),
        tuple(
            FileInFlight(row.file_path, str(row.state), row.size, row.state_updated_at)
            for row, _, owner in transient
            if owner is not None and owner.run_id == run.run_id
        ),
    )


async def stop_run(app: App, name: str) -> StopReport:
    """Ask a run to finish what it has in flight, which it does from its next heartbeat on, wherever it works.

    Args:
        app: the open application; needs no store.
        name: the id of the run, or a beginning of it that no other run has.

    Raises:
        UsageError: the ledger knows no such run, or several.
    """
    run = _named(await list_runs(app), name)
    # One that is silent may be frozen, and stops when it thaws; one whose process is gone never reads it.
    can_hear = run.ended is None and (run.alive or run.host != app.ledger.machine)
    asked = can_hear and run.stop_asked is None
    if asked:
        await app.ledger.runs.ask_to_stop(RunId(run.run_id))
        run = _named(await list_runs(app), run.run_id)
    return StopReport(run, asked=asked, dry_run=app.dry_run)


def _named(runs: Sequence[RunEntry], name: str) -> RunEntry:
    found = [run for run in runs if name and run.run_id.startswith(name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{len(found)} runs have an id that begins with {name}; give more of it")
    raise UsageError(f"the ledger knows no run {name}; `{advise('runs')}` lists them")


def _entry(app: App, run: RunRow, progress: RunProgress | None, stop_asked: float | None) -> RunEntry:
    return RunEntry(
        run_id=run.run_id,
        command=run.command,
        host=run.host,
        pid=run.pid,
        started=run.started,
        heartbeat=run.heartbeat,
        ended=run.ended,
        alive=bool(is_alive(run, now=app.now(), host=app.ledger.machine)),
        progress=progress,
        stop_asked=stop_asked,
    )
