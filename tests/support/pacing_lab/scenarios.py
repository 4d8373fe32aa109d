"""The scenarios of the table: a server, a time, what is measured, and the bar beside it."""

import math
import random
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Final

from .overload import FixedWindow, OurWindow, overload
from .resize import REQUESTS, resize
from .servers import Bucket, Open, Server, Steps, Window, rate_at
from .simulate import Strategy, Trace, run
from .strategies import Botocore, Fixed, Netflix, Ours, Paced, one_ledger

CEILING: Final = 16
"""Requests in flight at most, the default of ``--max-uploads``; 100/s at 0.4 s needs 40 and gets 64."""

STRATEGIES: Final = ("ours", "fixed", "netflix", "botocore", "paced")


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of a scenario.

    Attributes:
        name: what it is.
        bar: what it should be.
        most: whether the bar is an upper bound.
        percent: whether it is a share.
    """

    name: str
    bar: float
    most: bool
    percent: bool = True

    def holds(self, value: float) -> bool:
        """Whether the bar is held."""
        return value <= self.bar if self.most else value >= self.bar


@dataclass(frozen=True, slots=True)
class Scenario:
    """One line of the issue's table; ``measure`` runs it once and gives one value for each of ``measures``.

    ``strategies`` are the rules that it can be measured on.
    """

    name: str
    measures: tuple[Measure, ...]
    measure: Callable[[str, int], tuple[tuple[float, ...], Trace]]
    server: Callable[[int], Server]
    seconds: float
    strategies: tuple[str, ...] = STRATEGIES


def strategy(name: str, seed: int, *, ceiling: int = CEILING) -> Strategy:
    """A fresh strategy."""
    match name:
        case "fixed":
            return Fixed(ceiling, seed)
        case "netflix":
            return Netflix(ceiling)
        case "botocore":
            return Botocore(ceiling, seed)
        case "paced":
            return Paced(ceiling)
        case _:
            return Ours(ceiling)


def goodput(server: Server, trace: Trace, begin: float, end: float) -> float:
    """Admitted of allowed."""
    return trace.count(begin, end) / server.allowed(begin, end)


GOOD: Final = "goodput"
WASTE: Final = "429s"


def _at_least(bar: float) -> Measure:
    return Measure(GOOD, bar, most=False)


def _wasted(bar: float) -> Measure:
    return Measure(WASTE, bar, most=True)


def steady(
    name: str,
    make: Callable[[int], Server],
    *,
    latency: float,
    seconds: float,
    good: float,
    waste: float,
    ceiling: int = CEILING,
) -> Scenario:
    """A quota that does not change, from a cold start."""

    def measure(who: str, seed: int) -> tuple[tuple[float, ...], Trace]:
        server = make(seed)
        trace = run(
            server,
            [strategy(who, seed, ceiling=ceiling)],
            seconds=seconds,
            latency=latency,
            seed=seed,
        )
        return (goodput(server, trace, 0, seconds), trace.wasted()), trace

    return Scenario(name, (_at_least(good), _wasted(waste)), measure, make, seconds)


def _phase(seed: int, least: float, most: float) -> float:
    """A moment that no strategy can be in step with."""
    return random.Random(f"phase {seed}").uniform(least, most)


def drop(name: str, *, high: float, low: float, latency: float, hint: bool, waste: float) -> Scenario:
    """The quota falls. Settled: the first 10 s with 85 % of it and at most 5 % refused begin."""
    seconds = 160.0

    def make(seed: int) -> Server:
        return Bucket(((0, high), (_phase(seed, 60, 90), low)), hint=hint)

    def measure(who: str, seed: int) -> tuple[tuple[float, ...], Trace]:
        server = make(seed)
        trace = run(server, [strategy(who, seed)], seconds=seconds, latency=latency, seed=seed)
        at = _phase(seed, 60, 90)
        settled = _first(
            at,
            60.0,
            lambda t: trace.count(t, t + 10) >= 0.85 * low * 10 and trace.wasted(t, t + 10) <= 0.05,
        )
        return (settled, trace.wasted(at, at + 60)), trace

    measures = (Measure("settled", 12, most=True, percent=False), Measure("wasted", waste, most=True))
    return Scenario(name, measures, measure, make, seconds)


def rise(
    name: str, *, steps: Callable[[int], Steps], latency: float, bar: float, span: float, seconds: float
) -> Scenario:
    """The quota rises five-fold: seconds until the first ``span`` with 85 % of it begins."""

    def make(seed: int) -> Server:
        return Bucket(steps(seed))

    def measure(who: str, seed: int) -> tuple[tuple[float, ...], Trace]:
        server = make(seed)
        trace = run(server, [strategy(who, seed)], seconds=seconds, latency=latency, seed=seed)
        at, high = steps(seed)[-1]
        noticed = _first(at, seconds - at - span, lambda t: trace.count(t, t + span) >= 0.85 * high * span)
        return (noticed, trace.wasted()), trace

    measures = (Measure("85 % after", bar, most=True, percent=False), Measure("429s in all", 0.05, most=True))
    return Scenario(name, measures, measure, make, seconds)


def _first(begin: float, longest: float, holds: Callable[[float], bool]) -> float:
    """Seconds from ``begin`` until it holds, by quarters of a second; infinity if it never does."""
    return next((n / 4 for n in range(int(longest * 4)) if holds(begin + n / 4)), math.inf)


def together(name: str, *, ledger: bool) -> Scenario:
    """Three processes that begin 20 s apart on 10 requests/s; shares are those of the last two minutes."""
    seconds, starts = 240.0, (0.0, 20.0, 40.0)

    def make(_seed: int) -> Server:
        return Bucket(((0, 10.0),))

    def measure(who: str, seed: int) -> tuple[tuple[float, ...], Trace]:
        server = make(seed)
        clients = [strategy(who, seed + 1000 * n) for n in range(3)]
        with one_ledger() if ledger and who == "ours" else nullcontext() as meeting:
            trace = run(
                server, clients, seconds=seconds, latency=0.4, seed=seed, starts=starts, meeting=meeting
            )
        shares = [sum(at >= seconds - 120 for at in by) for by in trace.by]
        jain = sum(shares) ** 2 / (3 * sum(share**2 for share in shares))
        return (jain, goodput(server, trace, 0, seconds), trace.wasted()), trace

    measures = (Measure("Jain", 0.98, most=False, percent=False), _at_least(0.95), _wasted(0.05))
    return Scenario(name, measures, measure, make, seconds)


def unlimited(latency: float) -> Scenario:
    """No quota: requests done of those that the best fixed concurrency, the ceiling, gets done."""
    seconds = 60.0 if latency < 1 else 240.0
    ceiling = 16

    def make(_seed: int) -> Server:
        return Open()

    def measure(who: str, seed: int) -> tuple[tuple[float, ...], Trace]:
        def count(name: str) -> tuple[int, Trace]:
            client = strategy(name, seed, ceiling=ceiling)
            trace = run(Open(), [client], seconds=seconds, latency=latency, seed=seed)
            return len(trace.served), trace

        got, trace = count(who)
        return (got / count("fixed")[0],), trace

    return Scenario(
        f"no quota, latency {latency:g} s", (Measure("of best fixed", 0.95, False),), measure, make, seconds
    )


def failing() -> Scenario:
    """A store that takes everything and fails what is too much: see :mod:`overload`."""

    def measure(who: str, seed: int) -> tuple[tuple[float, ...], Trace]:
        best = overload(FixedWindow(50), seed).seconds
        policy = OurWindow() if who == "ours" else FixedWindow(16)
        got = overload(policy, seed)
        return (got.seconds / best, float(got.lost), float(got.needless)), Trace()

    measures = (
        Measure("times best fixed", 1.3, most=True, percent=False),
        Measure("lost", 0, most=True, percent=False),
        Measure("needless", 0, most=True, percent=False),
    )
    some = ("ours", "fixed")  # the other rules are about requests
    return Scenario("FAILED past 50 pending", measures, measure, lambda _seed: Open(), 0.0, strategies=some)


def resized() -> Scenario:
    """The governor's limiter while its tokens change: see :mod:`resize`."""

    def measure(_who: str, seed: int) -> tuple[tuple[float, ...], Trace]:
        seen = resize(seed)
        return (REQUESTS - seen.finished, seen.cancelled, max(seen.beside), seen.woken), Trace()

    measures = (
        Measure("lost", 0, most=True, percent=False),
        Measure("cancelled", 0, most=True, percent=False),
        Measure("in flight at a start", 2, most=True, percent=False),
        Measure("woken", 6, most=False, percent=False),
    )
    return Scenario("10 → 2 → 8 tokens", measures, measure, lambda _seed: Open(), 0.0, strategies=("ours",))


def allowed_at(server: Server, now: float) -> float:
    """Requests per second that are allowed at ``now``, for the picture."""
    if isinstance(server, Bucket):
        return rate_at(server.steps, now)
    return server.limit / server.seconds if isinstance(server, Window) else math.nan


def _bucket(rate: float, **more: Any) -> Callable[[int], Server]:
    return lambda _seed: Bucket(((0, rate),), **more)


def scenarios() -> list[Scenario]:
    """All of them, in the order of the table."""
    return [
        steady("steady 10/s", _bucket(10), latency=0.4, seconds=300, good=0.97, waste=0.01),
        steady("steady 100/s", _bucket(100), latency=0.4, seconds=180, good=0.97, waste=0.01, ceiling=64),
        steady("steady 1/s", _bucket(1), latency=0.4, seconds=3000, good=0.97, waste=0.01),
        steady(
            "steady 10/s, no hint", _bucket(10, hint=False), latency=0.4, seconds=300, good=0.97, waste=0.01
        ),
        drop("drop 20 → 4/s", high=20, low=4, latency=0.4, hint=True, waste=0.05),
        drop("drop 20 → 4/s, no hint", high=20, low=4, latency=0.4, hint=False, waste=0.08),
        drop("drop 20 → 4/s, latency 0.05 s", high=20, low=4, latency=0.05, hint=True, waste=0.05),
        drop("drop 20 → 4/s, latency 0.05 s, no hint", high=20, low=4, latency=0.05, hint=False, waste=0.08),
        drop("drop 10 → 5/s, latency 0.05 s, no hint", high=10, low=5, latency=0.05, hint=False, waste=0.08),
        rise(
            "rise 4 → 20/s",
            steps=lambda seed: ((0, 4), (_phase(seed, 60, 120), 20)),
            latency=0.4,
            bar=20,
            span=5,
            seconds=180,
        ),
        rise(
            "drop and rise 20 → 4 → 20/s",
            steps=lambda seed: ((0, 20), (60, 4), (_phase(seed, 100, 180), 20)),
            latency=0.4,
            bar=20,
            span=5,
            seconds=240,
        ),
        rise(
            "rise 0.4 → 2/s",
            steps=lambda seed: ((0, 0.4), (_phase(seed, 200, 300), 2)),
            latency=4.0,
            bar=60,
            span=10,
            seconds=460,
        ),
        steady("0.5/s, latency 0.4 s", _bucket(0.5), latency=0.4, seconds=600, good=0.95, waste=0.06),
        steady("0.5/s, latency 4 s", _bucket(0.5), latency=4.0, seconds=600, good=0.95, waste=0.06),
        steady("429s count, 20/s", _bucket(20, charge=True), latency=0.4, seconds=150, good=0.93, waste=0.03),
        steady(
            "150 per fixed minute",
            lambda seed: Window(150, phase=_phase(seed, 0, 60)),
            latency=0.4,
            seconds=600,
            good=0.97,
            waste=0.03,
        ),
        together("3 processes, 10/s, one ledger", ledger=True),
        together("3 processes, 10/s, strangers", ledger=False),
        unlimited(0.2),
        unlimited(2.0),
        failing(),
        resized(),
    ]
