"""``objlib verify`` and ``objlib rebuild``."""

from functools import partial
from typing import Annotated

from objlib.cli.config import load_settings
from objlib.cli.options import Common, DryRun, EveryStep, option, require_dry_run
from objlib.core.errors import Exit, UsageError
from objlib.sources import LibraryNeed, require_folder


def verify(
    *,
    sample: Annotated[str, option("How many indexed files to look at, or all", metavar="N")] = "50",
    options: Common = None,
) -> int:
    """Audit some files, chosen at random: ledger against disk against store. Changes nothing.

    Each file is read and its document asked for, so the cost is one request for each.
    """
    size = _sample(sample)
    settings = load_settings(options)
    require_folder(settings)
    from objlib.cli.render.verify import verify_lines, verify_problems
    from objlib.cli.runner import run, show
    from objlib.engine.bootstrap.open_app import Command, StoreNeed
    from objlib.engine.reconcile.verify import verify as engine_verify

    command = Command("verify", records=False, store=StoreNeed.EXISTING, create_ledger=False)
    report = run(settings, command, partial(engine_verify, sample=size))
    show(settings, "verify", report, partial(verify_lines, report), verify_problems(report))
    if report.drift:
        return Exit.DRIFT
    return Exit.SOME_FAILED if report.unanswered else Exit.OK


def rebuild(
    *,
    of: Annotated[
        str | None,
        option("Id of the lost ledger, where the store has documents of several", metavar="LEDGER"),
    ] = None,
    dry_run: DryRun = False,
    every_step: EveryStep = False,
    options: Common = None,
) -> int:
    """Make a lost ledger again from the store alone, without an upload.

    Refused if the ledger has sent files. What is on disk is then compared with it: what matches is indexed,
    what differs is sent by the next upload, and what only the store has is missing.
    """
    require_dry_run(dry_run, every_step)
    settings = load_settings(options, place=LibraryNeed.NEW_DRY if dry_run else LibraryNeed.NEW, new=True)
    require_folder(settings)
    from objlib.cli.render.verify import rebuild_lines
    from objlib.cli.runner import run, show
    from objlib.engine.bootstrap.open_app import Command, StoreNeed
    from objlib.engine.reconcile.rebuild import rebuild as engine_rebuild

    command = Command("rebuild", records=True, store=StoreNeed.EXISTING, any_ledger=True, dry_run=dry_run)
    report = run(settings, command, partial(engine_rebuild, owner=of))
    show(settings, "rebuild", report, partial(rebuild_lines, report, complete=every_step))
    return Exit.OK


def _sample(text: str) -> int | None:
    """How many files; None for all.

    Raises:
        UsageError: it is neither.
    """
    if text.strip().lower() == "all":
        return None
    if not text.strip().isascii() or not text.strip().isdigit() or not 1 <= int(text) <= 10**9:
        raise UsageError(f"--sample must be a number of files, or all, not {text!r}")
    return int(text)
