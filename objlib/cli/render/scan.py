"""A scan's report."""

import sys

from objlib.cli.console.terminal import Terminal, counts, moment, more, safe, size
from objlib.core.advice import advise
from objlib.core.counting import plural
from objlib.core.reports import MAX_LISTED
from objlib.core.reports.upload import ScanReport

SHOWN_ENTRIES = 20
"""Changes and skipped entries that are named; the rest is a number."""


def scan_lines(
    report: ScanReport,
    screen: Terminal,
    *,
    verbose: bool = False,
    complete: bool = False,
    lost: bool = False,
) -> list[str]:
    """How disk and ledger differed, in a few lines.

    Args:
        report: the result.
        screen: how to write.
        verbose: list what rules left out.
        complete: list every change and every entry, not only the first.
        lost: whether the ledger that sent the library's documents is lost.
    """
    shown = sys.maxsize if complete else SHOWN_ENTRIES
    lines = [f"{plural(report.scanned, 'file')} on disk, {size(report.bytes)}: {difference(report)}"]
    lines += change_lines(report, screen, shown)
    lines += described_lines(report, screen)
    lines += skipped_lines(report, screen, verbose=verbose, shown=shown)
    if report.unreadable:
        total = report.unreadable_total
        lines.append(screen.red(f"{plural(total, 'entry', 'entries')} could not be read:"))
        lines += _listed(report.unreadable, screen, shown, total)
    if lost:
        way = f"`{advise('rebuild')}` makes it again, and nothing is sent twice"
        lines.append(screen.yellow(f"the ledger that knows what was sent is lost: {way}"))
    elif report.new or report.changed or report.returned:
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


def change_lines(report: ScanReport, screen: Terminal, shown: int = SHOWN_ENTRIES) -> list[str]:
    """The single differences, where they were asked for."""
    lines = [f"  {kind:9} {screen.cyan(safe(path))}" for kind, path in report.changes[:shown]]
    total = report.new + report.changed + report.renamed + report.missing + report.returned + report.described
    return lines + more(total - len(lines), hint="--all lists them") if lines else []


def described_lines(report: ScanReport, screen: Terminal) -> list[str]:
    """Whose metadata patterns count, how many files have other metadata than they had, and what refreshes it."""
    lines = []
    if report.patterns_of:
        lines.append(
            screen.yellow(
                f"the metadata patterns of {safe(report.patterns_of)} count since {moment(report.patterns_since)}, "
                f"not those of this machine: make them the same, or `{advise('scan --own-patterns')}` takes these"
            )
        )
    if report.described:
        files = "1 file has" if report.described == 1 else f"{report.described:,} files have"
        refresh = advise("store-sync --apply --metadata")
        lines.append(
            screen.yellow(
                f"{files} other metadata by the patterns of now; `{refresh}` and the next upload refresh it"
            )
        )
    return lines


def skipped_lines(
    report: ScanReport, screen: Terminal, *, verbose: bool = False, shown: int = SHOWN_ENTRIES
) -> list[str]:
    """The entries that were left out, and why; those of rules are a number unless ``verbose``."""
    lines = []
    if report.skipped:
        lines.append(screen.yellow(f"{plural(report.skipped_total, 'entry', 'entries')} left out:"))
        lines += _listed(report.skipped, screen, shown, report.skipped_total)
    if report.ignored:
        text = f"{plural(report.ignored, 'entry', 'entries')} left out by rules"
        lines.append(screen.dim(f"{text}:" if verbose else f"{text}; `{advise('scan -n -v')}` lists them"))
        lines += _listed(report.left_out, screen, MAX_LISTED, report.ignored) if verbose else []
    return lines


def _listed(entries: tuple[tuple[str, str], ...], screen: Terminal, shown: int, total: int) -> list[str]:
    """The first ``shown`` entries, and the number of the others; ``entries`` may be fewer than the ``total``."""
    lines = [f"  {screen.cyan(safe(path))}: {safe(reason)}" for path, reason in entries[:shown]]
    return lines + more(total - len(lines))
