"""How fast requests may start: arithmetic only, time comes in as a number and a decision goes out.

A quota is found by running into it once, measured, and then held from just below. Between two push-backs the
service admitted exactly what it allows, so *admitted / seconds* is its rate without bias; no factor has to be
guessed. Requests are spaced (a limit on concurrency alone cannot hold a rate: in flight = rate x latency), a
little slower than that rate, and now and then the pace tries a little faster, because nothing but a push-back
can tell how much is allowed. How it was found, and what it reaches: docs/governor.md.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

CRUISE: Final = 0.975
"""Share of the measured rate that is used between two probes; the rest is what measuring may err by."""
GROW: Final = 0.75
"""Growth of the window for each success while no limit is known: by three quarters in a round trip."""
CALM: Final = 75.0
"""Admitted requests between two probes. A probe costs a push-back, so this is the waste of a steady run."""
FEWEST: Final = 12.0
"""The same at least, for services so slow that more of them would take minutes."""
REST: Final = 11.0
"""Seconds between two probes, since each may close the gate for one of them."""
WARY: Final = 0.55
"""Share of that calm after a surprise: a quota that has just changed may change again."""
TRUSTING: Final = 2.2
"""The same when the quota has stood for long."""
TRUST: Final = 1.3
"""Growth of that share with each calm that held."""
NUDGE: Final = 1.005
"""Growth of the rate with each calm that held: what is lost by being too low, no push-back would ever tell."""
SLOWER: Final = 0.5
"""The most that one surprise lowers the rate, and, without a hint, the pace until all answers to it are in."""
SURPRISE: Final = 0.85
"""The least that a surprise lowers it."""
FELL: Final = 0.75
"""If the answers to what was in flight at a push-back tell of less than this share of the rate, the quota fell."""
DOUBT: Final = 0.85
"""How far they are trusted then: the first that passed lived on what had been saved."""
AHEAD: Final = 0.3
"""Once a probe got so many seconds' worth more than was due, more is allowed, and it becomes a climb."""
RAMP: Final = 1.3
"""Growth of the pace in each round trip of a climb."""
SPARE: Final = 0.25
"""The most of a measurement's time that is left out because the gate was closed."""
LATE: Final = 1.25
"""Round trips after which the answers to what was in flight are in."""
GAP: Final = 0.4
"""Round trips of silence after push-back, so that the next request does not meet what is still on its way."""
BLINK: Final = 0.25
"""Seconds that an epoch, and a round trip of a climb, last at least: a bucket that holds a second hides any haste."""
SHORTEST: Final = 0.001
"""Seconds that a request is taken to last at least."""
SLOWEST: Final = 1 / 12
"""Requests per second that are always tried. A quota of fewer than some per minute says when to come back, and the gate
holds it; broken answers say nothing, and a rate that they took away has to come back within a run."""
PATIENCE: Final = 60.0
"""Seconds after which a slow pace is probed, however few were admitted."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The state of one budget.

    Attributes:
        ceiling: the most requests that may ever be in flight.
        window: how many may be in flight before a limit was met.
        rtt: smoothed seconds per request, 0 before the first answer.
        rate: requests per second that the service admits; infinity before the first push-back.
        push: the pace as a multiple of the rate: below 1 at cruise, above in a probe.
        calm: admitted requests before the next probe, as a share of the full number.
        since: when the span of the measurement begins: a moment at which nothing was left of the quota.
        hinted: the same, with the wait that the service asked for then.
        gated: seconds for which that closed the gate.
        admitted: requests admitted since.
        cut_at: when the last news of a push-back came; push-back of requests started before it is old news.
        before: the pace at that moment while its answers still come in, else 0.
        least: what these answers may lower the rate to.
        passed: requests admitted of those in flight then that started after the first refused one.
        refused: and how many of them were not.
        turn: when the last request started, or should have.
        busy: whether requests wait for their turn; a pace that nobody uses teaches nothing.
        gate: no request may start before this time.
    """

    ceiling: int
    window: float = 4.0
    rtt: float = 0.0
    rate: float = math.inf
    push: float = CRUISE
    calm: float = WARY
    since: float = math.nan
    hinted: float = math.nan
    gated: float = 0.0
    admitted: int = 0
    cut_at: float = -math.inf
    before: float = 0.0
    least: float = 0.0
    passed: int = 0
    refused: int = 0
    turn: float = -math.inf
    busy: bool = False
    gate: float = -math.inf

    @property
    def learnt(self) -> bool:
        """Whether a limit was met."""
        return self.rate < math.inf


def speed(pace: Pace) -> float:
    """Requests per second that start now; infinity while no limit is known."""
    return pace.rate * (SLOWER if pace.before and pace.gate <= pace.cut_at else pace.push)


def tokens(pace: Pace, now: float) -> int:
    """How many tokens the limiter should have: none while the gate is closed, else at least one.

    Once a rate is known, the spacing holds it, and the tokens are only twice what that rate keeps in flight.
    """
    if now < pace.gate:
        return 0
    wanted = 2 * speed(pace) * pace.rtt + 1 if pace.learnt else pace.window
    return max(1, min(pace.ceiling, math.ceil(wanted)))


def departure(pace: Pace, now: float) -> float:
    """The earliest moment at which the next request may start."""
    return max(now, pace.gate, pace.turn + 1 / speed(pace))


def departed(pace: Pace, now: float) -> Pace:
    """A request starts at ``now``. One that starts late is made up for by the next, but no more than one.

    Time in which nobody wanted to send is taken out of the measurement.
    """
    if not pace.learnt:
        return replace(pace, since=now, hinted=now) if math.isnan(pace.since) else pace
    if pace.turn == -math.inf:  # the rate came from an earlier run or another process
        return replace(pace, since=now, hinted=now, turn=now, admitted=0, busy=True)
    if now > pace.cut_at + LATE * pace.rtt:
        pace = _assessed(pace)
    step = 1 / speed(pace)
    due = max(pace.turn + step, pace.gate)
    idle = now - due
    if idle <= max(step, 0.005):
        return replace(pace, turn=max(due, now - step), busy=True)
    return replace(pace, turn=now, busy=False, since=pace.since + idle, hinted=pace.hinted + idle)


def succeeded(pace: Pace, *, started: float, now: float, in_use: int) -> Pace:
    """A request that had ``started`` was answered, with ``in_use`` tokens borrowed."""
    took = max(SHORTEST, now - started)
    rtt = took if pace.rtt == 0 else 0.9 * pace.rtt + 0.1 * took
    if not pace.learnt:
        window = pace.window + GROW if in_use >= math.floor(pace.window) else pace.window
        return replace(pace, rtt=rtt, window=min(float(pace.ceiling), window), admitted=pace.admitted + 1)
    if started <= pace.cut_at:
        later = int(started > pace.since)
        return replace(pace, rtt=rtt, passed=pace.passed + later, admitted=pace.admitted + later)
    pace = replace(_assessed(pace), rtt=rtt, admitted=pace.admitted + 1)
    return replace(pace, push=_pushed(pace, started)) if pace.busy else pace


def pushed_back(pace: Pace, *, started: float, now: float, retry_after: float | None, in_use: int) -> Pace:
    """The service pushed back on a request that had ``started``; ``retry_after`` are its seconds, if it said.

    All push-back of requests started before the first of it was known is one piece of news. The latest gate wins.
    """
    if retry_after is not None:
        pace = replace(pace, gate=max(pace.gate, now + retry_after))
    if started <= pace.cut_at + max(0.0, BLINK - pace.rtt):
        return replace(pace, refused=pace.refused + (started > pace.since))
    pace = _assessed(pace)
    rtt = pace.rtt or max(now - started, 0.05)
    was = min(speed(pace), (in_use + 1) / rtt)
    hinted = started + (retry_after or 0.0)
    measured = _measured(pace, hinted, rtt)
    # A wait this long is a window of time that is used up: the answers to come say nothing about the rate.
    long = retry_after is not None and retry_after > 2 + 4 * rtt
    calm, rate, least = _lesson(pace, measured, measured if long else was, in_use)
    doubt = DOUBT if calm == WARY and pace.learnt and pace.push < 1 else 1.0
    rate = max(SLOWEST, min(rate, was))
    return replace(
        pace,
        rtt=rtt,
        rate=rate,
        push=CRUISE,
        calm=calm,
        since=started,
        hinted=hinted,
        gated=0.0 if long or pace.gate <= now else pace.gate - now + rtt,
        admitted=0,
        cut_at=now,
        before=0.0 if long else was * doubt,
        least=least,
        passed=0,
        refused=0,
        turn=max(now, pace.gate) + GAP * rtt - 1 / rate,
    )


def shared(pace: Pace, rates: Sequence[float]) -> Pace:
    """The pace of one of several processes on the same quota: all of them take the same part.

    ``rates`` are what each of them, this one too, has learnt; 0 where nothing was learnt yet.
    """
    total = sum(rates)
    return replace(pace, rate=max(SLOWEST, total / len(rates))) if total > 0 else pace


def _lesson(pace: Pace, measured: float, was: float, in_use: int) -> tuple[float, float, float]:
    """What push-back teaches: (the next calm, the rate, what the answers still to come may lower it to).

    After the first, the answers to come decide between what was measured and the pace. One in the calm is a surprise.
    One after it tells that the rate holds, or, in a climb, that the quota lies between the last two round trips.
    """
    if not pace.learnt:
        return WARY, max(measured, was / RAMP) if in_use >= 4 else measured, measured
    share, climb = pace.admitted / _calm(pace), pace.push / _gain(pace)
    if share < 0.5:
        return WARY, min(max(measured, was * SLOWER), was * SURPRISE), was / 5
    if share < 1:
        return pace.calm, max(measured, was * SLOWER), was / 5
    least = max(measured, pace.rate * NUDGE)
    calm = WARY if climb > RAMP**2 else min(TRUSTING, TRUST * pace.calm)
    return calm, max(least, was / RAMP) if climb > 1 else least, least


def _measured(pace: Pace, hinted: float, rtt: float) -> float:
    """Requests per second that were admitted since the last push-back.

    Both ends are moments at which the quota was used up, or, with a hint, at which it is said to be renewed.
    What was saved while the gate was closed may be lost (a bucket holds so much), so some of that time is left out.
    """
    span = max(hinted - pace.hinted, rtt / 4)
    return (pace.admitted if pace.learnt else max(pace.admitted, 1)) / (
        span - min(pace.gated / 2, SPARE * span)
    )


def _calm(pace: Pace) -> float:
    """Admitted requests before a probe."""
    return max(
        min(FEWEST, PATIENCE * pace.rate),
        pace.calm * max(CALM * min(pace.rate**2, 1 / math.sqrt(pace.rate)), REST * pace.rate),
    )


def _gain(pace: Pace) -> float:
    """How much faster a probe is: by half a request in a round trip, but not by very little or very much."""
    return 1 + min(0.5, max(0.1, 0.55 / max(1e-9, pace.rate * pace.rtt)))


def _pushed(pace: Pace, started: float) -> float:
    """The pace after a success: cruise; then a probe; and once more went through than was due, ever faster."""
    if pace.admitted < _calm(pace):
        return pace.push
    ahead = pace.admitted - pace.rate * (started - pace.since)
    if pace.push < 1 or ahead < max(1.0, AHEAD * pace.rate):
        return max(pace.push, _gain(pace))
    growth: float = RAMP ** (1 / max(1.0, speed(pace) * max(pace.rtt, BLINK)))
    return pace.push * growth


def _assessed(pace: Pace) -> Pace:
    """All answers to the last push-back are in: what share of them passed tells of a quota that fell far."""
    if not pace.before:
        return pace
    rate, seen = pace.rate, pace.passed + pace.refused
    implied = pace.before * pace.passed / max(1, seen)
    if seen >= 3 and implied < FELL * rate:
        rate = min(rate, max(implied, pace.least))
    return replace(pace, before=0.0, rate=max(SLOWEST, rate))


def backoff(attempt: int, *, jitter: float, base: float = 1.0, cap: float = 60.0) -> float:
    """Seconds until a transient failure is tried again: exponential with full jitter.

    Args:
        attempt: how many attempts there were, from 1.
        jitter: a random number in [0, 1).
        base: the span of the first wait in seconds.
        cap: the longest span.

    Source: Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
    """
    span = min(cap, base * 2.0 ** min(attempt - 1, 30))
    return span * (0.25 + 0.75 * jitter)


def first_poll(settled: Sequence[float]) -> float:
    """Seconds to wait before a new document is asked about, from how long the last ones took.

    Most documents should need one question: a little before the median, between 20 ms and 10 s.
    """
    if not settled:
        return 0.05
    middle = sorted(settled)[len(settled) // 2]
    return min(10.0, max(0.02, 0.8 * middle))


def next_poll(waited: float) -> float:
    """Seconds until the next question after ``waited`` seconds in all: half as long again, at most 10 s."""
    return min(10.0, max(0.05, 0.5 * waited))
