"""A recovery's report."""

from objlib.cli.console.terminal import Terminal, counts, files_are, phrases, plural, safe
from objlib.cli.render.stop import stop_lines
from objlib.core.advice import advise
from objlib.core.reports.upload import RecoverReport

SHOWN_ACTIONS = 20
"""Actions that are printed; the rest is a number."""


def recover_lines(report: RecoverReport, screen: Terminal) -> list[str]:
    """The work that dead runs left, and how it ended."""
    elsewhere = (
        [screen.dim(f"{files_are(report.elsewhere)} in flight in another run, which goes on")]
        if report.elsewhere
        else []
    )
    if not report.found:
        return ["Nothing to recover: no run left anything behind.", *elsewhere]
    lines = [f"Looked at {plural(report.found, 'thing')} that an earlier run left: {outcome(report)}."]
    for path, action, why in report.actions[:SHOWN_ACTIONS]:
        lines.append(f"  {action:9} {screen.cyan(safe(path))}{screen.dim(': ' + safe(why)) if why else ''}")
    if len(report.actions) > SHOWN_ACTIONS:
        lines.append(f"  and {len(report.actions) - SHOWN_ACTIONS:,} more")
    if report.requeued:
        lines.append(screen.dim(f"send what was requeued with: {advise('upload')}"))
    if report.left:
        lines.append(
            screen.yellow(
                f"{plural(report.left, 'file')} could not be settled now; run `{advise('recover')}` again later"
            )
        )
    if report.postponed:
        lines.append(
            screen.yellow(
                f"{plural(report.postponed, 'document')} could not be removed now; "
                f"run `{advise('recover')}` again later"
            )
        )
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
        "left as they are": report.left,
        "documents not deleted yet": report.postponed,
    }
    return counts(counted) or "nothing had to change"
