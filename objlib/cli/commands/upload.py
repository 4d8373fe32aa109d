"""``objlib upload`` and ``objlib scan``."""

# The engine is loaded when a command runs, so that --help stays fast.

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from objlib.cli.config import require_folder, settle
from objlib.cli.console.errors import complain
from objlib.cli.console.output import print_lines, print_object
from objlib.cli.console.terminal import plural
from objlib.cli.options import CommonOptions, option, switch
from objlib.core.errors import Exit, UsageError
from objlib.core.events import Observer
from objlib.core.reports.upload import ScanReport, UploadReport


def upload(
    path: Annotated[Path | None, option("The library; the same as --library")] = None,
    /,
    *,
    limit: Annotated[int | None, option("Send at most so many files in this run")] = None,
    dry_run: Annotated[bool, switch("Only say what would be sent")] = False,
    retry_failed: Annotated[bool, switch("Also send files again that failed before")] = False,
    max_uploads: Annotated[int | None, option("Uploads in flight at most", setting="max_uploads")] = None,
    embed_seconds: Annotated[
        float | None,
        option(
            "How long to go on preparing search by meaning in the embedded store", setting="embed_seconds"
        ),
    ] = None,
    options: Annotated[CommonOptions | None, Parameter(name="*")] = None,
) -> int:
    """Bring the store up to date with a folder: scan, recover, upload, and wait until it is searchable.

    Files that are indexed already are not sent again. A run can be stopped at any time; the next one goes on.
    """
    if limit is not None and limit < 0:
        raise UsageError(f"--limit must be 0 or more, not {limit}")
    settings = settle(
        options, path=path, names_library=True, max_uploads=max_uploads, embed_seconds=embed_seconds
    )
    require_folder(settings)
    from objlib.cli.console.suggest import suggestion
    from objlib.cli.runner import run, screen
    from objlib.engine.bootstrap.open_app import Command, StoreNeed, open_app
    from objlib.engine.upload.run import upload as engine_upload

    async def work(observer: Observer) -> UploadReport:
        need = StoreNeed.NONE if dry_run else StoreNeed.CREATE
        command = Command("upload", records=True, store=need)
        async with open_app(settings, command, observer=observer) as app:
            return await engine_upload(app, limit=limit, dry_run=dry_run, retry_failed=retry_failed)

    report = run(settings, work, events=True)
    if settings.json:
        print_object("upload", report)
    elif not settings.quiet:
        from objlib.cli.render.upload import upload_lines

        print_lines(upload_lines(report, screen(), suggestion(settings, report.failures)))
    else:
        complain_of(report)
    return upload_exit(report)


def complain_of(report: UploadReport) -> None:
    """The one line that a quiet run says when not everything went in."""
    said = []
    if report.failed:
        said.append(f"{plural(report.failed, 'file')} failed (objlib status names them)")
    if (waiting := report.pending - report.elsewhere) and not report.dry_run:
        said.append(f"{plural(waiting, 'file')} waiting")
    if report.elsewhere:
        said.append(f"{plural(report.elsewhere, 'file')} in the hands of another run")
    if report.postponed:
        said.append(f"{plural(report.postponed, 'old document')} could not be removed now")
    if report.stopped and report.advice:
        said.append(report.advice)
    if said:
        complain("; ".join(said))


def upload_exit(report: UploadReport) -> Exit:
    """The exit code that an upload run earned."""
    if report.stopped.exit_code:
        return report.stopped.exit_code
    unfinished = report.pending > 0 and not report.stopped and not report.dry_run
    failed = report.failed > 0 and not report.dry_run
    return Exit.SOME_FAILED if failed or unfinished or report.postponed else Exit.OK


def scan(
    path: Annotated[Path | None, option("The library; the same as --library")] = None,
    /,
    *,
    dry_run: Annotated[bool, switch("Only say what differs; record nothing")] = False,
    options: Annotated[CommonOptions | None, Parameter(name="*")] = None,
) -> int:
    """Compare a folder with the ledger and record what changed; nothing is sent."""
    settings = settle(options, path=path, names_library=True)
    require_folder(settings)
    from objlib.cli.runner import run, screen
    from objlib.engine.bootstrap.open_app import Command, StoreNeed, open_app
    from objlib.engine.scan.scan import scan as engine_scan

    async def work(observer: Observer) -> ScanReport:
        command = Command("scan", records=True, store=StoreNeed.NONE)
        async with open_app(settings, command, observer=observer) as app:
            return await engine_scan(app, dry_run=dry_run)

    report = run(settings, work)
    if settings.json:
        print_object("scan", report, library=str(settings.library), dry_run=dry_run)
    elif not settings.quiet:
        from objlib.cli.render.scan import scan_lines

        print_lines(scan_lines(report, screen()))
    return Exit.OK
