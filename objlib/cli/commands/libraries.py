"""``objlib libraries`` and ``objlib move``."""

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import trio

from objlib.cli.config import load_settings
from objlib.cli.options import Common, DryRun, option, switch
from objlib.core.advice import invocation
from objlib.core.errors import Exit, UsageError
from objlib.sources import LibraryNeed, data_folder, working_folder


def name_no_library() -> None:
    """Let advice name no library: these commands are about all of them."""
    if (current := invocation()) is not None:
        current.options = tuple


def libraries(
    action: Annotated[Literal["forget"] | None, option("forget: drop one from the list")] = None,
    library: Annotated[Path | None, option("The folder of the library to forget, or its id")] = None,
    /,
    *,
    dry_run: DryRun = False,
    options: Common = None,
) -> int:
    """List the libraries that are known, with their stores, files and last runs.

    A library is found by this list from any folder.
    One that is forgotten keeps its store; its ledger and its embedded store are put aside, not deleted.
    """
    if action is not None and library is None:
        raise UsageError("objlib libraries forget needs the folder of a library, or its id")
    settings = load_settings(options, place=LibraryNeed.ANY)
    name_no_library()
    from objlib.cli.render.libraries import forgotten_lines, libraries_lines
    from objlib.cli.runner import show
    from objlib.engine.libraries import forget_library, list_libraries

    if library is not None:
        forgotten, aside = forget_library(data_folder(), working_folder() / library, dry_run=dry_run)
        body = {
            "path": forgotten.root,
            "library_id": forgotten.library_id,
            "put_aside": aside,
            "dry_run": dry_run,
        }
        show(
            settings,
            "libraries-forget",
            body,
            lambda _: forgotten_lines(forgotten.root, aside, dry_run=dry_run),
        )
        return Exit.OK
    entries = list_libraries(data_folder())
    show(
        settings,
        "libraries",
        {"libraries": entries},
        partial(libraries_lines, entries),
        asked=True,
    )
    return Exit.OK


def move(
    old: Annotated[Path, option("The folder in which the library was, or its id")],
    new: Annotated[Path, option("The folder in which it is now")],
    /,
    *,
    yes: Annotated[bool, switch("Also if most of its files are not in the new folder")] = False,
    dry_run: DryRun = False,
    options: Common = None,
) -> int:
    """Say that the folder of a library has moved: its ledgers and stores go on from the new place.

    Move the folder first, with any program.
    """
    settings = load_settings(options, place=LibraryNeed.ANY)
    name_no_library()
    from objlib.cli.render.libraries import move_lines
    from objlib.cli.runner import show
    from objlib.engine.libraries import move_library

    cwd = working_folder()
    report = trio.run(partial(move_library, data_folder(), cwd / old, cwd / new, anyway=yes, dry_run=dry_run))
    show(settings, "move", report, partial(move_lines, report), library=report.new)
    return Exit.OK
