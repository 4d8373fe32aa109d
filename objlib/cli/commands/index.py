"""``objlib index``."""

from functools import partial
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from objlib.cli.config import load_settings
from objlib.cli.options import Common, DryRun, Embedder, option
from objlib.core.config.parsers import seconds
from objlib.core.config.registry import DAY
from objlib.core.config.settings import Backend
from objlib.core.errors import Exit, UsageError

if TYPE_CHECKING:
    from objlib.core.reports.upload import IndexReport


def index(
    *,
    within: Annotated[
        str | None,
        option("How long to go on at most; by default until it is done", name="--for", metavar="TIME"),
    ] = None,
    embedder: Embedder = None,
    dry_run: DryRun = False,
    options: Common = None,
) -> int:
    """Finish search by meaning in the embedded store. It can be stopped at any time; the next call goes on.

    An upload spends two minutes on it (see its --embed-seconds). Until it is done, search by words finds everything.
    With another --embedder all vectors are made anew, and the old ones answer until the new ones are whole.
    """
    limit = inf if within is None else _seconds(within)
    settings = load_settings(options, embedder=embedder)
    from objlib.cli.render.index import index_lines, index_problems
    from objlib.cli.runner import run, show
    from objlib.engine.bootstrap.open_app import Command, StoreNeed
    from objlib.engine.vectors import index as engine_index

    # The real service indexes by meaning by itself, so it is not even asked.
    need = StoreNeed.EXISTING if settings.backend is Backend.EMBEDDED else StoreNeed.NONE
    command = Command("index", records=False, store=need, create_ledger=False, disk=False, dry_run=dry_run)
    report = run(settings, command, partial(engine_index, seconds=limit), events=True)
    show(settings, "index", report, partial(index_lines, report), index_problems(report))
    return index_exit(report)


def _seconds(text: str) -> float:
    """How long ``--for`` is.

    Raises:
        UsageError: it is no time.
    """
    try:
        return float(seconds(0, 365 * DAY)(text, Path(), Path()))
    except ValueError as error:
        raise UsageError(f"--for must be {error}, not {text!r}") from None


def index_exit(report: "IndexReport") -> Exit:
    """The exit code that a call earned: 1 where no vectors can be made here at all."""
    if report.stopped:
        return report.stopped.exit_code
    return Exit.OK if report.vectors.available else Exit.FATAL
