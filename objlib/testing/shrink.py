"""Shrink a failing plan: leave out steps, then parts of steps, while it still fails."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from objlib.testing.workload import Plan, Run, Runs


def shrink(plan: Plan, fails: Callable[[Plan], bool], *, seconds: float) -> Plan:
    """Return the shortest plan that still ``fails``, searching for at most ``seconds``.

    A candidate leaves out one part; the other parts keep their seeds and so their meaning.
    """
    deadline = time.monotonic() + seconds
    progress = True
    while progress:
        progress = False
        for candidate in _shorter(plan):
            if time.monotonic() > deadline:
                return plan
            if fails(candidate):
                plan, progress = candidate, True
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
