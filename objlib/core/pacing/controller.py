"""Rate controller: decides when requests may start. Arithmetic only; the time is a parameter.

The controller meets the quota once, measures it (:mod:`estimator`) and holds it. It spaces requests, because a limit on
concurrency alone cannot hold a rate (in flight = rate x latency). It counts and spends the credit that the service
allowed (:mod:`state`). Now and then it probes, because only a refusal tells how much is allowed. How the rule was
found, and its figures: docs/governor.md.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from objlib.core.pacing import estimator
from objlib.core.pacing.state import (
    CRUISE_GAIN,
    LOW_CONFIDENCE,
    MIN_RATE,
    PaceState,
    PacingPhase,
    credit,
    probe_gain,
    probe_interval,
    reserve,
    send_rate,
)

STARTUP_GROWTH: Final = 0.5
"""Requests that each success adds to the window while no limit is known: half a window in a round trip."""
DRAIN_GAIN: Final = 1.2
"""Gain at which saved credit is spent."""
RISE_THRESHOLD: Final = 0.6
"""Seconds' worth of requests beyond what was due that a probe must get through before it becomes a ramp."""
RAMP_GROWTH: Final = 1.7
"""Factor by which a ramp's excess over the rate grows in each round trip."""
MIN_RAMP_RTT: Final = 0.7
"""Shortest round trip (s) assumed for the growth of a ramp: a bucket of one second hides faster growth."""
MIN_EPOCH: Final = 0.25
"""Shortest throttling epoch (s): on a quick link, refusals of one burst arrive over several round trips."""
EPOCH_ROUND_TRIPS: Final = 1.25
"""Round trips after a throttling until the answers to all that was in flight are in."""
QUIET_ROUND_TRIPS: Final = 0.4
"""Round trips of silence after a throttling: the next request must not meet what is still in flight."""
QUIET_BURST_SHARE: Final = 0.5
"""Share of the burst saved while the answers in flight arrive, if the service gave a Retry-After.

The hint says when to come back, and nothing ran over: waiting costs no quota.
"""
MIN_FIRST_SAMPLE: Final = 6
"""Admitted requests below which a first throttling says little about the rate, and the search goes on."""
MAX_SEARCH_WAIT: Final = 1.0
"""Longest Retry-After (s) after which the search goes on: a longer one belongs to a slow quota."""
HINT_ERROR: Final = 0.25
"""Round trips by which two waits may differ that end at the same moment; waits in whole seconds differ by 1 s."""
MAX_WINDOW_GAIN: Final = 2.0
"""Highest gain at which a window of time is used up, so that a rise is noticed within the window."""
WINDOW_WASTE: Final = 0.018
"""Share of a window's requests that may be refused at its end: the first refusal, and what is in flight then."""
MIN_DURATION: Final = 0.001
"""Shortest duration (s) counted for a request; keeps divisions finite."""


def tokens(state: PaceState, now: float) -> int:
    """Tokens for the limiter: none while the gate is closed, else at least one.

    Once a rate is known, spacing holds it; tokens are then twice what the rate keeps in flight.
    """
    if now < state.gate:
        return 0
    wanted = 2 * send_rate(state) * state.rtt + 1 if state.limited else state.window
    return max(1, min(state.ceiling, math.ceil(wanted)))


def departure(state: PaceState, now: float) -> float:
    """Earliest time at which the next request may start."""
    return max(now, state.gate, state.last_departure + 1 / send_rate(state))


def departed(state: PaceState, now: float) -> PaceState:
    """Record that a request starts at ``now``; the next one makes up for a late start, by one request at most.

    The measurement leaves out time in which no request waited.
    """
    if not state.limited:
        return (
            replace(state, measured_since=now, hint_until=now) if math.isnan(state.measured_since) else state
        )
    if state.last_departure == -math.inf:  # the rate came from an earlier run or another process
        return replace(state, measured_since=now, hint_until=now, last_departure=now, admitted=0, busy=True)
    if now > state.throttled_at + EPOCH_ROUND_TRIPS * state.rtt:
        state = estimator.assess(state)
    step = 1 / send_rate(state)
    due = max(state.last_departure + step, state.gate)
    idle = now - due
    if idle <= max(step, 0.005):
        return replace(state, last_departure=max(due, now - step), busy=True)
    return replace(
        state,
        last_departure=now,
        busy=False,
        measured_since=state.measured_since + idle,
        hint_until=state.hint_until + idle,
    )


def succeeded(state: PaceState, *, started: float, now: float, in_use: int) -> PaceState:
    """Record an admitted request that started at ``started``, with ``in_use`` tokens borrowed."""
    took = max(MIN_DURATION, now - started)
    rtt = took if state.rtt == 0 else 0.9 * state.rtt + 0.1 * took
    if not state.limited:
        window = state.window + STARTUP_GROWTH if in_use >= math.floor(state.window) else state.window
        return replace(state, rtt=rtt, window=min(float(state.ceiling), window), admitted=state.admitted + 1)
    if started <= state.throttled_at:
        later = int(started > state.measured_since)
        return replace(
            state, rtt=rtt, passed_in_flight=state.passed_in_flight + later, admitted=state.admitted + later
        )
    state = replace(estimator.assess(state), rtt=rtt, admitted=state.admitted + 1)
    return _advance(state, started) if state.busy else state


def throttled(
    state: PaceState, *, started: float, now: float, retry_after: float | None, in_use: int
) -> PaceState:
    """Record a throttled request that started at ``started``; ``retry_after`` is the hint (s), None without one.

    Refusals of requests that started before the first was known form one epoch and cut once. The latest gate wins.
    """
    if retry_after is not None:
        state = replace(state, gate=max(state.gate, now + retry_after))
    if started <= state.throttled_at + max(0.0, MIN_EPOCH - state.rtt):
        gated_for = max(0.0, state.gate - state.throttled_at) if state.gated_for else 0.0
        refused_in_flight = state.refused_in_flight + (started > state.measured_since)
        return replace(
            state,
            refused_in_flight=refused_in_flight,
            gated_for=gated_for,
            hint_drift=_hint_drift(state, retry_after),
        )
    state = replace(state, rtt=state.rtt or max(now - started, 0.05))
    was = min(send_rate(state), (in_use + 1) / state.rtt)
    state = estimator.assess(state)
    # So long a wait means a used-up window of time: the answers in flight say nothing about the rate. After one such
    # window, a short wait is the end of the next.
    window = retry_after is not None and (retry_after > 2 + 4 * state.rtt or state.window_left > 0)
    hint_until = started + (retry_after or 0.0)
    exhausted_at = hint_until if window else started
    blind = (
        not state.limited and state.admitted < MIN_FIRST_SAMPLE and (retry_after or 0.0) <= MAX_SEARCH_WAIT
    )
    if not state.limited:
        state = estimator.first_limit(state, exhausted_at, window=window)
    elif window:
        state = estimator.window_exhausted(state, exhausted_at)
    else:
        state = estimator.refusal(state, was, exhausted_at)
    gated_for = 0.0 if window else max(0.0, state.gate - now)
    quiet = QUIET_ROUND_TRIPS * state.rtt
    if retry_after is not None and not window and not blind:
        quiet = max(quiet, min(EPOCH_ROUND_TRIPS * state.rtt, QUIET_BURST_SHARE * state.burst))
    saved = PacingPhase.DRAIN if gated_for and state.confidence == 1 else PacingPhase.CRUISE
    return replace(
        state,
        phase=PacingPhase.STARTUP if blind else saved,
        gain=probe_gain(state) if blind else CRUISE_GAIN,
        measured_since=exhausted_at,
        hint_until=hint_until,
        gated_for=gated_for,
        window_left=hint_until - started if window else 0.0,
        admitted=0,
        throttled_at=now,
        passed_in_flight=0,
        refused_in_flight=0,
        hint_drift=math.inf if retry_after is None else 0.0,
        last_departure=max(now + quiet, state.gate) - 1 / state.rate,
    )


def _hint_drift(state: PaceState, retry_after: float | None) -> float:
    """Growth of Retry-After across one throttling epoch (0 without hints)."""
    if retry_after is None:
        return state.hint_drift
    vague = 1.0 if retry_after % 1 == 0 else HINT_ERROR * state.rtt
    between = max(0.0, state.admitted - state.passed_in_flight) / state.rate  # since the first refusal
    return max(
        0.0, state.gate - state.throttled_at - (state.hint_until - state.measured_since) - vague - between
    )


def shared(state: PaceState, rates: Sequence[float], now: float) -> PaceState:
    """Take an equal share of the quota that several processes use.

    ``rates`` holds the rate of each process, this one included; 0 where a process knows no limit. All learn from the
    probe of one, so each probes more rarely.
    """
    total = sum(rates)
    if total <= 0:
        return state
    rate = max(MIN_RATE, total / len(rates))
    if state.limited:
        share = rate / state.rate
        suspicion = state.suspicion and replace(
            state.suspicion, rate=share * state.suspicion.rate, admitted=share * state.suspicion.admitted
        )
        return replace(
            state, rate=rate, admitted=share * state.admitted, suspicion=suspicion, peers=len(rates)
        )
    # Requests in flight started without a rate: their answers say nothing about this one.
    return replace(
        state, rate=rate, measured_since=now, hint_until=now, admitted=0.0, throttled_at=now, peers=len(rates)
    )


def _advance(state: PaceState, started: float) -> PaceState:
    """Choose the phase after a success: drain, cruise, then probe; ramp up if a probe got more than was due."""
    held, kept, phase = credit(state, started), reserve(state), state.phase
    if phase is PacingPhase.DRAIN and held < kept:
        phase = PacingPhase.CRUISE
    if phase in (PacingPhase.DRAIN, PacingPhase.CRUISE) and state.admitted >= probe_interval(state):
        phase = PacingPhase.PROBE
    # In a window of time everything passes until it is used up: there the threshold is what was left of the last one.
    if phase is PacingPhase.PROBE and held < -(1 + max(RISE_THRESHOLD, state.window_left) * state.rate):
        phase = PacingPhase.STARTUP
        if not state.window_left:
            state = _restart(state, started, held)
    match phase:
        case PacingPhase.DRAIN:
            gain = DRAIN_GAIN
        case PacingPhase.CRUISE:
            gain = CRUISE_GAIN if held < kept else 1.0
        case PacingPhase.PROBE:
            gain = DRAIN_GAIN if held > kept else probe_gain(state)
        case _:
            growth = RAMP_GROWTH ** (1 / max(1.0, send_rate(state) * max(state.rtt, MIN_RAMP_RTT)))
            gain = 1 + (max(state.gain, probe_gain(state)) - 1) * growth
            if state.rate < state.rate_before_drop < gain * state.rate:
                return _return_to_old_rate(state, started)
    if state.window_left:
        in_flight = WINDOW_WASTE * state.rate * state.measured_for - 1
        gain = max(gain, min(MAX_WINDOW_GAIN, in_flight / (state.rate * state.rtt)))
    return replace(state, phase=phase, gain=gain)


def _restart(state: PaceState, started: float, held: float) -> PaceState:
    """Restart the measurement: the rate was too low, and the bucket may be full by now."""
    rate = state.rate * state.admitted / max(state.admitted / 2, state.admitted + held)
    return replace(
        state,
        rate=rate,
        measured_for=0.0,
        confidence=LOW_CONFIDENCE,
        measured_since=started - state.burst,
        gated_for=0.0,
        refused_in_flight=0,
        admitted=0.0,
    )


def _return_to_old_rate(state: PaceState, started: float) -> PaceState:
    """End a ramp at the rate from which the quota had dropped: it is the likeliest new rate."""
    return replace(
        state,
        rate=state.rate_before_drop,
        rate_before_drop=0.0,
        phase=PacingPhase.PROBE,
        gain=1.0,
        measured_for=0.0,
        confidence=LOW_CONFIDENCE,
        measured_since=started,
        gated_for=0.0,
        admitted=0,
    )
