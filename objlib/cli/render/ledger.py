"""A ledger that was checked or copied, and the history that was removed from one."""

from dataclasses import replace

from objlib.cli.console.terminal import Terminal, moment, safe, size
from objlib.cli.render.plan import NOTHING_DONE
from objlib.core.advice import Invocation, advise, invocation, invoked
from objlib.core.counting import plural
from objlib.core.reports.ledger import CompactReport, LedgerCheck, LedgerCopy, LedgerDump


def compact_lines(report: CompactReport, screen: Terminal) -> list[str]:
    """The records that were removed, or would be, and the room that they took."""
    counted = {
        "event": report.events,
        "attempt": report.attempts,
        "finished delete": report.deletes,
        "run": report.runs,
    }
    removed = ", ".join(plural(number, noun) for noun, number in counted.items() if number)
    since = f"from before {moment(report.before)}"
    room = _room(report)
    if not removed:
        return [f"Nothing {since} is there to be removed{room}."]
    if report.dry_run:
        return [f"Plan: remove {removed} {since}{room}.", screen.dim(NOTHING_DONE)]
    return [f"{screen.green(screen.sign('✓', 'ok:'))} Removed {removed} {since}{room}."]


def _room(report: CompactReport) -> str:
    before, after = report.bytes_before, report.bytes_after
    if before is None or after is None:
        return ""
    if before == after:
        return f"; the ledger takes {size(after)}"
    takes = "would take" if report.dry_run else "takes"
    return f"; the ledger took {size(before)}, and {takes} {size(after)}"


def copy_lines(report: LedgerCopy, screen: Terminal) -> list[str]:
    """The rows that arrived, and the place to name from now on."""
    amount = f"{plural(sum(report.rows.values()), 'row')} ({plural(report.rows['files'], 'file')})"
    if report.dry_run:
        return [f"Plan: copy {amount} from {safe(report.source)} to {safe(report.target)}.", NOTHING_DONE]
    mark = screen.green(screen.sign("✓", "ok:"))
    if report.restored:
        with invoked(replace(invocation() or Invocation(), options=lambda: ("--ledger", report.target))):
            compare = advise("store-sync")
        return [
            f"{mark} Restored {amount} from {safe(report.source)} to {safe(report.target)}; each is as it was.",
            screen.dim(f"  SHA-256 of all rows: {report.digest}"),
            "Of what happened since the dump was made it knows nothing: compare it with the store by "
            f"`{compare}` before the next upload.",
        ]
    return [
        f"{mark} Copied {amount} to {safe(report.target)}; each is as it was.",
        screen.dim(f"  SHA-256 of all rows: {report.digest}"),
        "Name the new ledger with --ledger or OBJLIB_LEDGER from now on; the old one is out of date as soon as the "
        "new one is used.",
    ]


def dump_lines(report: LedgerDump, screen: Terminal, *, dry_run: bool) -> list[str]:
    """The rows that were written, or would be."""
    amount = f"{plural(sum(report.rows.values()), 'row')} ({plural(report.rows['files'], 'file')})"
    target = "stdout" if report.file is None else safe(report.file)
    if dry_run:
        return [f"Plan: write {amount} of {safe(report.ledger)} to {target}.", NOTHING_DONE]
    mark = screen.green(screen.sign("✓", "ok:"))
    return [
        f"{mark} Wrote {amount} of {safe(report.ledger)} to {target}, {size(report.size)}.",
        screen.dim(f"  SHA-256 of all rows: {report.digest}"),
    ]


def check_lines(report: LedgerCheck, screen: Terminal) -> list[str]:
    """Each finding, and how much was read."""
    amount = plural(sum(report.rows.values()), "row")
    lines = [f"  {screen.red(safe(subject))}: {safe(problem)}" for subject, problem in report.findings]
    if lines:
        return [f"The ledger {safe(report.ledger)} is not sound ({amount} read):", *lines]
    mark = screen.green(screen.sign("✓", "ok:"))
    return [
        f"{mark} The ledger {safe(report.ledger)} is sound ({amount} read).",
        screen.dim(f"  SHA-256 of all rows: {report.digest}"),
    ]
