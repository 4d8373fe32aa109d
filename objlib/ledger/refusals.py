"""The refusal of a command that would disturb a run."""

from dataclasses import replace
from pathlib import Path

from objlib.core.advice import Invocation, advise, invocation, invoked
from objlib.core.config.ledger_url import LedgerUrl
from objlib.core.errors import RefusedError
from objlib.ledger.rows import RunRow


def run_at_work(run: RunRow, place: Path | LedgerUrl) -> RefusedError:
    """The refusal of a command that no run may disturb: the one sentence for it, with the way out.

    Args:
        run: that is alive.
        place: its ledger, which need not be that of the command.
    """
    current = invocation() or Invocation()
    with invoked(replace(current, options=lambda: ("--ledger", str(place)))):
        stop = advise("runs", "stop", run.run_id)
    return RefusedError(
        f"a run ({run.command}, process {run.pid} on {run.host}) is at work on {place}: wait for its end, or stop "
        f"it with `{stop}`"
    )
