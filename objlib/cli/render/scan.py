"""A scan's report."""

from objlib.cli.console.terminal import Terminal, counts, plural, safe, size
from objlib.core.reports.upload import ScanReport

SHOWN_ENTRIES = 20
"""Changes and skipped entries that are named; the rest is a number."""


def scan_lines(report: ScanReport, screen: Terminal) -> list[str]:
    """How disk and ledger differed, in a few lines."""
    lines = [f"{plural(report.scanned, 'file')} on disk, {size(report.bytes)}: {difference(report)}"]
    lines += change_lines(report, screen)
    lines += skipped_lines(report, screen)
    if report.new or report.changed or report.returned:
        lines.append(screen.dim("send them with: objlib upload"))
    return lines


def difference(report: ScanReport) -> str:
    """``3 new, 1 changed, 12 unchanged``."""
    counted = {
        "new": report.new,
        "changed": report.changed,
        "renamed": report.renamed,
        "missing": report.missing,
        "back again": report.returned,
        "unchanged": report.unchanged,
    }
    return counts(counted) or "nothing to keep"


def change_lines(report: ScanReport, screen: Terminal) -> list[str]:
    """The single differences, where they were asked for."""
    lines = [f"  {kind:9} {screen.cyan(safe(path))}" for kind, path in report.changes[:SHOWN_ENTRIES]]
    if len(report.changes) > SHOWN_ENTRIES:
        lines.append(f"  and {len(report.changes) - SHOWN_ENTRIES:,} more")
    return lines


def skipped_lines(report: ScanReport, screen: Terminal) -> list[str]:
    """The entries that were left out, and why."""
    if not report.skipped:
        return []
    lines = [screen.yellow(f"{plural(len(report.skipped), 'entry', 'entries')} left out:")]
    lines += [
        f"  {screen.cyan(safe(path))}: {safe(reason)}" for path, reason in report.skipped[:SHOWN_ENTRIES]
    ]
    if len(report.skipped) > SHOWN_ENTRIES:
        lines.append(f"  and {len(report.skipped) - SHOWN_ENTRIES:,} more")
    return lines
