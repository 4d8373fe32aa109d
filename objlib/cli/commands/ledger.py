"""``objlib ledger``."""

import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Annotated, Literal

import trio

from objlib.cli.config import load_settings
from objlib.cli.console.terminal import terminal_of
from objlib.cli.options import Common, DryRun, option
from objlib.core.config.parsers import ledger_place
from objlib.core.errors import Exit, UsageError
from objlib.core.events import Observer
from objlib.core.reports.ledger import LedgerCheck, LedgerCopy
from objlib.sources import LibraryNeed, working_folder

if TYPE_CHECKING:  # it takes long to load
    from objlib.engine.bootstrap.open_app import Command

Source = Annotated[
    str | None,
    option("With copy: a file, a dump, or a postgresql:// URL; with dump: the new file; with check: a dump"),
]
Target = Annotated[str | None, option("With copy: a file, or a postgresql:// URL")]


def ledger(
    action: Annotated[
        Literal["check", "compact", "copy", "dump"],
        option(
            "read all of it, and say what is wrong; remove old history; copy it to another place; write it as text"
        ),
    ],
    source: Source = None,
    target: Target = None,
    /,
    *,
    keep_history: Annotated[
        str | None,
        option(
            "With compact: how old history must be before it is removed",
            setting="keep_history",
            metavar="TIME",
            name=("--keep-history", "--keep"),
        ),
    ] = None,
    dry_run: DryRun = False,
    options: Common = None,
) -> int:
    """Check the ledger, remove old history from it, copy one to another place, or write it as text.

    compact removes the history that nothing needs any more: events, attempts, finished deletes and runs of long ago.
    What recovery needs stays, and so do the last facts of each file.
    copy brings a ledger from a file into a database or back, and compares each row; the old place stays as it was.
    Both are refused while a run is at work (exit code 4).
    dump writes all rows as lines of JSON into a file, or to stdout, also while runs are at work; copy restores it.
    """
    if keep_history is not None and action != "compact":
        raise UsageError("--keep-history is for compact; leave it out")
    if action == "copy":
        if source is None or target is None:
            raise UsageError("a copy needs two places, the old one and the new one")
        return _copy(options, source, target, dry_run=dry_run)
    if target is not None:
        raise UsageError(f"{action} takes no second place ({target})")
    if action == "dump":
        return _dump(options, None if source in {None, "-"} else source, dry_run=dry_run)
    if action == "check":
        return _check(options, source, dry_run=dry_run)
    if source is not None:
        raise UsageError(f"{action} takes no place ({source}); name the ledger with --ledger")
    return _compact(options, keep_history, dry_run=dry_run)


def _check(options: Common, dump: str | None, *, dry_run: bool) -> int:
    settings = load_settings(options, place=LibraryNeed.KNOWN if dump is None else LibraryNeed.ANY)
    from objlib.cli.render.ledger import check_lines
    from objlib.cli.runner import run, run_without_app, show
    from objlib.engine.ledger_copy import check, check_file

    if dump is None:
        report = run(settings, _reading(dry_run=dry_run), check)
    else:
        file = _file(dump, "check")

        async def work(_: Observer) -> LedgerCheck:
            return await trio.to_thread.run_sync(check_file, file)

        report = run_without_app(settings, work, with_ledger=False, changes=False)
    show(settings, "ledger-check", report, partial(check_lines, report), asked=True)
    return Exit.DRIFT if report.findings else Exit.OK


def _dump(options: Common, name: str | None, *, dry_run: bool) -> int:
    settings = load_settings(options)
    from objlib.cli.console.output import print_file
    from objlib.cli.render.ledger import dump_lines
    from objlib.cli.runner import note, run, show
    from objlib.engine.ledger_copy import dump, dump_file

    path = None if name is None else _file(name, "dump")
    with TemporaryFile() if path is None or dry_run else dump_file(path) as file:
        report = run(settings, _reading(dry_run=dry_run), partial(dump, file=file, name=path))
        if path is None and not dry_run:
            print_file(file)
    lines = partial(dump_lines, report, dry_run=dry_run)
    if path is None and not dry_run:
        note(settings, lines(terminal_of(sys.stderr)))
    else:
        show(settings, "ledger-dump", report, lines, dry_run=dry_run)
    return Exit.OK


def _reading(*, dry_run: bool) -> "Command":
    """A command that reads a ledger as a whole."""
    from objlib.engine.bootstrap.open_app import Command, StoreNeed

    return Command(
        "ledger", records=False, store=StoreNeed.NONE, create_ledger=False, disk=False, dry_run=dry_run
    )


def _file(text: str, action: str) -> Path:
    place = ledger_place(text, working_folder(), Path("~").expanduser())
    if not isinstance(place, Path):
        raise UsageError(f"{action} takes a file, and not {place}; name the ledger with --ledger")
    return place


def _compact(options: Common, keep_history: str | None, *, dry_run: bool) -> int:
    settings = load_settings(options, keep_history=keep_history)
    from objlib.cli.render.ledger import compact_lines
    from objlib.cli.runner import run, show
    from objlib.engine.bootstrap.open_app import Command, StoreNeed
    from objlib.engine.compact import compact

    command = Command(
        "ledger compact", records=True, store=StoreNeed.NONE, create_ledger=False, disk=False, dry_run=dry_run
    )
    report = run(settings, command, compact)
    show(settings, "ledger-compact", report, partial(compact_lines, report))
    return Exit.OK


def _copy(options: Common, source: str, target: str, *, dry_run: bool) -> int:
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
