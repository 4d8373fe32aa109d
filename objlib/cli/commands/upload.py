"""``objlib upload`` and ``objlib scan``."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

from objlib.cli.again import how_to_install
from objlib.cli.config import load_settings
from objlib.cli.options import (
    Common,
    DryRun,
    Embedder,
    EveryStep,
    LibraryPath,
    dry,
    option,
    require_dry_run,
    switch,
)
from objlib.core.errors import Exit, UsageError
from objlib.sources import LibraryNeed, require_folder

if TYPE_CHECKING:
    from objlib.core.reports.upload import UploadReport

New = Annotated[
    bool,
    switch("Take the folder as a new library, and a new store if need be, though it looks like a known one"),
]
Checksum = Annotated[bool, switch("Read every file, also where size, dates and inode are as they were")]

EmbedSeconds = Annotated[
    str | None,
    option(
        "How long to go on preparing search by meaning in the embedded store",
        setting="embed_seconds",
        metavar="TIME",
    ),
]


EmbeddingModel = Annotated[
    str | None,
    option(
        "Embedding model of a store that is made; gemini-embedding-2 takes pictures",
        setting="embedding_model",
        metavar="MODEL",
    ),
]


def upload(
    path: LibraryPath = None,
    /,
    *,
    limit: Annotated[int | None, option("Send at most this many files in this run")] = None,
    dry_run: DryRun = False,
    every_step: EveryStep = False,
    retry_failed: Annotated[bool, switch("Also send files again that failed before")] = False,
    checksum: Checksum = False,
    new: New = False,
    max_uploads: Annotated[int | None, option("Uploads in flight at most", setting="max_uploads")] = None,
    embed_seconds: EmbedSeconds = None,
    embedding_model: EmbeddingModel = None,
    embedder: Embedder = None,
    options: Common = None,
) -> int:
    """Bring the store up to date with a folder: scan, recover, upload, and wait until it is searchable.

    Files that are indexed already are not sent again. A run can be stopped at any time; the next one goes on.
    """
    if limit is not None and limit < 0:
        raise UsageError(f"--limit must be 0 or more, not {limit}")
    require_dry_run(dry_run, every_step)
    settings = load_settings(
        options,
        path=path,
        place=LibraryNeed.NEW_DRY if dry_run else LibraryNeed.NEW,
        new=new,
        max_uploads=max_uploads,
        embed_seconds=embed_seconds,
        embedding_model=embedding_model,
        embedder=embedder,
    )
    require_folder(settings)
    from objlib.cli.console.suggest import suggestion
    from objlib.cli.render.upload import upload_lines, upload_problems
    from objlib.cli.runner import run, show
    from objlib.engine.bootstrap.open_app import Command, StoreNeed

    command = Command("upload", records=True, store=StoreNeed.CREATE, dry_run=dry_run)
    if dry_run:
        from objlib.engine.plan.run import RunOptions, plan_run

        options_of_run = RunOptions(limit=limit, retry_failed=retry_failed, checksum=checksum)
        report = run(settings, command, partial(plan_run, options=options_of_run), events=True)
    else:
        from objlib.engine.upload.run import upload as engine_upload

        work = partial(engine_upload, limit=limit, retry_failed=retry_failed, checksum=checksum)
        report = run(settings, command, work, events=True)
    show(
        settings,
        "upload",
        report,
        lambda screen: upload_lines(
            report,
            screen,
            suggestion(settings, (*report.failures, *report.skips)),
            how_to_install(),
            complete=every_step,
        ),
        upload_problems(report),
    )
    return upload_exit(report)


def upload_exit(report: "UploadReport") -> Exit:
    """The exit code that an upload run earned."""
    if report.stopped.exit_code:
        return report.stopped.exit_code
    unfinished = report.pending > 0 and not report.stopped and not report.dry_run
    failed = report.failed > 0 and not report.dry_run
    return Exit.SOME_FAILED if failed or unfinished or report.postponed else Exit.OK


def scan(
    path: LibraryPath = None,
    /,
    *,
    dry_run: Annotated[bool, dry("Only say what differs; record nothing, and make no ledger")] = False,
    every_step: EveryStep = False,
    checksum: Checksum = False,
    own_patterns: Annotated[
        bool,
        switch("Take the metadata patterns of this machine, also where another one has replaced them"),
    ] = False,
    new: New = False,
    options: Common = None,
) -> int:
    """Compare a folder with the ledger and record what changed; nothing is sent."""
    require_dry_run(dry_run, every_step)
    settings = load_settings(
        options, path=path, place=LibraryNeed.NEW_DRY if dry_run else LibraryNeed.NEW, new=new
    )
    require_folder(settings)
    from objlib.cli.render.scan import scan_lines
    from objlib.cli.runner import run, show
    from objlib.engine.bootstrap.open_app import Command, StoreNeed
    from objlib.engine.scan.scan import scan as engine_scan
    from objlib.engine.scan.turn import scan_in_turn

    command = Command("scan", records=True, store=StoreNeed.NONE, dry_run=dry_run)
    scanner = partial(engine_scan, dry_run=True, complete=True) if dry_run else scan_in_turn
    work = partial(scanner, checksum=checksum, own_patterns=own_patterns)
    report = run(settings, command, work)
    lines = partial(
        scan_lines,
        report,
        verbose=settings.verbose > 0 or every_step,
        complete=every_step,
        lost=settings.lost,
    )
    show(settings, "scan", report, lines, dry_run=dry_run, ledger_lost=settings.lost)
    return Exit.SOME_FAILED if report.unreadable else Exit.OK
