"""Servers on which no constant was chosen: eleven that other rules were measured on, and some with other habits.

For the first, the bars are the best goodput and the least share of 429s that any one of those rules reached, as far as
it held the other one within reason; for the others they are those of a steady quota.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .scenarios import Measure, Scenario, goodput, strategy
from .servers import Bucket, Decision, Outcome, Server, Steps, Window, rate_at, total
from .simulate import Trace, run


@dataclass
class Cap:
    """A limit on requests in flight, each of which stays for ``hold`` seconds. No hint."""

    steps: Steps
    hold: float
    ends: list[float] = field(default_factory=list, init=False)

    def ask(self, now: float) -> Decision:
        """See :class:`Server`."""
        self.ends = [end for end in self.ends if end > now]
        if len(self.ends) >= rate_at(self.steps, now):
            return Outcome.THROTTLED, None
        self.ends.append(now + self.hold)
        return Outcome.PASSED, None

    def allowed(self, begin: float, end: float) -> float:
        """See :class:`Server`."""
        return total(self.steps, begin, end) / self.hold


@dataclass
class Windows:
    """A fixed window whose limit changes: one after the other."""

    parts: tuple[tuple[float, Window], ...]

    def ask(self, now: float) -> Decision:
        """See :class:`Server`."""
        return next(window for begin, window in reversed(self.parts) if begin <= now).ask(now)

    def allowed(self, begin: float, end: float) -> float:
        """See :class:`Server`; the limits change where windows do."""
        ends = [at for at, _ in self.parts[1:]] + [end]
        spans = [
            (window, max(at, begin), min(until, end))
            for (at, window), until in zip(self.parts, ends, strict=True)
        ]
        return sum(window.allowed(first, last) for window, first, last in spans if first < last)


def _held(
    name: str,
    make: Callable[[int], Server],
    *,
    seconds: float,
    good: float,
    waste: float,
    latency: float = 0.4,
    jitter: float = 0.1,
    ceiling: int = 16,
) -> Scenario:
    def measure(who: str, seed: int) -> tuple[tuple[float, ...], Trace]:
        server = make(seed)
        trace = run(
            server,
            [strategy(who, seed, ceiling=ceiling)],
            seconds=seconds,
            latency=latency,
            seed=seed,
            jitter=jitter,
        )
        return (goodput(server, trace, 0, seconds), trace.wasted()), trace

    measures = (Measure("goodput", good, most=False), Measure("429s", waste, most=True))
    return Scenario(name, measures, measure, make, seconds)


def _steps(high: float, low: float, phase: float = 100.0) -> Steps:
    return ((0, high), (phase, low), (2 * phase, high))


def _bucket(steps: Steps, **more: Any) -> Callable[[int], Server]:
    return lambda _seed: Bucket(steps, **more)


def _noisy(seed: int) -> Server:
    rng = random.Random(f"noise {seed}")
    base = _steps(20, 4)
    return Bucket(tuple((5.0 * n, rate_at(base, 5.0 * n) * rng.uniform(0.85, 1.15)) for n in range(60)))


def _minutes(_seed: int) -> Server:
    return Windows(((0, Window(600)), (120, Window(120)), (240, Window(600))))


def heldout() -> list[Scenario]:
    """All of them; what the letters mean: the quota of A falls to a fifth for a third of the time, and so on."""
    a = _steps(20, 4)
    return [
        _held("A 20 → 4 → 20/s", _bucket(a), seconds=300, good=0.94, waste=0.012),
        _held("G the same, 600 s each", _bucket(_steps(20, 4, 600)), seconds=1800, good=0.98, waste=0.0105),
        _held("An the same as A, no hint", _bucket(a, hint=False), seconds=300, good=0.96, waste=0.021),
        _held(
            "B 2 → 0.4 → 2/s, latency 4 s",
            _bucket(_steps(2, 0.4)),
            seconds=300,
            latency=4,
            good=0.94,
            waste=0.021,
        ),
        _held("C 600 → 120 → 600 a minute", _minutes, seconds=360, good=1.0, waste=0.01),
        _held(
            "D 100 → 20 → 100/s", _bucket(_steps(100, 20)), seconds=300, good=0.94, waste=0.007, ceiling=64
        ),
        _held(
            "E 16 → 3 → 16 in flight", lambda _s: Cap(_steps(16, 3), 0.4), seconds=300, good=0.75, waste=0.015
        ),
        _held("F as A, noise of 15 %", _noisy, seconds=300, good=0.94, waste=0.012),
        _held("H 0.5/s", _bucket(((0, 0.5),)), seconds=300, good=0.99, waste=0.055),
        _held("J as A, 429s count", _bucket(a, charge=True), seconds=300, good=0.94, waste=0.017),
        _held("10/s, burst of 2", _bucket(((0, 10),), burst=0.0), seconds=300, good=0.97, waste=0.01),
        _held(
            "10/s, burst of 2, no hint",
            _bucket(((0, 10),), burst=0.0, hint=False),
            seconds=300,
            good=0.97,
            waste=0.01,
        ),
        _held("10/s, exact hints", _bucket(((0, 10),), whole=False), seconds=300, good=0.97, waste=0.01),
        _held("10/s, latency 0.05 s", _bucket(((0, 10),)), seconds=300, latency=0.05, good=0.97, waste=0.01),
        _held("3/s, latency 4 s", _bucket(((0, 3),)), seconds=600, latency=4, good=0.97, waste=0.01),
        _held("10/s, jitter of 40 %", _bucket(((0, 10),)), seconds=300, jitter=0.4, good=0.97, waste=0.01),
        _held("600 per fixed minute", lambda _s: Window(600), seconds=600, good=0.97, waste=0.03),
    ]
