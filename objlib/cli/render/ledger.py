"""The history that was removed from a ledger."""

from objlib.cli.console.terminal import Terminal, moment, phrases, size
from objlib.cli.render.plan import NOTHING_DONE
from objlib.core.reports.runs import CompactReport


def compact_lines(report: CompactReport, screen: Terminal) -> list[str]:
    """The records that were removed, or would be, and the room that they took."""
    removed = phrases(
        (report.events, "event", ""),
        (report.attempts, "attempt", ""),
        (report.deletes, "finished delete", ""),
        (report.runs, "run", ""),
    )
    since = f"from before {moment(report.before)}"
    room = _room(report)
    if not removed:
        return [f"Nothing {since} is there to be removed{room}."]
    things = ", ".join(each.strip() for each in removed)
    if report.dry_run:
        return [f"Plan: remove {things} {since}{room}.", screen.dim(NOTHING_DONE)]
    return [f"{screen.green(screen.sign('✓', 'ok:'))} Removed {things} {since}{room}."]


def _room(report: CompactReport) -> str:
    before, after = report.bytes_before, report.bytes_after
    if before is None or after is None:
        return ""
    if before == after:
        return f"; the ledger takes {size(after)}"
    takes = "would take" if report.dry_run else "takes"
    return f"; the ledger took {size(before)}, and {takes} {size(after)}"
