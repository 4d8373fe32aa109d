"""A ledger that was copied, or checked."""

from objlib.cli.console.terminal import Terminal, plural, safe
from objlib.cli.render.plan import NOTHING_DONE
from objlib.core.reports.ledger import LedgerCheck, LedgerCopy


def copy_lines(report: LedgerCopy, screen: Terminal) -> list[str]:
    """The rows that arrived, and the place to name from now on."""
    amount = f"{plural(sum(report.rows.values()), 'row')} ({plural(report.rows['files'], 'file')})"
    if report.dry_run:
        return [f"Plan: copy {amount} from {safe(report.source)} to {safe(report.target)}.", NOTHING_DONE]
    mark = screen.green(screen.sign("✓", "ok:"))
    return [
        f"{mark} Copied {amount} to {safe(report.target)}; each is as it was.",
        screen.dim(f"  SHA-256 of all rows: {report.digest}"),
        "Name the new ledger with --ledger or OBJLIB_LEDGER from now on; the old one is out of date as soon as the "
        "new one is used.",
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
