"""``objlib recover``."""

# The engine is loaded when a command runs, so that --help stays fast.

from typing import Annotated

from cyclopts import Parameter

from objlib.cli.config import settle
from objlib.cli.console.errors import complain
from objlib.cli.console.output import print_lines, print_object
from objlib.cli.console.terminal import plural
from objlib.cli.options import CommonOptions
from objlib.core.errors import Exit
from objlib.core.events import Observer
from objlib.core.reports.upload import RecoverReport


def recover(*, options: Annotated[CommonOptions | None, Parameter(name="*")] = None) -> int:
    """Settle everything that a dead run left; running it again changes nothing."""
    settings = settle(options)
    from objlib.cli.runner import run, screen
    from objlib.engine.bootstrap.open_app import Command, StoreNeed, open_app
    from objlib.engine.recover import recover as engine_recover

    async def work(observer: Observer) -> RecoverReport:
        command = Command("recover", records=True, store=StoreNeed.CREATE, create_ledger=False)
        async with open_app(settings, command, observer=observer) as app:
            return await engine_recover(app)

    report = run(settings, work, events=True)
    if settings.json:
        print_object("recover", report, backend=settings.backend)
    elif not settings.quiet:
        from objlib.cli.render.recover import recover_lines

        print_lines(recover_lines(report, screen()))
    else:
        _complain(report)
    return recover_exit(report)


def recover_exit(report: RecoverReport) -> Exit:
    """The exit code that a recovery earned."""
    if report.stopped:
        return report.stopped.exit_code
    return Exit.SOME_FAILED if report.failed or report.left or report.postponed else Exit.OK


def _complain(report: RecoverReport) -> None:
    """The one line that a quiet recovery says when not everything is settled."""
    said = []
    if report.failed:
        said.append(f"{plural(report.failed, 'file')} failed (objlib status names them)")
    if report.left:
        said.append(f"{plural(report.left, 'file')} could not be settled now")
    if report.postponed:
        said.append(f"{plural(report.postponed, 'document')} could not be removed now")
    if said or report.stopped:
        complain("; ".join([*said, report.advice or "run objlib recover again later"]))
