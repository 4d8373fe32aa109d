"""``objlib ledger``."""

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from objlib.cli.config import load_settings
from objlib.cli.options import Common, DryRun, option
from objlib.core.config.parsers import ledger_place
from objlib.core.errors import Exit, UsageError
from objlib.core.events import Observer
from objlib.core.reports.ledger import LedgerCopy
from objlib.sources import LibraryNeed, working_folder

Place = Annotated[str | None, option("With copy: a file, or a postgresql:// URL")]


def ledger(
    action: Annotated[
        Literal["check", "copy"], option("read all of it, and say what is wrong; copy it to another place")
    ],
    source: Place = None,
    target: Place = None,
    /,
    *,
    dry_run: DryRun = False,
    options: Common = None,
) -> int:
    """Check the ledger, or copy one to another place: from a file into a database, or back.

    A copy is compared row by row. Nothing is written in the old place, and no run may be at work on it.

    Examples:
        objlib ledger check
        objlib ledger copy ledger.db postgresql://objlib@db.example/library
        objlib ledger copy postgresql://objlib@db.example/library ledger.db --dry-run
    """
    if action == "check":
        if source is not None:
            raise UsageError(f"the check takes no place ({source}); name the ledger with --ledger")
        return _check(options, dry_run=dry_run)
    if source is None or target is None:
        raise UsageError("a copy needs two places, the old one and the new one")
    cwd, home = working_folder(), Path("~").expanduser()
    old, new = (ledger_place(text, cwd, home) for text in (source, target))
    settings = load_settings(options, place=LibraryNeed.ANY)
    from objlib.cli.render.ledger import copy_lines
    from objlib.cli.runner import run_without_app, show
    from objlib.engine.ledger_copy import copy

    async def work(_: Observer) -> LedgerCopy:
        return await copy(old, new, dry_run=dry_run)

    report = run_without_app(settings, work, with_ledger=False, changes=not dry_run)
    show(settings, "ledger-copy", report, partial(copy_lines, report))
    return Exit.OK


def _check(options: Common, *, dry_run: bool) -> int:
    settings = load_settings(options)
    from objlib.cli.render.ledger import check_lines
    from objlib.cli.runner import run, show
    from objlib.engine.bootstrap.open_app import Command, StoreNeed
    from objlib.engine.ledger_copy import check

    command = Command("ledger", records=False, store=StoreNeed.NONE, create_ledger=False, dry_run=dry_run)
    report = run(settings, command, check)
    show(settings, "ledger-check", report, partial(check_lines, report), asked=True)
    return Exit.DRIFT if report.findings else Exit.OK
