"""An upload's report: a short, calm summary, what went wrong, and what to do next."""

from objlib.cli.console.terminal import Terminal, duration, files_are, phrases, size
from objlib.cli.render.failures import failure_lines, skip_lines
from objlib.cli.render.index import vector_lines
from objlib.cli.render.plan import plan_lines
from objlib.cli.render.recover import outcome
from objlib.cli.render.scan import described_lines, skipped_lines
from objlib.cli.render.stop import stop_lines
from objlib.core.advice import advise
from objlib.core.counting import plural
from objlib.core.reports.upload import UploadReport


def upload_lines(
    report: UploadReport,
    screen: Terminal,
    suggestion: str = "",
    install: str = "",
    *,
    complete: bool = False,
) -> list[str]:
    """The result of an upload run, or the plan of a dry run.

    Args:
        report: the result.
        screen: how to write.
        suggestion: a search to try next.
        install: a line that puts us on the PATH.
        complete: whether every step of a plan is printed.
    """
    if report.plan is not None:
        return plan_lines(report.plan, screen, complete=complete)
    lines = []
    if report.recovered.found:
        lines.append(screen.dim(f"Recovered from an earlier run: {outcome(report.recovered)}."))
    lines.append(_summary(report, screen))
    lines += described_lines(report.scan, screen)
    lines += skipped_lines(report.scan, screen)
    if report.failures:
        failed = plural(report.failed, "file or folder", "files or folders")
        lines.append(screen.red(f"{failed if report.unreadable else plural(report.failed, 'file')} failed:"))
        lines += failure_lines(report.failures, screen)
        if (hidden := report.failed - len(report.failures)) > 0:
            lines.append(f"  and {plural(hidden, 'more file')}")
    lines += skip_lines(report.skips, report.skipped, screen)
    lines += stop_lines(report.stopped, report.advice, screen)
    if report.store_documents is not None and report.store_bytes is not None:
        documents = plural(report.store_documents, "document")
        content = f"{documents}, {size(report.store_bytes)} as the service counts"
        lines.append(screen.yellow(f"The store holds {content}."))
    if waiting := report.pending - report.elsewhere:
        lines.append(screen.yellow(f"{files_are(waiting)} still waiting: {advise('upload')}"))
    if report.elsewhere:
        lines.append(
            screen.yellow(f"{files_are(report.elsewhere)} in flight in another run: {advise('status')}")
        )
    if report.postponed:
        old = plural(report.postponed, "old document")
        lines.append(
            screen.yellow(f"{old} could not be removed now: `{advise('recover')}` goes on with that")
        )
    if report.missing:
        missing = plural(report.missing, "file")
        lines.append(
            screen.dim(f"{missing} no longer in the library, and still in the store: {advise('status')}")
        )
    lines += vector_lines(report.vectors, screen)
    if suggestion and report.indexed and not report.stopped:
        lines.append(f"Next: {screen.bold(advise('search', suggestion))}")
        if install:
            lines.append(screen.dim(f"To call it objlib from anywhere: {install}"))
    return lines


def upload_problems(report: UploadReport) -> str:
    """The line of a quiet run after which something is left to do; empty when everything went in."""
    waiting = 0 if report.dry_run else report.pending - report.elsewhere
    problems = phrases(
        (report.failed - report.unreadable, "file", f"failed (`{advise('status')}` names them)"),
        (report.unreadable, "folder", f"cannot be read (`{advise('status')}` names them)"),
        (waiting, "file", "waiting"),
        (report.elsewhere, "file", "in flight in another run"),
        (report.postponed, "old document", "could not be removed now"),
    )
    if report.stopped and report.advice:
        problems.append(report.advice)
    return "; ".join(problems)


def _summary(report: UploadReport, screen: Terminal) -> str:
    if not report.scanned and not report.indexed:
        return "No files to keep in this folder."
    took = duration(report.seconds - (report.vectors.seconds if report.vectors else 0))
    if report.uploaded:
        sent = f"Sent {plural(report.uploaded, 'file')} ({size(report.bytes)}) in {took}"
    else:
        sent = f"Nothing to send ({took})"
    files = report.indexed + report.failed - report.unreadable + report.pending
    indexed = f"{report.indexed:,} of {plural(files, 'file')} indexed"
    extra = [f"{report.renamed:,} renamed"] if report.renamed else []
    extra += [f"{report.skipped:,} skipped"] if report.skipped else []
    extra += [f"throttled {report.throttled:,}x by the service"] if report.throttled else []
    well = not report.failed and not report.pending
    mark = screen.green(screen.sign("✓", "ok:")) if well else screen.yellow(screen.sign("!", "!"))
    return f"{mark} {sent}; {', '.join([indexed, *extra])}."
