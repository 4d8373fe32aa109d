"""The runs on a ledger, and one that was asked to stop."""

from collections.abc import Sequence
from typing import Final

from objlib.cli.console.phases import UNITS
from objlib.cli.console.terminal import Terminal, about, duration, moment, more, safe
from objlib.cli.render.plan import NOTHING_DONE
from objlib.core.advice import advise
from objlib.core.counting import plural
from objlib.core.events import Phase
from objlib.core.reports.runs import RunEntry, RunProgress, StopReport

SHOWN_ENDED: Final = 10
"""Runs that are over and still listed without ``--all``."""

_SETTLING: Final = frozenset({"upload", "sync", "recover"})
"""Commands that settle what dead runs left."""


def run_list_lines(entries: Sequence[RunEntry], screen: Terminal, *, complete: bool = False) -> list[str]:
    """Two lines for each run: those at work first, then those that are over, the newest first."""
    if not entries:
        return ["No run yet."]
    alive = [run for run in entries if run.alive]
    over = [run for run in entries if not run.alive]
    shown = over if complete else over[:SHOWN_ENDED]
    lines = [line for run in (*alive, *shown) for line in _run_lines(run, screen)]
    lines += more(len(over) - len(shown), "run", "--all lists them")
    # Newest first: a run that came after a dead one, and ended, has settled what that left.
    last = next((run for run in over if run.ended is None or run.command in _SETTLING), None)
    if last is not None and last.ended is None:
        lines.append(f"What a dead run left is settled by the next upload, or now: {advise('recover')}")
    return lines


def _run_lines(run: RunEntry, screen: Terminal) -> list[str]:
    where = f"on {safe(run.host)}, process {run.pid}"
    took = duration((run.ended or run.heartbeat) - run.started)
    return [
        f"{screen.bold(safe(run.run_id))}  {safe(run.command)} {where}",
        f"  {_state(run, screen)}: since {moment(run.started)}, {took}{_progress(run)}",
    ]


def _state(run: RunEntry, screen: Terminal) -> str:
    if run.alive:
        return screen.green("at work") if run.stop_asked is None else screen.yellow("stopping")
    if run.ended is None:
        return screen.yellow("died, or is cut off")
    return "ended"


def _progress(run: RunEntry) -> str:
    now = run.progress
    if now is None:
        return ""
    parts = [_phase(now)] if run.alive and now.phase else []
    if sent := now.done.get(Phase.UPLOAD, 0):
        parts.append(f"{plural(sent, 'file')} sent")
    if run.alive and now.paused_for:
        parts.append(f"the service is asked again in {duration(now.paused_for)}")
    elif run.alive and now.requests_per_second:
        parts.append(f"{about(now.requests_per_second)} requests/s")
    if now.stopping:
        parts.append(f"stopped by {safe(now.stopping.replace('_', ' '))}")
    return "".join(f"; {part}" for part in parts)


def _phase(now: RunProgress) -> str:
    unit = UNITS.get(Phase(now.phase), "files") if now.phase in set(Phase) else "files"
    total = "" if now.total_files is None else f" of {now.total_files:,}"
    return f"{safe(now.phase)}, {now.files:,}{total} {unit}"


def stop_lines(report: StopReport, screen: Terminal) -> list[str]:
    """The answer of a run that was asked to stop, as far as it is known."""
    run = report.run
    name = f"{safe(run.command)} {safe(run.run_id)} on {safe(run.host)}"
    if run.ended is not None:
        return [f"The {name} ended at {moment(run.ended)}; nothing is to be stopped."]
    if report.asked and report.dry_run:
        return [f"Plan: ask the {name} to finish what it has in flight.", NOTHING_DONE]
    if report.asked and run.alive:
        mark = screen.green(screen.sign("✓", "ok:"))
        return [f"{mark} The {name} finishes what it has in flight; it hears of it within 5 s."]
    if report.asked:
        return [f"The {name} has been silent since {moment(run.heartbeat)}; should it go on, it will stop."]
    if run.stop_asked is not None:
        return [f"The {name} was asked to stop at {moment(run.stop_asked)} already."]
    return [f"The process of the {name} is gone; nothing is to be stopped."]
