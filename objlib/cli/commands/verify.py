"""``objlib verify`` and ``objlib rebuild``."""

# The engine is loaded when a command runs, so that --help stays fast.

from typing import Annotated

from cyclopts import Parameter

from objlib.cli.config import require_folder, settle
from objlib.cli.console.errors import complain
from objlib.cli.console.output import print_lines, print_object
from objlib.cli.console.terminal import plural
from objlib.cli.options import CommonOptions, option
from objlib.core.errors import Exit, UsageError
from objlib.core.events import Observer
from objlib.core.reports.store import RebuildReport, VerifyReport


def verify(
    *,
    sample: Annotated[str, option("How many indexed files to look at, or all", metavar="N")] = "50",
    options: Annotated[CommonOptions | None, Parameter(name="*")] = None,
) -> int:
    """Audit some files, chosen at random: ledger against disk against store. Changes nothing.

    Each file is read and its document asked for, so the cost is one request for each.
    """
    size = _sample(sample)
    settings = settle(options)
    require_folder(settings)
    from objlib.cli.runner import run, screen
    from objlib.engine.bootstrap.open_app import Command, StoreNeed, open_app
    from objlib.engine.reconcile.verify import verify as engine_verify

    async def work(observer: Observer) -> VerifyReport:
        command = Command("verify", records=False, store=StoreNeed.EXISTING, create_ledger=False)
        async with open_app(settings, command, observer=observer) as app:
            return await engine_verify(app, sample=size)

    report = run(settings, work)
    if settings.json:
        print_object("verify", report)
    elif not settings.quiet:
        from objlib.cli.render.verify import verify_lines

        print_lines(verify_lines(report, screen()))
    else:
        _complain(report)
    if report.drift:
        return Exit.DRIFT
    return Exit.SOME_FAILED if report.unanswered else Exit.OK


def _complain(report: VerifyReport) -> None:
    """The one line that a quiet audit says when it found something, or was not answered."""
    said = []
    if report.drift:
        said.append(f"{plural(sum(report.drift.values()), 'difference')} found by verify")
    if report.unanswered:
        said.append(f"{plural(report.unanswered, 'file')} the service gave no answer for")
    if said:
        complain("; ".join(said))


def rebuild(
    *,
    of: Annotated[
        str | None,
        option("Id of the lost ledger, where the store has documents of several", metavar="LEDGER"),
    ] = None,
    options: Annotated[CommonOptions | None, Parameter(name="*")] = None,
) -> int:
    """Make a lost ledger again from the store alone, without an upload.

    Refused if the ledger already has files. What is on disk is then compared with it: what matches is indexed,
    what differs is sent by the next upload, and what only the store has is missing.
    """
    settings = settle(options)
    require_folder(settings)
    from objlib.cli.runner import run, screen
    from objlib.engine.bootstrap.open_app import Command, StoreNeed, open_app
    from objlib.engine.reconcile.rebuild import rebuild as engine_rebuild

    async def work(observer: Observer) -> RebuildReport:
        command = Command("rebuild", records=True, store=StoreNeed.EXISTING)
        async with open_app(settings, command, observer=observer) as app:
            return await engine_rebuild(app, owner=of)

    report = run(settings, work)
    if settings.json:
        print_object("rebuild", report)
    elif not settings.quiet:
        from objlib.cli.render.verify import rebuild_lines

        print_lines(rebuild_lines(report, screen()))
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
