"""Tell random faults from congestion: a sequential test, arithmetic only.

A fault is a server error or a broken connection. It is congestion only if fewer come when requests are sent more
slowly. So more faults than usual (a CUSUM alarm) raise a question, and the answer is an experiment: count the faults
at this speed, then at a lower one, until the odds decide.
"""

import math
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

NOISE_FLOOR: Final = 0.005
ALARM: Final = 5.0
SURE: Final = 3.0
SLOWER: Final = 0.7
NOISE_MEMORY: Final = 300.0
NOISE_PRIOR: Final = 50.0
RELAPSE: Final = 10.0
UNDECIDED: Final = 60
OUTAGE_ODDS: Final = 1e-8
OUTAGE_PROBE: Final = 3.0
MAX_NOISE: Final = 0.25
HIGHEST_NOISE: Final = 0.5


class FaultMode(Enum):
    """What the monitor does."""

    CLEAR = "faults are no more frequent than noise"
    MEASURE = "counts faults at the present speed"
    TEST = "counts faults at a lower speed"
    OUTAGE = "all requests fail; sends one at a time"


class Verdict(Enum):
    """What the monitor concluded from an answer."""

    NOTHING = "no news"
    NOISE = "as many faults at a lower speed: they are random"
    REFUSED = "too many faults for noise, where a limit is known"
    CONGESTION = "fewer faults at a lower speed: the service is overloaded"


@dataclass(frozen=True, slots=True)
class FaultMonitor:
    """Counts of faults, and the experiment that they started.

    Attributes:
        mode: the mode.
        noise: share of requests that fail at any speed.
        score: CUSUM of the faults against the noise.
        run: faults since the last success.
        deficit: faults that no success has made up for; that many tokens are missing.
        since: answers to requests that started before do not count.
        answers: answers that counted since ``since``.
        faults: faults among them.
        base_answers: answers at the speed before the test.
        base_faults: faults among them.
        passed_rate: successes per second at the speed before the test.
        limit: requests per second at most, while it tests.
        last_departure: when the last request started, or should have.
        congested: whether the service is overloaded, so that a fault can be a refusal.
        probed: whether a request of an outage failed.
    """

    mode: FaultMode = FaultMode.CLEAR
    noise: float = NOISE_FLOOR
    seen: float = NOISE_PRIOR
    recovered_at: float = -math.inf
    outage_at: float = -math.inf
    score: float = 0.0
    run: int = 0
    deficit: int = 0
    since: float = -math.inf
    answers: int = 0
    faults: int = 0
    base_answers: int = 0
    base_faults: int = 0
    passed_rate: float = 0.0
    delivered: float = 0.0
    delivered_at: float = 0.0
    limit: float = math.inf
    last_departure: float = -math.inf
    congested: bool = False
    calm_answers: int = 0
    calm_faults: int = 0
    probed: bool = False

    @property
    def outage_run(self) -> int:
        """Faults in a row from which on noise cannot be the cause."""
        return math.ceil(math.log(OUTAGE_ODDS) / math.log(max(self.noise, MAX_NOISE)))


def departure(monitor: FaultMonitor, now: float) -> float:
    """Earliest time at which the next request may start."""
    return max(now, monitor.last_departure + 1 / monitor.limit)


def departed(monitor: FaultMonitor, now: float) -> FaultMonitor:
    """Record that a request starts."""
    if monitor.limit == math.inf:
        return monitor
    step = 1 / monitor.limit
    return replace(monitor, last_departure=max(monitor.last_departure + step, now - step))


def throttled(monitor: FaultMonitor, now: float) -> FaultMonitor:
    """Start counting anew: the speed changes."""
    return replace(monitor, since=max(monitor.since, now), answers=0, faults=0)


def answered(
    monitor: FaultMonitor, *, started: float, now: float, fault: bool, counted: bool, speed: float
) -> tuple[FaultMonitor, Verdict]:
    """Record an answer that is no 429."""
    run = monitor.run + 1 if fault else 0
    deficit = monitor.deficit + 1 if fault else max(0, monitor.deficit - 1)
    monitor = replace(monitor, run=run, deficit=deficit)
    if not fault:
        decay = math.exp(monitor.delivered_at - now)
        monitor = replace(monitor, delivered=monitor.delivered * decay + 1, delivered_at=now)
    if monitor.mode is FaultMode.OUTAGE:
        return _in_outage(monitor, started, now, fault, speed), Verdict.NOTHING
    if run >= monitor.outage_run:
        first = now + 2 * (now - started)
        outage = _enter(
            monitor, now, FaultMode.OUTAGE, limit=1 / OUTAGE_PROBE, last_departure=first - OUTAGE_PROBE
        )
        return replace(outage, outage_at=now), Verdict.NOTHING
    if started <= monitor.since:
        return monitor, Verdict.NOTHING
    monitor = replace(monitor, answers=monitor.answers + 1, faults=monitor.faults + fault)
    match monitor.mode:
        case FaultMode.CLEAR:
            return _clear(monitor, now, fault, counted, speed)
        case FaultMode.MEASURE:
            return _measure(monitor, now, speed), Verdict.NOTHING
        case _:
            return _test(monitor, now, speed)


def _clear(
    monitor: FaultMonitor, now: float, fault: bool, calm: bool, speed: float
) -> tuple[FaultMonitor, Verdict]:
    noise = monitor.noise
    more = min(0.9, 2 * noise + (0.15 if calm else 0.5))
    score = max(
        0.0, monitor.score + (math.log(more / noise) if fault else math.log((1 - more) / (1 - noise)))
    )
    monitor = replace(monitor, score=score)
    if monitor.congested and calm:
        monitor = replace(
            monitor, calm_answers=monitor.calm_answers + 1, calm_faults=monitor.calm_faults + fault
        )
        n, f = monitor.calm_answers, monitor.calm_faults
        if (
            fault
            and f >= 4
            and _log_likelihood(f, n, max(f / n, noise)) - _log_likelihood(f, n, noise) > 2 * SURE
        ):
            return _slow_down(replace(monitor, answers=n, faults=f), now, speed), Verdict.NOTHING
        if n >= NOISE_MEMORY:
            monitor = replace(_learn_many(monitor, f, n), calm_answers=0, calm_faults=0)
    elif calm:
        monitor = _learn_many(monitor, int(fault), 1)
    if score <= (SURE if monitor.congested else ALARM):
        return monitor, Verdict.NOTHING
    if monitor.congested:
        return replace(monitor, score=0.0), Verdict.REFUSED
    return _enter(monitor, now, FaultMode.MEASURE), Verdict.NOTHING


def _learn_many(monitor: FaultMonitor, faults: int, answers: int) -> FaultMonitor:
    seen = monitor.seen + answers
    noise = _bounded(monitor.noise + (faults / answers - monitor.noise) * answers / seen)
    return replace(monitor, noise=noise, seen=min(NOISE_MEMORY, seen), calm_answers=0, calm_faults=0)


def _measure(monitor: FaultMonitor, now: float, speed: float) -> FaultMonitor:
    n, f = monitor.answers, monitor.faults
    odds = _log_likelihood(f, n, min(0.9, max(2 * monitor.noise + 0.03, f / n))) - _log_likelihood(
        f, n, monitor.noise
    )
    if odds < -1 or (n >= 200 and odds < 2 * SURE):
        return _learn_many(_enter(monitor, now, FaultMode.CLEAR), f, n)
    if odds > 2 * SURE and n - f >= 8 and (n >= 40 or (n >= 16 and f > 0.45 * n)):
        return _slow_down(monitor, now, speed)
    return monitor


def _slow_down(monitor: FaultMonitor, now: float, speed: float) -> FaultMonitor:
    passed = monitor.answers - monitor.faults
    speed = min(speed, monitor.limit)
    if speed == math.inf:
        passed_rate = max(0.5, passed / max(1e-3, now - monitor.since))
    else:
        passed_rate = speed * max(passed / monitor.answers, 0.5 if monitor.congested else 0.0)
    return replace(
        _enter(monitor, now, FaultMode.TEST, limit=SLOWER * passed_rate, last_departure=now),
        base_answers=monitor.answers,
        base_faults=monitor.faults,
        passed_rate=passed_rate,
    )


def _test(monitor: FaultMonitor, now: float, speed: float) -> tuple[FaultMonitor, Verdict]:
    n, f, n0, f0 = monitor.answers, monitor.faults, monitor.base_answers, monitor.base_faults
    same = _predictive(f, n, f0, n0)
    fewer = _predictive(f, n, 0, 5 * n0 / max(1, f0) - 1)
    more = _log_likelihood(f, n, f / n) if f / n > f0 / n0 else -math.inf
    if more - same > SURE:
        return (_slow_down(monitor, now, speed) if n >= 12 else monitor), Verdict.NOTHING
    if same - fewer > SURE:
        noise = _bounded((f0 + f) / (n0 + n))
        return replace(
            _enter(monitor, now, FaultMode.CLEAR),
            noise=noise,
            seen=NOISE_PRIOR + n + n0,
            calm_answers=0,
            calm_faults=0,
        ), Verdict.NOISE
    if fewer - same > ALARM and n >= 4:
        noise = _bounded((f + 0.1) / (n + 10))
        return replace(
            _enter(monitor, now, FaultMode.CLEAR),
            noise=noise,
            seen=NOISE_PRIOR,
            congested=True,
            calm_answers=0,
            calm_faults=0,
        ), Verdict.CONGESTION
    if n >= UNDECIDED:
        return _enter(monitor, now, FaultMode.MEASURE), Verdict.NOTHING
    return monitor, Verdict.NOTHING


def _in_outage(monitor: FaultMonitor, started: float, now: float, fault: bool, speed: float) -> FaultMonitor:
    if started <= monitor.since:
        return monitor
    if fault:
        return replace(monitor, probed=True)
    if monitor.probed and monitor.outage_at > monitor.recovered_at + RELAPSE:
        return replace(_enter(monitor, now, FaultMode.CLEAR), deficit=0, recovered_at=now)
    passed = monitor.delivered * math.exp(monitor.delivered_at - now)
    passed = max(0.5, passed if speed == math.inf else max(passed, SLOWER * speed))
    return replace(
        _enter(monitor, now, FaultMode.TEST, limit=SLOWER * passed, last_departure=now),
        base_answers=monitor.outage_run,
        base_faults=monitor.outage_run,
        passed_rate=passed,
        deficit=0,
    )


def _enter(
    monitor: FaultMonitor,
    now: float,
    mode: FaultMode,
    limit: float = math.inf,
    last_departure: float = -math.inf,
) -> FaultMonitor:
    return replace(
        monitor,
        mode=mode,
        since=now,
        answers=0,
        faults=0,
        score=0.0,
        limit=limit,
        last_departure=last_departure,
        probed=False,
    )


def _predictive(faults: int, answers: int, base_faults: float, base_answers: float) -> float:
    """Logarithm of the likelihood of the counts at the share that the base counts tell, as exactly as they tell it."""
    a, b = base_faults + 0.5, base_answers - base_faults + 0.5
    up = math.lgamma(a + faults) + math.lgamma(b + answers - faults) - math.lgamma(a + b + answers)
    return up - math.lgamma(a) - math.lgamma(b) + math.lgamma(a + b)


def _log_likelihood(faults: int, answers: int, share: float) -> float:
    share = min(1 - 1e-3, max(1e-3, share))
    return faults * math.log(share) + (answers - faults) * math.log(1 - share)


def _bounded(noise: float) -> float:
    return min(HIGHEST_NOISE, max(NOISE_FLOOR, noise))
