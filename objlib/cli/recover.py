"""``objlib recover``."""

# The engine is loaded when a command runs, so that --help stays fast.

from typing import Annotated

from cyclopts import Parameter

from objlib.cli.options import Options
from objlib.cli.output import print_lines, print_object
from objlib.cli.setup import settle
from objlib.core.errors import Exit
from objlib.core.observe import Observer
from objlib.core.reports import RecoverReport


def recover(*, options: Annotated[Options | None, Parameter(name="*")] = None) -> int:
    """Settle everything that a dead run left; running it again changes nothing."""
    settings = settle(options)
    from objlib.cli.running import run, screen
    from objlib.engine.app import StoreNeed, open_app
    from objlib.engine.recover import recover as engine_recover

    async def work(observer: Observer) -> RecoverReport:
        async with open_app(
            settings, observer=observer, command="recover", store=StoreNeed.CREATE, create_ledger=False
        ) as app:
            return await engine_recover(app)

    report = run(settings, work, events=True)
    if settings.json:
        print_object("recover", report, backend=settings.backend)
    elif not settings.quiet:
        from objlib.cli.render.recover import recover_lines

        print_lines(recover_lines(report, screen()))
    return Exit.SOME_FAILED if report.failed or report.left else Exit.OK
