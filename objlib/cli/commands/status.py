"""``objlib status`` and ``objlib explain``."""

# The engine is loaded when a command runs, so that --help stays fast.

import os
import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from objlib.cli.config import settle, working_folder
from objlib.cli.console.output import print_lines, print_object
from objlib.cli.options import CommonOptions, option
from objlib.core.errors import Exit
from objlib.core.events import Observer
from objlib.core.library.paths import readable
from objlib.core.reports.status import ExplainReport, StatusReport


def status(*, options: Annotated[CommonOptions | None, Parameter(name="*")] = None) -> int:
    """Count files by state, with what failed and why, what is missing or changed, and the limiter."""
    settings = settle(options)
    from objlib.cli.runner import run, screen
    from objlib.engine.bootstrap.open_app import Command, StoreNeed, open_app
    from objlib.engine.status import status as engine_status

    async def work(observer: Observer) -> StatusReport:
        command = Command("status", records=False, store=StoreNeed.NONE, create_ledger=False)
        async with open_app(settings, command, observer=observer) as app:
            return await engine_status(app)

    report = run(settings, work)
    if settings.json:
        print_object("status", report)
    elif not settings.quiet:
        from objlib.cli.render.status import status_lines

        print_lines(status_lines(report, screen(), time.time()))
    return Exit.OK


def explain(
    file: Annotated[str, option("The file: its path from here or inside the library")],
    /,
    *,
    options: Annotated[CommonOptions | None, Parameter(name="*")] = None,
) -> int:
    """Tell the whole history of one file, and why it is in its state."""
    settings = settle(options)
    from objlib.cli.runner import run, screen
    from objlib.engine.bootstrap.open_app import Command, StoreNeed, open_app
    from objlib.engine.status import explain as engine_explain

    path = path_in_library(file, settings.library, working_folder())

    async def work(observer: Observer) -> ExplainReport:
        command = Command("explain", records=False, store=StoreNeed.NONE, create_ledger=False)
        async with open_app(settings, command, observer=observer) as app:
            return await engine_explain(app, path)

    report = run(settings, work)
    if settings.json:
        print_object("explain", report)
    elif not settings.quiet:
        from objlib.cli.render.explain import explain_lines

        print_lines(explain_lines(report, screen()))
    return Exit.OK


def path_in_library(given: str, library: Path, cwd: Path) -> str:
    """The path by which the ledger knows a file, from a path as a person types it.

    A path may start at the root, at the working folder or at the library. What exists on disk wins; a file
    that is gone is looked for in the library. A link in the file's own place is not followed.

    Args:
        given: what was typed.
        library: the real path of the library's root.
        cwd: the working folder.
    """
    choices = []
    for base in (cwd, library):
        whole = Path(os.path.normpath(base / given))
        real = Path(os.path.realpath(whole.parent)) / whole.name
        if real.is_relative_to(library):
            choices.append(real)
    existing = [choice for choice in choices if os.path.lexists(choice)]
    chosen = next(iter(existing), choices[-1] if choices else None)
    if chosen is None:
        return given
    return "/".join(readable(os.fsencode(part)) for part in chosen.relative_to(library).parts)
