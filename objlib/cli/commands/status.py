"""``objlib status`` and ``objlib explain``."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from objlib.cli.config import load_settings
from objlib.cli.options import Common, option
from objlib.core.errors import Exit, UsageError
from objlib.core.library.paths import readable
from objlib.sources import working_folder

if TYPE_CHECKING:  # --help need not load them
    from objlib.core.reports.status import ExplainReport
    from objlib.engine.app import App


def status(*, options: Common = None) -> int:
    """Count files by state, with what failed and why, what is missing or changed, and the limiter."""
    settings = load_settings(options)
    from objlib.cli.render.status import status_lines
    from objlib.cli.runner import run, show
    from objlib.engine.bootstrap.open_app import Command, StoreNeed
    from objlib.engine.status import status as engine_status

    command = Command("status", records=False, store=StoreNeed.NONE, create_ledger=False, disk=False)
    report = run(settings, command, engine_status)
    show(settings, "status", report, lambda screen: status_lines(report, screen, time.time()), asked=True)
    return Exit.OK


def explain(
    file: Annotated[str, option("The file: its path from here or inside the library")],
    /,
    *,
    options: Common = None,
) -> int:
    """Tell the whole history of one file, and why it is in its state."""
    if not file:
        raise UsageError("explain needs the path of a file, and this one is empty")
    settings = load_settings(options)
    from objlib.cli.render.explain import explain_lines
    from objlib.cli.runner import is_folder, run, show
    from objlib.engine.bootstrap.open_app import Command, StoreNeed
    from objlib.engine.status import explain as engine_explain

    path = path_in_library(file, settings.library, working_folder())

    async def work(app: "App") -> "ExplainReport":
        try:
            return await engine_explain(app, path)
        except UsageError:  # the ledger knows nothing of it
            if is_folder(settings.library / path):
                raise UsageError(f"{file} is a folder; name one of the files in it") from None
            raise

    command = Command("explain", records=False, store=StoreNeed.NONE, create_ledger=False, disk=False)
    report = run(settings, command, work)
    show(settings, "explain", report, lambda screen: explain_lines(report, screen), asked=True)
    return Exit.OK


def path_in_library(typed: str, library: Path, cwd: Path) -> str:
    """The path by which the ledger knows a file, from a path as the user types it.

    A path may start at the root, at the working folder or at the library. What exists on disk wins; a file
    that is gone is looked for in the library. A link in the file's own place is not followed.
    """
    candidates = []
    for base in (cwd, library):
        whole = Path(os.path.normpath(base / typed))
        real = Path(os.path.realpath(whole.parent)) / whole.name
        if real.is_relative_to(library):
            candidates.append(real)
    if not candidates:
        return typed
    path = next(filter(os.path.lexists, candidates), candidates[-1])
    return "/".join(readable(os.fsencode(part)) for part in path.relative_to(library).parts)
