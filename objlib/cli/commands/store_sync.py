"""``objlib store-sync``."""

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from objlib.cli.config import load_settings
from objlib.cli.options import Common, DryRun, EveryStep, option, require_dry_run, switch
from objlib.core.errors import Exit, UsageError
from objlib.core.lifecycle.delete_limit import DeleteLimit
from objlib.core.lifecycle.repair_plan import Plan, decode_plan, encode_plan
from objlib.sources import working_folder

if TYPE_CHECKING:
    from objlib.core.reports.store import StoreSyncReport


def store_sync(
    *,
    apply: Annotated[bool, switch("Repair what differs; otherwise it is only told")] = False,
    metadata: Annotated[
        bool, switch("With --apply: also send files again whose document only has a wrong name or metadata")
    ] = False,
    max_delete: Annotated[
        str | None,
        option(
            "Delete at most this many documents (25) or such a share (10%); by default 10% or 25, "
            "whichever is more",
            metavar="LIMIT",
        ),
    ] = None,
    plan: Annotated[Path | None, option("Take what a saved comparison found instead of comparing")] = None,
    save_plan: Annotated[Path | None, option("Save what was found, to be read and applied later")] = None,
    of: Annotated[
        str | None,
        option(
            "Compare the documents of a lost ledger too; with --apply those are deleted", metavar="LEDGER"
        ),
    ] = None,
    adopt: Annotated[
        bool,
        switch("With --of and --apply: files that have no document take over those with their bytes first"),
    ] = False,
    dry_run: DryRun = False,
    every_step: EveryStep = False,
    options: Common = None,
) -> int:
    """Compare the store with the ledger both ways: orphans, duplicates, ghosts, wrong or broken documents.

    Without --apply nothing is repaired; with --dry-run nothing is recorded either, and --apply only says what it would
    do. With --apply, documents that are too many are deleted, and files whose
    document is missing or wrong are sent again by the next upload. A document without our mark, or with that of
    another ledger, is never touched, unless that ledger is lost and named with --of.
    """
    limit = DeleteLimit.parse(max_delete)
    if metadata and not apply:
        raise UsageError("--metadata says what --apply repairs; add --apply, or leave it out")
    if adopt and not (of and apply):
        raise UsageError("--adopt needs --of LEDGER and --apply")
    if of is not None and plan is not None:
        raise UsageError("--of compares the store anew; leave --plan out")
    require_dry_run(dry_run, every_step)
    if dry_run and save_plan is not None:
        raise UsageError("--save-plan writes a file, and --dry-run leaves no trace; leave one of them out")
    settings = load_settings(options)
    saved = None if plan is None else _read(working_folder() / plan)
    from objlib.cli.render.store_sync import store_sync_lines, store_sync_problems
    from objlib.cli.runner import run, show
    from objlib.engine.bootstrap.open_app import Command, StoreNeed
    from objlib.engine.reconcile.adopt import LostLedger
    from objlib.engine.reconcile.store_sync import store_sync as engine_store_sync

    lost = None if of is None else LostLedger(of, adopt)
    work = partial(engine_store_sync, apply=apply, metadata=metadata, limit=limit, plan=saved, lost=lost)
    command = Command(
        "store-sync",
        records=True,
        store=StoreNeed.EXISTING,
        create_ledger=False,
        any_ledger=True,
        disk=False,
        dry_run=dry_run,
    )
    report, current = run(settings, command, work, events=True)
    if save_plan is not None:
        _write(working_folder() / save_plan, current)
    show(
        settings,
        "store-sync",
        report,
        lambda screen: store_sync_lines(report, screen, complete=every_step),
        store_sync_problems(report),
    )
    return store_sync_exit(report)


def store_sync_exit(report: "StoreSyncReport") -> Exit:
    """The exit code: what could not be done weighs more than what was not asked for."""
    if report.interrupted:
        return Exit.INTERRUPTED
    if report.stopped:
        return report.stopped.exit_code
    if report.postponed or report.unanswered:
        return Exit.SOME_FAILED
    return Exit.DRIFT if report.left else Exit.OK


def _read(path: Path) -> Plan:
    try:
        return decode_plan(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"--plan: cannot read {path}: {error.strerror or error}") from None
    except (UnicodeDecodeError, UsageError) as error:
        raise UsageError(f"--plan: {path} cannot be used: {error}") from None


def _write(path: Path, plan: Plan) -> None:
    try:
        # It names documents, so a new one is for its owner alone.
        with open(path, "w", encoding="utf-8", opener=partial(os.open, mode=0o600)) as file:
            file.write(encode_plan(plan))
    except OSError as error:
        raise UsageError(f"--save-plan: cannot write {path}: {error.strerror or error}") from None
