"""How fast requests may start: arithmetic only, time comes in as a number and a decision goes out.

The rule is additive increase, multiplicative decrease on a window that may be a fraction, with spaced
departures. A limit on concurrency alone cannot hold a rate (Little's law: in flight = rate x latency), and a
whole number of tokens cannot send slower than one request per round trip; spacing the starts can.
Constants were found by simulation: one cut of 0.7 per 1.25 round trips, because sixteen simultaneous
push-backs are one piece of news, not sixteen.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

CUT: Final = 0.7
EPOCH: Final = 1.25
SMALLEST_WINDOW: Final = 0.02
FALLBACK_PAUSE: Final = 1.0


@dataclass(frozen=True, slots=True)
class Pace:
    """The state of one budget.

    Attributes:
        ceiling: the most requests that may ever be in flight.
        window: how many may be in flight now; a fraction below 1 only spaces the starts.
        rtt: smoothed seconds per request, 0 before the first answer.
        learnt: whether a push-back was seen, which ends the fast start.
        cut_at: when the window was last cut; push-back of requests started before it is old news.
        next_start: the earliest time of the next departure.
        gate: no request may start before this time.
    """

    ceiling: int
    window: float
    rtt: float = 0.0
    learnt: bool = False
    cut_at: float = -math.inf
    next_start: float = -math.inf
    gate: float = -math.inf


def tokens(pace: Pace, now: float) -> int:
    """How many tokens the limiter should have: none while the gate is closed, else at least one."""
    if now < pace.gate:
        return 0
    return max(1, min(pace.ceiling, math.ceil(pace.window)))


def departure(pace: Pace, now: float) -> float:
    """The earliest moment at which the next request may start."""
    return max(now, pace.gate, pace.next_start)


def departed(pace: Pace, now: float) -> Pace:
    """A request starts at ``now``: the next one keeps its distance once a limit is known."""
    if not pace.learnt or pace.rtt <= 0:
        return pace
    return replace(pace, next_start=now + 0.9 * pace.rtt / pace.window)


def succeeded(pace: Pace, *, seconds: float, in_use: int) -> Pace:
    """A request was answered after ``seconds`` with ``in_use`` tokens borrowed.

    The window grows only while it is really used: an idle budget learns nothing about the service.
    """
    rtt = seconds if pace.rtt == 0 else 0.9 * pace.rtt + 0.1 * seconds
    window = pace.window
    if in_use >= math.floor(window):
        window += min(0.25 / window, 0.015 * window) if pace.learnt else 0.5
    return replace(pace, rtt=rtt, window=min(float(pace.ceiling), window))


def pushed_back(pace: Pace, *, started: float, now: float, retry_after: float | None) -> Pace:
    """The service pushed back on a request that had ``started``; ``retry_after`` are its seconds, if it said.

    A later resume time always wins, so overlapping pauses cannot open the gate too early.
    """
    gate = max(pace.gate, now + retry_after) if retry_after is not None else pace.gate
    if started <= pace.cut_at or now - pace.cut_at < EPOCH * pace.rtt:
        return replace(pace, gate=gate)
    window = max(SMALLEST_WINDOW, pace.window * CUT)
    rtt = pace.rtt or max(now - started, 0.05)
    return replace(pace, gate=gate, window=window, rtt=rtt, learnt=True, cut_at=now)


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
