"""A sync's report: the upload's, and the documents that were removed."""

from objlib.cli.console.terminal import Terminal, duration, moment, more, phrases, safe
from objlib.cli.render.upload import upload_lines, upload_problems
from objlib.core.advice import advise
from objlib.core.counting import plural
from objlib.core.reports.upload import PruneReport, SyncReport

SHOWN_PATHS = 20
"""Paths that are printed; the rest is a number."""


def sync_lines(report: SyncReport, screen: Terminal, *, complete: bool = False) -> list[str]:
    """The result of a sync; of a dry run with every step if it is to be ``complete``."""
    lines = upload_lines(report.upload, screen, complete=complete)
    if report.upload.plan is not None:
        return lines
    if report.prune is None:
        if report.upload.missing:
            what = plural(report.upload.missing, "file")
            line = f"remove the documents of {what} with: {advise('sync --prune')}"
            if report.upload.removable_from is not None:
                first = "the next" if report.upload.removable else "the first"
                line += f" ({first} can go from {moment(report.upload.removable_from)} on)"
            lines.append(screen.dim(line))
        return lines
    return lines + prune_lines(report.prune, screen)


def sync_problems(report: SyncReport) -> str:
    """The lines of a quiet sync that left something undone, one for each of its parts; empty if none did."""
    postponed = 0 if report.prune is None else report.prune.postponed
    prune = phrases((postponed, "document", "could not be removed now; run the same command again later"))
    return "\n".join(filter(None, [upload_problems(report.upload), *prune]))


def prune_lines(report: PruneReport, screen: Terminal) -> list[str]:
    """The documents that a prune removed, and those that it kept."""
    lines = []
    if report.files:
        lines.append(
            f"Removed {plural(report.deleted, 'document')} of {plural(report.files, 'file')} no longer in the library."
        )
        lines += [f"  {screen.cyan(safe(path))}" for path in report.paths[:SHOWN_PATHS]]
        lines += more(report.files - SHOWN_PATHS)
    elif not report.skipped and not report.postponed:
        lines.append("Nothing to remove.")
    if report.postponed:
        what = plural(report.postponed, "document")
        lines.append(screen.yellow(f"{what} could not be removed now; run the same command again later"))
    elif report.skipped:
        lines.append(screen.yellow("The removal was not finished; run the same command again."))
    if report.kept:
        lines.append(
            screen.dim(
                f"{plural(report.kept, 'file')} gone for less than {duration(report.grace)}, kept for now"
                f"{_until(report)} (--grace 0 removes at once)"
            )
        )
    return lines


def _until(report: PruneReport) -> str:
    """When the grace is over: for all of them, or for the first and the last."""
    if report.kept_until is None or report.kept_last is None:
        return ""
    first, last = moment(report.kept_until), moment(report.kept_last)
    return f": until {first}" if first == last else f": the first until {first}, the last until {last}"
