"""Tell random faults from congestion: a sequential test, arithmetic only.

A fault is a server error or a broken connection. It is congestion only if fewer come when requests are sent more
slowly. So more faults than usual (a CUSUM alarm) raise a question, and the answer is an experiment: count the faults
at this speed, then at a lower one, until the odds decide.
"""

import math
from enum import Enum
from typing import NamedTuple

from objlib.core.pacing.tuning import TUNING


class FaultMode(Enum):
    """Modes of the monitor."""

    CLEAR = "faults are no more frequent than noise"
    MEASURE = "counts faults at the present speed"
    TEST = "counts faults at a lower speed"
    OUTAGE = "all requests fail; sends one at a time"


class Verdict(Enum):
    """Conclusions of the monitor from an answer."""

    NOTHING = "no news"
    NOISE = "as many faults at a lower speed: they are random"
    REFUSED = "too many faults for noise, where a limit is known"
    CONGESTION = "fewer faults at a lower speed: the service is overloaded"


class FaultMonitor(NamedTuple):
    """Counts of faults, and the experiment that they started.

    Attributes:
        mode: the mode.
        noise: estimated share of requests that fail at any speed.
        noise_weight: requests that this estimate rests on.
        score: CUSUM of the faults against the noise (Page, Biometrika 41, 1954).
        run: faults since the last success.
        deficit: faults that no success has made up for; that many tokens are missing.
        since: answers to requests that started before do not count.
        answers: answers that count since then.
        faults: faults among them.
        base_answers: answers at the speed before the test.
        base_faults: faults among them.
        passed_rate: requests per second that passed at that speed.
        delivered: successes of about the last second.
        delivered_at: when ``delivered`` was computed.
        limit: requests per second at most, in a test or an outage.
        last_departure: when the last request started, or should have.
        congested: whether the service is overloaded beyond a rate, so that a fault can be a refusal.
        calm_answers: answers at that rate since the noise was last estimated.
        calm_faults: faults among them.
        confirmed: whether a single request in this outage failed too.
        outage_at: when the last outage began.
        recovered_at: when the last outage ended.
    """

    mode: FaultMode = FaultMode.CLEAR
    noise: float = TUNING.noise_floor
    noise_weight: float = 1.25 * TUNING.full_measure
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
    confirmed: bool = False
    outage_at: float = -math.inf
    recovered_at: float = -math.inf


class Observation(NamedTuple):
    """An answer that is no 429, as the monitor sees it.

    Attributes:
        started: when its request started.
        now: the time.
        fault: whether it is a server error or a broken connection.
        calm: whether the rate was not being probed, so that a fault is noise.
        send_rate: requests per second that start; infinity while no limit is known.
        interval: requests between two refusals of a rate that holds; 0 while no limit is known.
    """

    started: float
    now: float
    fault: bool
    calm: bool
    send_rate: float
    interval: float = 0.0


def departure(monitor: FaultMonitor, now: float) -> float:
    """Earliest time at which the next request may start."""
    return max(now, monitor.last_departure + 1 / monitor.limit)


def departed(monitor: FaultMonitor, now: float) -> FaultMonitor:
    """Record that a request starts; the next one makes up for a late start, by one request at most."""
    if monitor.limit == math.inf:
        return monitor
    step = 1 / monitor.limit
    return monitor._replace(last_departure=max(monitor.last_departure + step, now - step))


def restarted(monitor: FaultMonitor, now: float) -> FaultMonitor:
    """Count anew from ``now``: the send rate has changed."""
    return monitor._replace(since=max(monitor.since, now), answers=0, faults=0)


def answered(monitor: FaultMonitor, answer: Observation) -> tuple[FaultMonitor, Verdict]:
    """Record an answer; a success makes up for itself and for one fault.

    So the requests in flight become fewer while more than half of them fail, whatever the cause.
    """
    counts = answer.started > monitor.since
    answers, bad = monitor.answers + counts, monitor.faults + (counts and answer.fault)
    if answer.fault:
        monitor = monitor._replace(
            run=monitor.run + 1, deficit=monitor.deficit + 1, answers=answers, faults=bad
        )
    else:
        monitor = monitor._replace(
            run=0,
            deficit=max(0, monitor.deficit - 1),
            delivered=_delivered(monitor, answer.now) + 1,
            delivered_at=answer.now,
            answers=answers,
            faults=bad,
        )
    if monitor.mode is FaultMode.OUTAGE:
        return _in_outage(monitor, answer), Verdict.NOTHING
    if monitor.run and monitor.run >= _outage_run(monitor):
        return _start_outage(monitor, answer), Verdict.NOTHING
    if not counts:
        return monitor, Verdict.NOTHING
    match monitor.mode:
        case FaultMode.CLEAR:
            return _clear(monitor, answer)
        case FaultMode.MEASURE:
            return _measure(monitor, answer), Verdict.NOTHING
        case _:
            return _test(monitor, answer)


def _clear(monitor: FaultMonitor, answer: Observation) -> tuple[FaultMonitor, Verdict]:
    """Look for more faults than noise: a CUSUM test of twice the noise and some more.

    At the rate of an overloaded service the alarm is a refusal; but if refusals go on while the rate falls, they may
    be noise after all, and an experiment tells.
    """
    noise = monitor.noise
    more = min(0.9, 2 * noise + (TUNING.expected_faults if answer.calm else 0.5))
    step = math.log(more / noise) if answer.fault else math.log((1 - more) / (1 - noise))
    score = max(0.0, monitor.score + step)
    if score != monitor.score:
        monitor = monitor._replace(score=score)
    if answer.calm and monitor.congested:
        n, f = monitor.calm_answers + 1, monitor.calm_faults + answer.fault
        monitor = monitor._replace(calm_answers=n, calm_faults=f)
        if answer.fault and n >= TUNING.min_measure and _odds(f, n, f / n, noise) > 2 * TUNING.sure:
            return _slow_down(monitor._replace(answers=n, faults=f), answer), Verdict.NOTHING
        if n >= TUNING.noise_memory:
            monitor = _learn(monitor, f, n)
    elif answer.calm:
        monitor = _learn(monitor, int(answer.fault), 1)
    if monitor.score <= (_refusal_odds(monitor, answer) if monitor.congested else TUNING.alarm):
        return monitor, Verdict.NOTHING
    if monitor.congested:
        return monitor._replace(score=0.0), Verdict.REFUSED
    return _enter(monitor, answer.now, FaultMode.MEASURE), Verdict.NOTHING


def _refusal_odds(monitor: FaultMonitor, answer: Observation) -> float:
    """Log odds that make faults a refusal, so that about one comes by chance between two that do not."""
    by_chance = (monitor.noise - TUNING.noise_floor) * answer.interval
    return max(TUNING.sure, math.log(max(1.0, by_chance)))


def _measure(monitor: FaultMonitor, answer: Observation) -> FaultMonitor:
    """Count at the present speed, without the answers that raised the alarm: they are a biased sample."""
    n, f = monitor.answers, monitor.faults
    odds = _odds(f, n, max(2 * monitor.noise + 0.03, f / n), monitor.noise)
    if odds < -1 or (n >= 5 * TUNING.full_measure and odds < 2 * TUNING.sure):
        return _learn(_enter(monitor, answer.now, FaultMode.CLEAR), f, n)
    enough = n >= TUNING.full_measure or (n >= TUNING.min_measure and f > 0.45 * n)
    if odds > 2 * TUNING.sure and enough and n - f >= TUNING.min_measure / 2:
        return _slow_down(monitor, answer)
    return monitor


def _slow_down(monitor: FaultMonitor, answer: Observation) -> FaultMonitor:
    """Start a test below what passes at the present speed."""
    passed = monitor.answers - monitor.faults
    if answer.send_rate == math.inf:
        passed_rate = max(TUNING.min_rate, passed / max(1e-3, answer.now - monitor.since))
    else:
        passed_rate = answer.send_rate * max(passed / monitor.answers, 0.5 if monitor.congested else 0.0)
    return _start_test(monitor, answer.now, passed_rate, base=(monitor.faults, monitor.answers))


def _test(monitor: FaultMonitor, answer: Observation) -> tuple[FaultMonitor, Verdict]:
    """Compare the faults at the lower speed with those before, by the likelihood of either explanation.

    A base that is itself a small count makes an uncertain prediction, so the odds are those of beta-binomial counts.
    """
    n, f, n0, f0 = monitor.answers, monitor.faults, monitor.base_answers, monitor.base_faults
    same = _predictive(f, n, f0, n0)
    fewer = _predictive(f, n, 0, 0.5 / _noise_share(f0 / n0) - 1)
    more = _log_likelihood(f, n, f / n) if f / n > f0 / n0 else -math.inf
    if more - same > TUNING.sure:
        enough = n >= TUNING.min_measure  # what passed before was a burst
        return (_slow_down(monitor, answer) if enough else monitor), Verdict.NOTHING
    clear = _enter(monitor, answer.now, FaultMode.CLEAR)
    if same - fewer > TUNING.sure:
        noise = _bounded((f0 + f) / (n0 + n))
        return clear._replace(noise=noise, noise_weight=1.25 * TUNING.full_measure + n + n0), Verdict.NOISE
    if fewer - same > TUNING.alarm and n >= 4:
        noise = _bounded(f / (n + 10))
        weight = 1.25 * TUNING.full_measure
        return clear._replace(noise=noise, noise_weight=weight, congested=True), Verdict.CONGESTION
    if n >= 1.5 * TUNING.full_measure:
        # Undecided, since the faults are few: those at the lower speed are noise.
        return _learn(_enter(monitor, answer.now, FaultMode.MEASURE), f, n), Verdict.NOTHING
    return monitor, Verdict.NOTHING


def _noise_share(share: float) -> float:
    """Share of faults expected at a lower speed if ``share`` is congestion: a tenth of it, as ten shares can tell.

    Where most requests fail the tenth is little, and a service with much noise would pass for one without congestion.
    """
    return max(1e-3, share) * max(0.1, min(TUNING.assumed_noise, share - 0.5))


def _outage_run(monitor: FaultMonitor) -> int:
    """Faults in a row that noise cannot explain."""
    return math.ceil(math.log(TUNING.outage_odds) / math.log(max(monitor.noise, TUNING.assumed_noise)))


def _start_outage(monitor: FaultMonitor, answer: Observation) -> FaultMonitor:
    """Send single requests; the first soon, since an overloaded service answers it."""
    soon = answer.now + 2 * (answer.now - answer.started) - TUNING.outage_probe
    outage = _enter(monitor, answer.now, FaultMode.OUTAGE)
    return outage._replace(limit=1 / TUNING.outage_probe, last_departure=soon, outage_at=answer.now)


def _in_outage(monitor: FaultMonitor, answer: Observation) -> FaultMonitor:
    """Wait for a success. If single requests failed before it, the outage is over: full speed.

    If none did, or the outage came back at once, the requests failed because there were many: test that.
    """
    if answer.started <= monitor.since:
        return monitor
    if answer.fault:
        return monitor._replace(confirmed=True)
    if monitor.confirmed and monitor.outage_at > monitor.recovered_at + 3 * TUNING.outage_probe:
        return _enter(monitor, answer.now, FaultMode.CLEAR)._replace(deficit=0, recovered_at=answer.now)
    passed_rate = max(TUNING.min_rate, _delivered(monitor, answer.now))
    if answer.send_rate < math.inf:
        passed_rate = max(passed_rate, TUNING.test_gain * answer.send_rate)
    run = _outage_run(monitor)
    return _start_test(monitor, answer.now, passed_rate, base=(run, run))._replace(deficit=0)


def _start_test(monitor: FaultMonitor, now: float, passed_rate: float, base: tuple[int, int]) -> FaultMonitor:
    faults, answers = base
    return _enter(monitor, now, FaultMode.TEST)._replace(
        limit=TUNING.test_gain * passed_rate,
        last_departure=now,
        base_answers=answers,
        base_faults=faults,
        passed_rate=passed_rate,
    )


def _enter(monitor: FaultMonitor, now: float, mode: FaultMode) -> FaultMonitor:
    """Change the mode and count anew, without a limit."""
    return monitor._replace(
        mode=mode,
        since=now,
        answers=0,
        faults=0,
        calm_answers=0,
        calm_faults=0,
        score=0.0,
        limit=math.inf,
        last_departure=-math.inf,
        confirmed=False,
    )


def _learn(monitor: FaultMonitor, faults: int, answers: int) -> FaultMonitor:
    """Weigh a count into the estimate of the noise."""
    weight = monitor.noise_weight + answers
    noise = _bounded(monitor.noise + (faults - monitor.noise * answers) / weight)
    weight = min(TUNING.noise_memory, weight)
    return monitor._replace(noise=noise, noise_weight=weight, calm_answers=0, calm_faults=0)


def _delivered(monitor: FaultMonitor, now: float) -> float:
    """Successes per second, smoothed over about a second."""
    return monitor.delivered * math.exp(monitor.delivered_at - now)


def _bounded(noise: float) -> float:
    return min(2 * TUNING.assumed_noise, max(TUNING.noise_floor, noise))


def _odds(faults: int, answers: int, share: float, other: float) -> float:
    """Log odds of one share of faults against another."""
    return _log_likelihood(faults, answers, min(0.9, share)) - _log_likelihood(faults, answers, other)


def _predictive(faults: int, answers: int, base_faults: float, base_answers: float) -> float:
    """Log likelihood of counts given other counts of the same share (beta-binomial, Jeffreys prior)."""
    a, b = base_faults + 0.5, base_answers - base_faults + 0.5
    both = math.lgamma(a + faults) + math.lgamma(b + answers - faults) - math.lgamma(a + b + answers)
    return both - math.lgamma(a) - math.lgamma(b) + math.lgamma(a + b)


def _log_likelihood(faults: int, answers: int, share: float) -> float:
    share = min(1 - 1e-3, max(1e-3, share))
    return faults * math.log(share) + (answers - faults) * math.log(1 - share)
