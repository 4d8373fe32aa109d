"""Making a failing plan short: leave steps out, then parts of steps, for as long as it still fails."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from objlib.testing.workload import Plan, Run, Runs


def shrink(plan: Plan, fails: Callable[[Plan], bool], *, seconds: float) -> Plan:
    """The shortest plan found within ``seconds`` that still ``fails``.

    Every candidate is a plan with something left out; what is left keeps its own seeds and so its meaning.
    """
    give_up = time.monotonic() + seconds
    found = True
    while found:
        found = False
        for candidate in _shorter(plan):
            if time.monotonic() > give_up:
                return plan
            if fails(candidate):
                plan, found = candidate, True
                break
    return plan


def _shorter(plan: Plan) -> Iterator[Plan]:
    for index in reversed(range(len(plan))):
        yield (*plan[:index], *plan[index + 1 :])
    for index, step in enumerate(plan):
        if isinstance(step, Runs):
            for simpler in _simpler(step):
                yield (*plan[:index], simpler, *plan[index + 1 :])


def _simpler(step: Runs) -> Iterator[Runs]:
    for index in range(len(step.runs) if len(step.runs) > 1 else 0):
        yield replace(step, runs=(*step.runs[:index], *step.runs[index + 1 :]))
    for index in range(len(step.edits)):
        yield replace(step, edits=(*step.edits[:index], *step.edits[index + 1 :]))
    if step.jump is not None:
        yield replace(step, jump=None)
    if step.density > 0:
        yield replace(step, density=0.0)
    for index, run in enumerate(step.runs):
        for changes in (
            {"die_at": None}, {"freeze_at": None}, {"stop_after": None}, {"elsewhere": False}, {"limit": None},
        ):  # fmt: skip
            plainer: Run = replace(run, **changes)
            if plainer != run:
                yield replace(step, runs=(*step.runs[:index], plainer, *step.runs[index + 1 :]))
