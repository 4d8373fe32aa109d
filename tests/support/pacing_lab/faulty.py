"""Services with faults: random ones, overload that shows as server errors, and outages; and scenarios on them.

A random fault costs what the request would have cost. Goodput is measured against what the same service gives to a
client that knows everything: all places in use without a limit, the whole quota where there is one.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from .heldout import Cap
from .scenarios import CEILING, GOOD, WASTE, Measure, Scenario, strategy
from .servers import Bucket, Decision, Open, Outcome, Server
from .simulate import Strategy, Trace, run


@dataclass
class Faulty:
    """A service that breaks a share of the requests that it admits.

    Attributes:
        inner: the service.
        share: of the admitted requests, those that break.
        seed: of the choice.
        end: the time from which on none breaks.
    """

    inner: Server
    share: float
    seed: int
    end: float = math.inf
    rng: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.rng = random.Random(f"faults {self.seed}")

    def ask(self, now: float) -> Decision:
        """See :class:`Server`."""
        outcome, wait = self.inner.ask(now)
        if outcome is Outcome.PASSED and now < self.end and self.rng.random() < self.share:
            return Outcome.BROKEN, None
        return outcome, wait

    def allowed(self, begin: float, end: float) -> float:
        """See :class:`Server`."""
        clean = max(0.0, end - max(begin, self.end)) / (end - begin)
        return self.inner.allowed(begin, end) * (1 - self.share * (1 - clean))


@dataclass
class Overload:
    """A service whose refusals are server errors. They give no hint, or one that means nothing."""

    inner: Server
    hint: float | None = None

    def ask(self, now: float) -> Decision:
        """See :class:`Server`."""
        outcome, _ = self.inner.ask(now)
        return (Outcome.OVERLOADED, self.hint) if outcome is Outcome.THROTTLED else (outcome, None)

    def allowed(self, begin: float, end: float) -> float:
        """See :class:`Server`."""
        return self.inner.allowed(begin, end)


@dataclass
class Outage:
    """A service that answers nothing but errors for a time."""

    inner: Server
    begin: float
    end: float

    def ask(self, now: float) -> Decision:
        """See :class:`Server`."""
        return (Outcome.BROKEN, None) if self.begin <= now < self.end else self.inner.ask(now)

    def allowed(self, begin: float, end: float) -> float:
        """See :class:`Server`."""
        return self.inner.allowed(begin, min(end, self.begin)) + self.inner.allowed(self.end, end)


class AllPlaces:
    """A client that keeps every place in use, whatever the answers are: the best where there is no limit."""

    def __init__(self, places: int) -> None:
        self.places = places

    def ready(self, now: float, in_flight: int) -> float:
        """At once while there is a place."""
        return now if in_flight < self.places else math.inf

    def sent(self, now: float) -> int:
        """Nothing to note."""
        return 1

    def answered(self, now: float, started: float, tries: int, outcome: Outcome, wait: float | None) -> None:
        """Nothing to learn."""


Make = Callable[[int], Server]


def best(make: Make, seed: int, *, seconds: float, latency: float, ceiling: int) -> float:
    """Requests that the service can give: its quota, or what all places get done if that is less."""
    server = make(seed)
    allowed = server.allowed(0, seconds)
    if math.isfinite(allowed) and allowed < 0.8 * ceiling / latency * seconds:
        return allowed
    greedy: Strategy = AllPlaces(ceiling)
    return min(allowed, float(len(run(server, [greedy], seconds=seconds, latency=latency, seed=seed).served)))


def faults(
    name: str,
    make: Make,
    *,
    latency: float,
    good: float,
    waste: float | None = None,
    seconds: float = 60.0,
    ceiling: int = CEILING,
) -> Scenario:
    """Goodput of what the service can give; and what is refused, where it refuses."""

    def measure(who: str, seed: int) -> tuple[tuple[float, ...], Trace]:
        client = strategy(who, seed, ceiling=ceiling)
        trace = run(make(seed), [client], seconds=seconds, latency=latency, seed=seed)
        share = len(trace.served) / best(make, seed, seconds=seconds, latency=latency, ceiling=ceiling)
        return ((share, trace.wasted())[: 1 if waste is None else 2]), trace

    measures = [Measure(GOOD, good, most=False)]
    if waste is not None:
        measures.append(Measure("refused", waste, most=True))
    return Scenario(name, tuple(measures), measure, make, seconds)


def outage(
    name: str, *, latency: float, begin: float, length: float, seconds: float, sent: float
) -> Scenario:
    """An outage. Requests into it are those that started in it; back is the first half second at 85 %."""

    def lasts(seed: int) -> float:
        return length + random.Random(f"outage {seed}").uniform(-2, 2)

    def make(seed: int) -> Server:
        return Outage(Open(), begin, begin + lasts(seed))

    def measure(who: str, seed: int) -> tuple[tuple[float, ...], Trace]:
        trace = run(make(seed), [strategy(who, seed)], seconds=seconds, latency=latency, seed=seed)
        rest = seconds - lasts(seed)
        possible = CEILING / latency * rest
        into = sum(at >= begin + latency / 2 for at in trace.broken)
        end, span = begin + lasts(seed), max(0.5, latency)
        back = next(
            (
                n / 20
                for n in range(int((seconds - end) * 20))
                if trace.count(end + n / 20, end + n / 20 + span) >= 0.85 * CEILING / latency * span
            ),
            math.inf,
        )
        return (len(trace.served) / possible, float(into), back), trace

    measures = (
        Measure("of the rest", 0.95, most=False),
        Measure("sent into it", sent, most=True, percent=False),
        Measure("back after", 2.0, most=True, percent=False),
    )
    return Scenario(name, measures, measure, make, seconds)


def cold(name: str, make: Make, *, latency: float, bar: float, ceiling: int = CEILING) -> Scenario:
    """A cold start: seconds until the first second (or round trip) with 85 % of what is possible; and refused."""
    seconds = max(30.0, 10 * latency)

    def measure(who: str, seed: int) -> tuple[tuple[float, ...], Trace]:
        client = strategy(who, seed, ceiling=ceiling)
        trace = run(make(seed), [client], seconds=seconds, latency=latency, seed=seed)
        possible = best(make, seed, seconds=seconds, latency=latency, ceiling=ceiling)
        limited = math.isfinite(make(seed).allowed(0, 1))
        span = 1.0 if limited else latency
        # What a bucket holds at first would pass for a rate: a rate counts once that is used.
        begin = next((at for at in trace.refused), 0.0) if limited else latency / 2
        rate = make(seed).allowed(5, 6) if limited else ceiling / latency
        steady = next(
            (
                begin + n / 20
                for n in range(int((seconds - begin - span) * 20))
                if trace.count(begin + n / 20, begin + n / 20 + span) >= 0.85 * rate * span
            ),
            math.inf,
        )
        return (steady, len(trace.served) / possible, trace.wasted()), trace

    measures = (
        Measure("85 % after", bar, most=True, percent=False),
        Measure(GOOD, 0.95 if latency < 1 else 0.0, most=False),
        Measure(WASTE, 0.03, most=True),
    )
    return Scenario(name, measures, measure, make, seconds)


def _open(share: float) -> Make:
    return lambda seed: Faulty(Open(), share, seed)


def _quota(rate: float, share: float) -> Make:
    return lambda seed: Faulty(Bucket(((0, rate),)), share, seed)


def _overload(rate: float, *, share: float = 0.0, costs: bool = False) -> Make:
    return lambda seed: Faulty(Overload(Bucket(((0, rate),), charge=costs)), share, seed)


def _cold(rate: float, least: float, burst: float = 1.0) -> Make:
    """A bucket that holds at the start any share of its capacity from ``least`` on."""
    return lambda seed: Bucket(
        ((0, rate),), whole=False, burst=burst, full=random.Random(f"full {seed}").uniform(least, 1)
    )


def faulty() -> list[Scenario]:
    """All of them: random faults, faults beside a quota, overload, outages, cold starts."""
    rows = [
        faults(
            f"faults {share:.0%}, latency {latency} s",
            _open(share),
            latency=latency,
            good=0.9 if share == 0.25 else 0.95,
            seconds=60 if latency < 0.1 else 120,
        )
        for latency in (0.05, 0.4)
        for share in (0.01, 0.03, 0.06, 0.12, 0.25)
    ]
    rows += [
        faults(
            f"10/s, faults {share:.0%}", _quota(10, share), latency=0.4, good=0.95, waste=0.015, seconds=120
        )
        for share in (0.05, 0.12)
    ]
    rows += [
        faults(f"overload {rate}/s{more}", make, latency=latency, good=good, waste=waste, seconds=120)
        for rate, latency, more, make, good, waste in (
            (10, 0.4, "", _overload(10), 0.92, 0.05),
            (20, 0.05, "", _overload(20), 0.92, 0.05),
            (25, 0.4, "", _overload(25), 0.92, 0.05),
            (100, 0.05, "", _overload(100), 0.92, 0.05),
            (20, 0.05, ", faults 5%", _overload(20, share=0.05), 0.92, 0.05),
            (20, 0.05, ", refused work costs", _overload(20, costs=True), 0.85, 0.06),
            (20, 0.4, ", refused work costs, latency 0.4 s", _overload(20, costs=True), 0.85, 0.06),
        )
    ]
    rows.append(
        faults(
            "overload beyond 6 at once",
            lambda _seed: Overload(Cap(((0, 6),), 0.4)),
            latency=0.4,
            good=0.92,
            waste=0.05,
            seconds=120,
        )
    )
    rows += [
        outage("outage 10 s of 60", latency=0.05, begin=20, length=10, seconds=60, sent=20),
        outage("outage 30 s of 120", latency=0.05, begin=40, length=30, seconds=120, sent=20),
        outage("outage 30 s of 120, latency 0.4 s", latency=0.4, begin=40, length=30, seconds=120, sent=20),
        outage("outage 600 s of 900", latency=0.05, begin=100, length=600, seconds=900, sent=math.inf),
        cold("cold start, no quota, latency 1 s", lambda _seed: Open(), latency=1.0, bar=3.0),
        cold("cold start, no quota, latency 2 s", lambda _seed: Open(), latency=2.0, bar=6.0),
    ]
    for rate, ceiling in ((40, CEILING), (400, 64)):
        rows += [
            cold(f"cold start, {rate}/s", _cold(rate, 1.0), latency=0.05, bar=3.0, ceiling=ceiling),
            cold(
                f"cold start, {rate}/s, bucket in use",
                _cold(rate, 0.0),
                latency=0.05,
                bar=3.0,
                ceiling=ceiling,
            ),
        ]
    rows.append(cold("cold start, 40/s, burst 0.1 s", _cold(40, 1.0, burst=0.1), latency=0.05, bar=3.0))
    return rows
