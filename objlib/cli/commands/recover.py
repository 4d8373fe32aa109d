"""``objlib recover``."""

from typing import TYPE_CHECKING

from objlib.cli.config import load_settings
from objlib.cli.options import Common, DryRun, EveryStep, require_dry_run
from objlib.core.errors import Exit
from objlib.core.events import Observer

if TYPE_CHECKING:
    from objlib.core.reports.upload import RecoverReport


def recover(*, dry_run: DryRun = False, every_step: EveryStep = False, options: Common = None) -> int:
    """Settle everything that a dead run left; running it again changes nothing."""
    require_dry_run(dry_run, every_step)
    settings = load_settings(options)
    from objlib.cli.render.recover import recover_lines, recover_problems
    from objlib.cli.runner import run, run_without_app, show
    from objlib.engine.bootstrap.open_app import Command, StoreNeed
    from objlib.engine.recover import recover as engine_recover
    from objlib.engine.stores.deletion import finish_deletion
    from objlib.ledger import identify

    command = Command(
        "recover", records=True, store=StoreNeed.CREATE, create_ledger=False, disk=False, dry_run=dry_run
    )
    identity = identify(settings.ledger)
    report: RecoverReport | None = None
    if identity is not None and identity.deleting:

        async def finish(observer: Observer) -> "RecoverReport | None":
            return await finish_deletion(settings, observer=observer, dry_run=dry_run)

        report = run_without_app(settings, finish, events=True, changes=not dry_run)
    if report is None:
        report = run(settings, command, engine_recover, events=True)
    show(
        settings,
        "recover",
        report,
        lambda screen: recover_lines(report, screen, complete=every_step),
        recover_problems(report),
        backend=settings.backend,
    )
    return recover_exit(report)


def recover_exit(report: "RecoverReport") -> Exit:
    """The exit code that a recovery earned."""
    if report.stopped:
        return report.stopped.exit_code
    if report.dry_run:
        return Exit.SOME_FAILED if report.left else Exit.OK
    return Exit.SOME_FAILED if report.failed or report.left or report.postponed else Exit.OK
