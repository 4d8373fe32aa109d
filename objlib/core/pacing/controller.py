"""How fast requests may start: arithmetic only, time comes in as a number and a decision goes out.

A quota is found by running into it once, measured (:mod:`lessons`), and then held. Requests are spaced (a limit on
concurrency alone cannot hold a rate: in flight = rate x latency). What the service allowed and nobody used is counted
along (:mod:`pace`) and spent; and now and then the pace tries a little faster, because nothing but a push-back can tell
how much is allowed. How it was found, and what it reaches: docs/governor.md.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from objlib.core.pacing import estimator
from objlib.core.pacing.state import (
    CRUISE,
    SLOWEST,
    UNSURE,
    Pace,
    PacingPhase,
    calm,
    gain,
    owed,
    reserve,
    speed,
)

GROW: Final = 0.5
"""Growth of the window for each success while no limit is known: by half in a round trip."""
SPEND: Final = 1.2
"""Share of the rate at which what is owed is spent."""
AHEAD: Final = 0.6
"""Once a probe got so many seconds' worth more than was due, more is allowed, and it becomes a climb."""
STEEPER: Final = 1.7
"""Growth of what the pace is above the rate, in each round trip of a climb,"""
HASTE: Final = 0.7
"""which is taken to last so many seconds at least: a bucket that holds a second hides any haste."""
BLINK: Final = 0.25
"""Seconds that an epoch lasts at least, for the same reason."""
LATE: Final = 1.25
"""Round trips after which the answers to what was in flight are in."""
GAP: Final = 0.4
"""Round trips of silence after push-back, so that the next request does not meet what is still on its way."""
AWHILE: Final = 0.5
"""Share of what the bucket holds that is saved while all answers to it come in, if the service says when to come back:
what to do is known then, and nothing ran over."""
FEW: Final = 6
"""So few admitted before the first push-back say little about the rate: the search goes on,"""
SOON: Final = 1.0
"""unless the service asks for more than so many seconds, which a quick one does not."""
VAGUE: Final = 0.25
"""Round trips by which two waits may differ that end at the same moment; a wait in whole seconds is vague by one."""
HURRY: Final = 2.0
"""How many times its rate a window of time is used up at most, so that a rise is noticed within the window,"""
OVERRUN: Final = 0.018
"""and so that no more than this share of it is refused: the first, and what is in flight then."""
SHORTEST: Final = 0.001
"""Seconds that a request is taken to last at least."""


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
        pace = estimator.assessed(pace)
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
    pace = replace(estimator.assessed(pace), rtt=rtt, admitted=pace.admitted + 1)
    return _onward(pace, started) if pace.busy else pace


def pushed_back(pace: Pace, *, started: float, now: float, retry_after: float | None, in_use: int) -> Pace:
    """The service pushed back on a request that had ``started``; ``retry_after`` are its seconds, if it said.

    All push-back of requests started before the first of it was known is one piece of news. The latest gate wins.
    """
    if retry_after is not None:
        pace = replace(pace, gate=max(pace.gate, now + retry_after))
    if started <= pace.cut_at + max(0.0, BLINK - pace.rtt):
        gated = max(0.0, pace.gate - pace.cut_at) if pace.gated else 0.0
        refused = pace.refused + (started > pace.since)
        return replace(pace, refused=refused, gated=gated, moved=_moved(pace, retry_after))
    pace = replace(pace, rtt=pace.rtt or max(now - started, 0.05))
    was = min(speed(pace), (in_use + 1) / pace.rtt)
    pace = estimator.assessed(pace)
    # A wait this long is a window of time that is used up: the answers to come say nothing about the rate. Where there
    # was one, a short wait is the end of the next.
    window = retry_after is not None and (retry_after > 2 + 4 * pace.rtt or pace.whole > 0)
    hinted = started + (retry_after or 0.0)
    empty = hinted if window else started
    blind = not pace.learnt and pace.admitted < FEW and (retry_after or 0.0) <= SOON
    if not pace.learnt:
        pace = estimator.first(pace, empty, window=window)
    elif window:
        pace = estimator.used_up(pace, empty)
    else:
        pace = estimator.refused(pace, was, empty)
    gated = 0.0 if window else max(0.0, pace.gate - now)
    quiet = GAP * pace.rtt
    if retry_after is not None and not window and not blind:
        quiet = max(quiet, min(LATE * pace.rtt, AWHILE * pace.depth))
    saved = PacingPhase.SPENDING if gated and pace.calm == 1 else PacingPhase.CRUISING
    return replace(
        pace,
        phase=PacingPhase.CLIMBING if blind else saved,
        push=gain(pace) if blind else CRUISE,
        since=empty,
        hinted=hinted,
        gated=gated,
        whole=hinted - started if window else 0.0,
        admitted=0,
        cut_at=now,
        passed=0,
        refused=0,
        moved=math.inf if retry_after is None else 0.0,
        turn=max(now + quiet, pace.gate) - 1 / pace.rate,
    )


def _moved(pace: Pace, retry_after: float | None) -> float:
    """How much longer than the first refused request the later ones had to wait, as far as hints can tell."""
    if retry_after is None:
        return pace.moved
    vague = 1.0 if retry_after % 1 == 0 else VAGUE * pace.rtt
    between = max(0.0, pace.admitted - pace.passed) / pace.rate  # let in since the push-back was known
    return max(0.0, pace.gate - pace.cut_at - (pace.hinted - pace.since) - vague - between)


def shared(pace: Pace, rates: Sequence[float], now: float) -> Pace:
    """The pace of one of several processes on the same quota: all of them take the same part.

    ``rates`` are what each of them, this one too, has learnt; 0 where nothing was learnt yet. A probe of one teaches
    all, so each of them probes more rarely.
    """
    total = sum(rates)
    if total <= 0:
        return pace
    rate = max(SLOWEST, total / len(rates))
    if pace.learnt:
        share = rate / pace.rate
        doubt = pace.doubt and replace(
            pace.doubt, rate=share * pace.doubt.rate, admitted=share * pace.doubt.admitted
        )
        return replace(pace, rate=rate, admitted=share * pace.admitted, doubt=doubt, crew=len(rates))
    # What is in flight left at no pace at all: whatever becomes of it says nothing about this one.
    return replace(pace, rate=rate, since=now, hinted=now, admitted=0.0, cut_at=now, crew=len(rates))


def _onward(pace: Pace, started: float) -> Pace:
    """The pace after a success: spend, cruise, then probe; and once more went through than was due, climb."""
    held, kept, phase = owed(pace, started), reserve(pace), pace.phase
    if phase is PacingPhase.SPENDING and held < kept:
        phase = PacingPhase.CRUISING
    if phase in (PacingPhase.SPENDING, PacingPhase.CRUISING) and pace.admitted >= calm(pace):
        phase = PacingPhase.PROBING
    # In a window of time everything passes until it is used up: there it takes as much as was left of the last one.
    if phase is PacingPhase.PROBING and held < -(1 + max(AHEAD, pace.whole) * pace.rate):
        phase = PacingPhase.CLIMBING
        if not pace.whole:
            pace = _afresh(pace, started, held)
    match phase:
        case PacingPhase.SPENDING:
            push = SPEND
        case PacingPhase.CRUISING:
            push = CRUISE if held < kept else 1.0
        case PacingPhase.PROBING:
            push = SPEND if held > kept else gain(pace)
        case _:
            growth = STEEPER ** (1 / max(1.0, speed(pace) * max(pace.rtt, HASTE)))
            push = 1 + (max(pace.push, gain(pace)) - 1) * growth
            if pace.rate < pace.top < push * pace.rate:
                return _back(pace, started)
    if pace.whole:
        in_flight = OVERRUN * pace.rate * pace.known - 1
        push = max(push, min(HURRY, in_flight / (pace.rate * pace.rtt)))
    return replace(pace, phase=phase, push=push)


def _afresh(pace: Pace, started: float, held: float) -> Pace:
    """The rate was too low: it is what went through, the bucket may be full by now, and a measurement begins here."""
    rate = pace.rate * pace.admitted / max(pace.admitted / 2, pace.admitted + held)
    return replace(
        pace,
        rate=rate,
        known=0.0,
        calm=UNSURE,
        since=started - pace.depth,
        gated=0.0,
        refused=0,
        admitted=0.0,
    )


def _back(pace: Pace, started: float) -> Pace:
    """A climb reached the rate from which the quota had fallen: it may well stop there."""
    return replace(
        pace,
        rate=pace.top,
        top=0.0,
        phase=PacingPhase.PROBING,
        push=1.0,
        known=0.0,
        calm=UNSURE,
        since=started,
        gated=0.0,
        admitted=0,
    )
