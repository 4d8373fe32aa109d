"""A scan's report."""

from objlib.cli.console.terminal import Terminal, counts, plural, safe, size
from objlib.core.advice import advise
from objlib.core.reports.upload import ScanReport

SHOWN_ENTRIES = 20
"""Changes and skipped entries that are named; the rest is a number."""


def scan_lines(report: ScanReport, screen: Terminal, *, verbose: bool = False) -> list[str]:
    """How disk and ledger differed, in a few lines; ``verbose`` lists what rules left out."""
    lines = [f"{plural(report.scanned, 'file')} on disk, {size(report.bytes)}: {difference(report)}"]
    lines += change_lines(report, screen)
    lines += skipped_lines(report, screen, verbose=verbose)
    if report.unreadable:
        lines.append(screen.red(f"{plural(len(report.unreadable), 'entry', 'entries')} could not be read:"))
        lines += _listed(report.unreadable, screen, SHOWN_ENTRIES)
    if report.new or report.changed or report.returned:
        lines.append(screen.dim(f"send them with: {advise('upload')}"))
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


def skipped_lines(report: ScanReport, screen: Terminal, *, verbose: bool = False) -> list[str]:
    """The entries that were left out, and why; those of rules are a number unless ``verbose``."""
    lines = []
    if report.skipped:
        lines.append(screen.yellow(f"{plural(len(report.skipped), 'entry', 'entries')} left out:"))
        lines += _listed(report.skipped, screen, SHOWN_ENTRIES)
    if report.ignored:
        text = f"{plural(report.ignored, 'entry', 'entries')} left out by rules"
        lines.append(screen.dim(f"{text}:" if verbose else f"{text}; `{advise('scan -v')}` lists them"))
        lines += _listed(report.left_out, screen, len(report.left_out)) if verbose else []
    return lines


def _listed(entries: tuple[tuple[str, str], ...], screen: Terminal, shown: int) -> list[str]:
    lines = [f"  {screen.cyan(safe(path))}: {safe(reason)}" for path, reason in entries[:shown]]
    return [*lines, f"  and {len(entries) - shown:,} more"] if len(entries) > shown else lines
