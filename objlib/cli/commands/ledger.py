"""``objlib ledger``."""

from functools import partial
from typing import Annotated, Literal

from objlib.cli.config import load_settings
from objlib.cli.options import Common, DryRun, option
from objlib.core.errors import Exit


def ledger(
    action: Annotated[Literal["compact"], option("remove old history, and give its room back to the disk")],
    /,
    *,
    keep_history: Annotated[
        str | None,
        option(
            "How old history must be before it is removed",
            setting="keep_history",
            metavar="TIME",
            name=("--keep-history", "--keep"),
        ),
    ] = None,
    dry_run: DryRun = False,
    options: Common = None,
) -> int:
    """Remove the history that nothing needs any more: events, attempts, finished deletes and runs of long ago.

    What recovery needs stays, and so do the last facts of each file. It is refused while a run is at work (exit code
    4).

    Examples:
        objlib ledger compact --keep 30d
    """
    settings = load_settings(options, keep_history=keep_history)
    from objlib.cli.render.ledger import compact_lines
    from objlib.cli.runner import run, show
    from objlib.engine.bootstrap.open_app import Command, StoreNeed
    from objlib.engine.compact import compact

    command = Command(
        f"ledger {action}", records=True, store=StoreNeed.NONE, create_ledger=False, dry_run=dry_run
    )
    report = run(settings, command, compact)
    show(settings, "ledger-compact", report, partial(compact_lines, report))
    return Exit.OK
