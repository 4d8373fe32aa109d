"""A recovery's report."""

from objlib.cli.console.terminal import Terminal, counts, files_are, more, phrases, safe
from objlib.cli.render.plan import ALL, NOTHING_DONE
from objlib.cli.render.stop import stop_lines
from objlib.core.advice import advise
from objlib.core.counting import plural
from objlib.core.reports.upload import RecoverReport

SHOWN_ACTIONS = 20
"""Actions that are printed; the rest is a number."""


def recover_lines(report: RecoverReport, screen: Terminal, *, complete: bool = False) -> list[str]:
    """The work that dead runs left, and how it ended, or would end; every action if it is to be ``complete``."""
    elsewhere = (
        [screen.dim(f"{files_are(report.elsewhere)} in flight in another run, which goes on")]
        if report.elsewhere
        else []
    )
    if not report.found:
        return ["Nothing to recover: no run left anything behind.", *elsewhere]
    things = plural(report.found, "thing")
    lines = [f"Looked at {things} that an earlier run left: {outcome(report)}."]
    if report.dry_run:
        lines = [f"Plan for {things} that an earlier run left: {outcome(report)}."]
    shown = len(report.actions) if complete else SHOWN_ACTIONS
    for path, action, why in report.actions[:shown]:
        lines.append(f"  {action:9} {screen.cyan(safe(path))}{screen.dim(': ' + safe(why)) if why else ''}")
    hidden = max(report.actions_total, len(report.actions)) - min(shown, len(report.actions))
    lines += more(hidden, hint=ALL if report.dry_run else "")
    if report.dry_run:
        lines.append(screen.dim(NOTHING_DONE))
    elif report.requeued:
        lines.append(screen.dim(f"send what was requeued with: {advise('upload')}"))
    again = f"run `{advise('recover')}` again later"
    undone = phrases(
        (report.left, "file", f"could not be settled now; {again}"),
        (report.postponed, "document", f"could not be removed now; {again}"),
    )
    lines += map(screen.yellow, undone)
    lines += stop_lines(report.stopped, report.advice, screen)
    return lines + elsewhere


def recover_problems(report: RecoverReport) -> str:
    """The line of a quiet recovery that did not settle everything; empty if it did."""
    problems = phrases(
        (report.failed, "file", f"failed (`{advise('status')}` names them)"),
        (report.left, "file", "could not be settled now"),
        (report.postponed, "document", "could not be removed now"),
    )
    if not problems and not report.stopped:
        return ""
    return "; ".join([*problems, report.advice or f"run `{advise('recover')}` again later"])


def outcome(report: RecoverReport) -> str:
    """``2 adopted, 1 requeued``."""
    counted = {
        "completed": report.completed,
        "adopted": report.adopted,
        "requeued": report.requeued,
        "failed": report.failed,
        "surplus or old documents deleted": report.deleted,
        "store deleted" if report.stores == 1 else "stores deleted": report.stores,
        "left as they are": report.left,
        "documents not deleted yet": report.postponed,
    }
    return counts(counted) or "nothing had to change"
