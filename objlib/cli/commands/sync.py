"""``objlib sync``."""

from functools import partial
from typing import Annotated

from objlib.cli.commands.upload import Checksum, EmbeddingModel, EmbedSeconds, New, upload_exit
from objlib.cli.config import load_settings
from objlib.cli.console.output import to_plain
from objlib.cli.options import (
    Common,
    DryRun,
    Embedder,
    EveryStep,
    LibraryPath,
    option,
    require_dry_run,
    switch,
)
from objlib.core.errors import Exit, UsageError
from objlib.core.lifecycle.delete_limit import DeleteLimit
from objlib.core.reports.upload import SyncReport
from objlib.sources import LibraryNeed, require_folder

PruneGrace = Annotated[
    str | None,
    option(
        "How long a file must be gone before its document is removed",
        setting="prune_grace",
        metavar="TIME",
        name=("--prune-grace", "--grace"),
    ),
]


def sync(
    path: LibraryPath = None,
    /,
    *,
    prune: Annotated[
        bool, switch("Also remove the documents of files that are gone, or left out by a rule")
    ] = False,
    prune_grace: PruneGrace = None,
    max_delete: Annotated[
        str | None,
        option(
            "Remove at most this many documents (25) or such a share (10%); by default 10% or 25, "
            "whichever is more",
            metavar="LIMIT",
        ),
    ] = None,
    dry_run: DryRun = False,
    every_step: EveryStep = False,
    checksum: Checksum = False,
    new: New = False,
    embed_seconds: EmbedSeconds = None,
    embedding_model: EmbeddingModel = None,
    embedder: Embedder = None,
    options: Common = None,
) -> int:
    """Upload what is new or changed and, with --prune, remove the documents of files that are gone.

    More deletions than --max-delete allows are refused before anything is sent or deleted (exit code 4).
    """
    limit = DeleteLimit.parse(max_delete)
    if not prune and max_delete is not None:
        raise UsageError("--max-delete bounds what --prune removes; add --prune, or leave it out")
    require_dry_run(dry_run, every_step)
    settings = load_settings(
        options,
        path=path,
        place=LibraryNeed.NEW_DRY if dry_run else LibraryNeed.NEW,
        new=new,
        prune_grace=prune_grace,
        embed_seconds=embed_seconds,
        embedding_model=embedding_model,
        embedder=embedder,
    )
    require_folder(settings)
    from objlib.cli.render.sync import sync_lines, sync_problems
    from objlib.cli.runner import run, show
    from objlib.engine.bootstrap.open_app import Command, StoreNeed

    command = Command("sync", records=True, store=StoreNeed.CREATE, dry_run=dry_run)
    if dry_run:
        from objlib.engine.plan.run import RunOptions, plan_run

        grace = settings.prune_grace if prune else None
        options_of_run = RunOptions(checksum=checksum, grace=grace, max_delete=limit)
        planned = run(settings, command, partial(plan_run, options=options_of_run), events=True)
        report = SyncReport(planned, None)
    else:
        from objlib.engine.sync import sync as engine_sync

        work = partial(
            engine_sync, prune_missing=prune, grace=settings.prune_grace, limit=limit, checksum=checksum
        )
        report = run(settings, command, work, events=True)
    show(
        settings,
        "sync",
        report.upload,
        lambda screen: sync_lines(report, screen, complete=every_step),
        sync_problems(report),
        prune=to_plain(report.prune),
    )
    return sync_exit(report)


def sync_exit(report: SyncReport) -> Exit:
    """The exit code that a sync earned: that of its upload, then that of its prune."""
    code = upload_exit(report.upload)
    if code is not Exit.OK or report.prune is None:
        return code
    return Exit.SOME_FAILED if report.prune.postponed else Exit.OK
