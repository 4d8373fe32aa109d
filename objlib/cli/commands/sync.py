"""``objlib sync``."""

# The engine is loaded when a command runs, so that --help stays fast.

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from objlib.cli.commands.upload import complain_of, upload_exit
from objlib.cli.config import require_folder, settle
from objlib.cli.console.errors import complain
from objlib.cli.console.output import print_lines, print_object, to_plain
from objlib.cli.console.terminal import plural
from objlib.cli.options import CommonOptions, option, switch
from objlib.core.errors import Exit, UsageError
from objlib.core.events import Observer
from objlib.core.lifecycle.delete_limit import DeleteLimit
from objlib.core.reports.upload import SyncReport


def sync(
    path: Annotated[Path | None, option("The library; the same as --library")] = None,
    /,
    *,
    prune: Annotated[bool, switch("Also remove the documents of files that are gone from disk")] = False,
    prune_grace: Annotated[
        float | None,
        option(
            "How long a file must be gone before its document is removed",
            setting="prune_grace",
            name=("--prune-grace", "--grace"),
        ),
    ] = None,
    max_delete: Annotated[
        str | None,
        option(
            "Remove at most so many documents (25) or such a share (10%); by default 10% or 25, "
            "whichever is more",
            metavar="LIMIT",
        ),
    ] = None,
    options: Annotated[CommonOptions | None, Parameter(name="*")] = None,
) -> int:
    """Upload what is new or changed and, with --prune, remove the documents of files that are gone.

    More deletions than --max-delete allows are refused before anything is sent or deleted (exit code 4).
    """
    limit = DeleteLimit.parse(max_delete)
    if not prune and max_delete is not None:
        raise UsageError("--max-delete bounds what --prune removes; add --prune, or leave it out")
    settings = settle(options, path=path, names_library=True, prune_grace=prune_grace)
    require_folder(settings)
    from objlib.cli.runner import run, screen
    from objlib.engine.bootstrap.open_app import Command, StoreNeed, open_app
    from objlib.engine.sync import sync as engine_sync

    async def work(observer: Observer) -> SyncReport:
        command = Command("sync", records=True, store=StoreNeed.CREATE)
        async with open_app(settings, command, observer=observer) as app:
            return await engine_sync(app, prune_missing=prune, grace=settings.prune_grace, limit=limit)

    report = run(settings, work, events=True)
    if settings.json:
        print_object("sync", report.upload, prune=to_plain(report.prune))
    elif not settings.quiet:
        from objlib.cli.render.sync import sync_lines

        print_lines(sync_lines(report, screen()))
    else:
        _complain(report)
    return sync_exit(report)


def sync_exit(report: SyncReport) -> Exit:
    """The exit code that a sync earned: that of its upload, then that of its prune."""
    code = upload_exit(report.upload)
    if code is not Exit.OK or report.prune is None:
        return code
    return Exit.SOME_FAILED if report.prune.postponed else Exit.OK


def _complain(report: SyncReport) -> None:
    upload, prune = report.upload, report.prune
    complain_of(upload)
    if prune is not None and prune.postponed:
        complain(
            f"{plural(prune.postponed, 'document')} could not be removed now; run the same command again later"
        )
