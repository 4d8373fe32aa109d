"""A client that knows everything about a drawn service but the jitter of each request: a bound for every rule.

It knows the rate and when that will change, the bucket, the windows and the outage, and all processes plan as one. What
it cannot have at few refusals, no rule that has to learn these can.
"""

import math
from dataclasses import dataclass, field
from typing import Final

from .drawn import Drawn, Result, possible
from .servers import Outcome, Steps, rate_at, total
from .simulate import run

PACES: Final = (1.0, 0.95, 0.85, 0.7, 0.5, 0.3, 0.15, 0.05)
"""Shares of the rate that are tried."""
HALVINGS: Final = 3
"""Times that the gap between a pace that is too fast and the next one is halved."""
DEPTHS: Final = (1.0, 0.5, 0.0)
"""Shares of the bucket that are used; a request at least."""


@dataclass
class Plan:
    """Requests that all processes have sent, by the moments at which they should arrive.

    Attributes:
        scenario: the service.
        pace: share of the rate that is used.
        depth: share of the bucket that is used.
    """

    scenario: Drawn
    pace: float
    depth: float
    level: float = field(default=math.nan, init=False)
    at: float = field(default=0.0, init=False)
    window: int = field(default=-1, init=False)
    used: int = field(default=0, init=False)

    def ready(self, now: float) -> float:
        """The earliest time at which a request may start."""
        scenario = self.scenario
        half = scenario.latency / 2
        outage = scenario.outage_at
        if outage[0] <= now + half < outage[1]:
            return outage[1] - half
        match scenario.kind:
            case "none":
                return now
            case "window":
                return self._window(now, half)
            case _:
                self._fill(now + half)
                missing = 1 - self.level
                if missing <= 1e-9:
                    return now
                return now + max(1e-6, missing / (self.pace * rate_at(self._steps, now + half)))

    def sent(self, now: float) -> None:
        """Count a request that starts."""
        if self.scenario.kind == "window":
            self.used += 1
        elif self.scenario.kind != "none":
            self._fill(now + self.scenario.latency / 2)
            self.level -= 1

    def refused(self) -> None:
        """Pay for a refusal where refusals count."""
        if self.scenario.charge and self.scenario.kind in {"bucket", "overload"}:
            self.level -= 1

    @property
    def _steps(self) -> Steps:
        scenario = self.scenario
        return tuple((at * scenario.seconds, scenario.rate * factor) for at, factor in scenario.steps)

    def _fill(self, arrival: float) -> None:
        most = max(1.0, self.depth * max(1.0, rate_at(self._steps, arrival) * self.scenario.burst))
        gained = self.pace * total(self._steps, self.at, max(self.at, arrival))
        self.level = most if math.isnan(self.level) else min(most, self.level + gained)
        self.at = max(self.at, arrival)

    def _window(self, now: float, half: float) -> float:
        """Within a window and its limit, and as far from its ends as jitter may move a request."""
        seconds, phase, guard = 60.0, self.scenario.number % 60, (1 - self.depth) * 0.2 * half
        index = int((now + half + phase) // seconds)
        if index != self.window:
            self.window, self.used = index, 0
        begin, end = index * seconds - phase + guard - half, (index + 1) * seconds - phase - guard - half
        limit = max(2, round(60 * self.scenario.rate))
        if self.used >= limit or now > end:
            return end + 2 * guard + 1e-6
        return max(now, begin)


class Informed:
    """One process of a plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def ready(self, now: float, in_flight: int) -> float:
        """When there is a place and the plan allows it."""
        return self.plan.ready(now) if in_flight < self.plan.scenario.ceiling else math.inf

    def sent(self, now: float) -> int:
        """Tell the plan."""
        self.plan.sent(now)
        return 1

    def answered(self, now: float, started: float, tries: int, outcome: Outcome, wait: float | None) -> None:
        """Learn nothing, but pay."""
        if outcome in {Outcome.THROTTLED, Outcome.OVERLOADED}:
            self.plan.refused()


def bound(scenario: Drawn, *, most_refused: float, enough: float = math.inf) -> Result:
    """The best goodput of a plan that has at most ``most_refused`` refused; the least refused where none has.

    The search ends at a plan of ``enough`` goodput.
    """
    best, results, found = possible(scenario), list[Result](), Result(0.0, 1.0)
    for depth in DEPTHS:
        too_fast = math.inf
        for pace in PACES:
            results.append(planned(scenario, pace, depth, best))
            if results[-1].refused <= most_refused:
                break  # a lower pace refuses less still, and admits less
            too_fast = pace
        for _ in range(HALVINGS if too_fast < math.inf else 0):
            middle = (pace + too_fast) / 2
            results.append(planned(scenario, middle, depth, best))
            held = results[-1].refused <= most_refused
            pace, too_fast = (middle, too_fast) if held else (pace, middle)
        found = max(results, key=lambda result: _rank(result, most_refused))
        if found.refused <= most_refused and found.goodput >= enough:
            break
    return found


def planned(scenario: Drawn, pace: float, depth: float, best: float) -> Result:
    """Run one plan."""
    plan = Plan(scenario, pace, depth)
    clients = [Informed(plan) for _ in range(scenario.processes)]
    trace = run(
        scenario.server(), clients, seconds=scenario.seconds, latency=scenario.latency, seed=scenario.number
    )
    return Result(len(trace.served) / max(1.0, best), trace.wasted())


def _rank(result: Result, most_refused: float) -> tuple[bool, float]:
    held = result.refused <= most_refused
    return held, result.goodput if held else -result.refused
