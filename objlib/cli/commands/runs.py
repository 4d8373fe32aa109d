"""``objlib runs``."""

from functools import partial
from typing import Annotated, Literal

from objlib.cli.config import load_settings
from objlib.cli.options import Common, DryRun, option, switch
from objlib.core.errors import Exit, UsageError


def runs(
    action: Annotated[
        Literal["list", "stop"], option("list them; ask one to finish what it has in flight")
    ] = "list",
    run_id: Annotated[
        str | None, option("With stop: the id of the run, or a beginning that no other has")
    ] = None,
    /,
    *,
    every_run: Annotated[bool, switch("List those too that ended long ago", name="--all")] = False,
    dry_run: DryRun = False,
    options: Common = None,
) -> int:
    """List the runs that are at work on the ledger, on whichever machine, and the last ones that ended; or stop one."""
    if action == "stop" and run_id is None:
        raise UsageError("runs stop needs the id of a run; without stop, all are listed with their ids")
    if action == "list" and run_id is not None:
        raise UsageError(f"the list takes no id ({run_id}); leave it out, or write stop before it")
    if action == "stop" and every_run:
        raise UsageError("--all is for the list of runs; leave it out")
    settings = load_settings(options)
    from objlib.cli.render.runs import run_list_lines, stop_lines
    from objlib.cli.runner import run, show
    from objlib.engine.bootstrap.open_app import Command, StoreNeed
    from objlib.engine.run_list import list_runs, stop_run

    command = Command(
        "runs", records=False, store=StoreNeed.NONE, create_ledger=False, disk=False, dry_run=dry_run
    )
    if run_id is not None:
        report = run(settings, command, partial(stop_run, name=run_id))
        show(settings, "runs-stop", report, partial(stop_lines, report))
        return Exit.OK
    entries = run(settings, command, list_runs)
    show(
        settings,
        "runs",
        {"runs": entries},
        partial(run_list_lines, entries, complete=every_run),
        asked=True,
    )
    return Exit.OK
