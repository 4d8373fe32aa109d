"""The plan of a dry run: how many paths meet with what, the first of them or all, and what it would cost."""

from typing import Final

from objlib.cli.console.terminal import Terminal, about, counts, duration, moment, more, safe, size, wrap
from objlib.core.costs import USD_PER_MILLION_TOKENS
from objlib.core.counting import plural
from objlib.core.reports.plan import Action, Cost, PlannedStep, RunPlan

SHOWN_STEPS: Final = 20
"""Steps that are printed unless all are asked for; the rest is a number."""
NOTHING_DONE: Final = "nothing was sent, recorded or made (--dry-run)"
"""The last line of every dry run."""
ALL: Final = "--all lists them"
"""The hint below a list that a dry run cut."""

_DONE: Final = (Action.SEND, Action.REPLACE, Action.RENAME, Action.SETTLE, Action.DELETE)
_LABELS: Final = {Action.LEAVE_OUT: "left out", Action.SKIP: "skip", Action.KEEP: "keep"}


def plan_lines(plan: RunPlan, screen: Terminal, *, complete: bool) -> list[str]:
    """The plan, with every step if it is to be ``complete``."""
    lines = [_headline(plan)]
    # What would be done stands first; in a cut list it is what matters.
    steps = plan.steps if complete else sorted(plan.steps, key=lambda step: step.action not in _DONE)
    shown = steps if complete else steps[:SHOWN_STEPS]
    lines += [_step_line(step, screen) for step in shown]
    lines += more(len(steps) - len(shown), hint=ALL)
    lines += _cost_lines(plan.cost, screen)
    if plan.note:
        lines += [screen.yellow(line) for line in wrap(safe(plan.note), screen.width)]
    lines.append(screen.dim(NOTHING_DONE))
    return lines


def _headline(plan: RunPlan) -> str:
    number = {action: plan.counts.get(action, 0) for action in Action}
    done = counts(
        {
            f"{'file' if number[Action.SEND] == 1 else 'files'} to send": number[Action.SEND],
            "to replace": number[Action.REPLACE],
            "to rename": number[Action.RENAME],
            "to settle": number[Action.SETTLE],
            "to remove": number[Action.DELETE],
        }
    )
    left = counts(
        {
            "kept": number[Action.KEEP],
            "waiting": number[Action.WAIT],
            "skipped": number[Action.SKIP],
            "failed": number[Action.FAIL],
            "left out": number[Action.LEAVE_OUT],
        }
    )
    return f"Plan: {done or 'nothing to do'}{f'; {left}' if left else ''}."


def _step_line(step: PlannedStep, screen: Terminal) -> str:
    label = f"{_LABELS.get(step.action, str(step.action)):9}"
    path = f"{safe(step.was)} -> {safe(step.path)}" if step.was else safe(step.path)
    amount = f" ({size(step.bytes)})" if step.action in {Action.SEND, Action.REPLACE} else ""
    until = "" if step.until is None else f" until {moment(step.until)}"
    reason = screen.dim(f": {safe(step.reason)}{until}") if step.reason else ""
    return f"  {label} {screen.cyan(path)}{amount}{reason}"


def _cost_lines(cost: Cost, screen: Terminal) -> list[str]:
    if not cost.requests:
        return []
    tokens = f"about {about(cost.tokens)} {'token' if cost.tokens == 1 else 'tokens'}"
    price = (
        ""
        if cost.usd is None
        else f", about USD {cost.usd:,.2f} to index (USD {USD_PER_MILLION_TOKENS} per million tokens)"
    )
    pace = ""
    if cost.seconds is not None:
        pace = f", about {duration(cost.seconds)} at the pace of earlier runs"
    lines = [
        f"{size(cost.bytes)} to send, {tokens}{price}",
        f"at least {plural(cost.requests, 'request')}{pace}",
    ]
    if cost.store_bytes_after is not None:
        now = "" if cost.store_bytes is None else f", now {size(cost.store_bytes)}"
        room = f"fits into {cost.tier}" if cost.tier else "no tier of the service has room for that"
        lines.append(
            f"the store would hold about {size(cost.store_bytes_after)} with embeddings{now}: {room} "
            "(all stores of the project count)"
        )
    elif cost.store_bytes is not None:
        lines.append(f"the store holds {size(cost.store_bytes)} now")
    return [screen.dim(line) for text in lines for line in wrap(text, screen.width)]
