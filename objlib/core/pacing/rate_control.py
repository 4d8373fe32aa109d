"""Rate controller: decides when requests may start. Arithmetic only; the time is a parameter.

The controller meets the quota once, measures it (:mod:`estimator`) and holds it. It spaces requests, because a limit on
concurrency alone cannot hold a rate (in flight = rate x latency). It counts and spends the credit that the service
allowed (:mod:`state`). Now and then it probes, because only a refusal tells how much is allowed. How the rule was
found, and its figures: docs/governor.md.
"""

import math
from collections.abc import Sequence

from objlib.core.pacing import estimator
from objlib.core.pacing.state import (
    PaceState,
    PacingPhase,
    common_burst,
    credit,
    full_interval,
    overflow_seconds,
    probe_credit,
    probe_gain,
    probe_interval,
    reserve,
    send_rate,
    uncertainty,
)
from objlib.core.pacing.tuning import TUNING


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
            state._replace(measured_since=now, hint_until=now) if math.isnan(state.measured_since) else state
        )
    if state.last_departure == -math.inf:  # the rate came from an earlier run or another process
        return state._replace(measured_since=now, hint_until=now, last_departure=now, admitted=0, busy=True)
    # Before the answers are assessed: a rate that rises by them makes no departure late.
    due = max(state.last_departure + 1 / send_rate(state), state.gate)
    if now > state.throttled_at + TUNING.epoch_round_trips * state.rtt:
        state = estimator.assess(state)
    step = 1 / send_rate(state)
    idle = now - due
    if idle <= max(step, 0.005):
        return state._replace(last_departure=max(due, now - step), busy=True)
    return state._replace(
        last_departure=now,
        busy=False,
        measured_since=state.measured_since + idle,
        hint_until=state.hint_until + idle,
    )


def succeeded(state: PaceState, *, started: float, now: float, in_use: int) -> PaceState:
    """Record an admitted request that started at ``started``, with ``in_use`` tokens borrowed."""
    took = max(TUNING.min_duration, now - started)
    rtt = took if state.rtt == 0 else 0.9 * state.rtt + 0.1 * took
    jitter = 0.9 * state.jitter + 0.1 * abs(took - state.rtt) if state.rtt else 0.0
    state = state._replace(jitter=jitter)
    if not state.limited:
        window = state.window + TUNING.startup_growth if in_use >= math.floor(state.window) else state.window
        return state._replace(rtt=rtt, window=min(float(state.ceiling), window), admitted=state.admitted + 1)
    if started <= state.throttled_at:
        later = int(started > state.measured_since)
        return state._replace(
            rtt=rtt, passed_in_flight=state.passed_in_flight + later, admitted=state.admitted + later
        )
    state = estimator.assess(state)._replace(rtt=rtt, admitted=state.admitted + 1)
    return _advance(state, started) if state.busy else state


def throttled(
    state: PaceState, *, started: float, now: float, retry_after: float | None, in_use: int
) -> PaceState:
    """Record a throttled request that started at ``started``; ``retry_after`` is the hint (s), None without one.

    Refusals of requests that started before the first was known form one epoch and cut once. The latest gate wins.
    """
    if retry_after is not None:
        state = state._replace(gate=max(state.gate, now + retry_after))
    if started <= state.throttled_at + max(0.0, TUNING.min_epoch - state.rtt):
        gated_for = max(0.0, state.gate - state.throttled_at) if state.gated_for else 0.0
        refused_in_flight = state.refused_in_flight + (started > state.measured_since)
        return state._replace(
            refused_in_flight=refused_in_flight,
            gated_for=gated_for,
            hint_drift=_hint_drift(state, retry_after),
        )
    state = state._replace(rtt=state.rtt or max(now - started, 0.05))
    was = min(send_rate(state), (in_use + 1) / state.rtt)
    state = estimator.assess(state)
    # So long a wait means a used-up window of time: the answers in flight say nothing about the rate. After one such
    # window, a short wait is the end of the next.
    window = retry_after is not None and (retry_after > 2 + 4 * state.rtt or state.window_left > 0)
    hint_until = started + (retry_after or 0.0)
    exhausted_at = hint_until if window else started
    quick = not window and (retry_after or 0.0) <= 1  # the shortest hint in whole seconds
    blind = not state.limited and quick and _uncertain(state, exhausted_at)
    if not state.limited:
        state = estimator.first_limit(state, exhausted_at, window=window)
    elif window:
        state = estimator.window_exhausted(state, exhausted_at)
    else:
        state = estimator.refusal(state, was, exhausted_at)
    gated_for = 0.0 if window else max(0.0, state.gate - now)
    quiet = (
        0.0
        if window or blind
        else min(TUNING.epoch_round_trips * state.rtt, TUNING.quiet_share * state.burst)
    )
    if retry_after is None:
        quiet = max(quiet, 1 / state.rate)  # the bucket is empty: it holds a request again by then
    saved = PacingPhase.DRAIN if gated_for and state.confident else PacingPhase.CRUISE
    return state._replace(
        phase=PacingPhase.STARTUP if blind else saved,
        gain=probe_gain(state) if blind else TUNING.cruise_gain,
        measured_since=exhausted_at,
        hint_until=hint_until,
        gated_for=gated_for,
        window_left=hint_until - started if window else 0.0,
        admitted=0,
        probe_since=-math.inf,
        probe_admitted=0.0,
        throttled_at=now,
        passed_in_flight=0,
        refused_in_flight=0,
        hint_drift=math.inf if retry_after is None else 0.0,
        last_departure=max(now + quiet, state.gate) - 1 / state.rate,
    )


def _uncertain(state: PaceState, exhausted_at: float) -> bool:
    """Whether the first throttling leaves the rate open: the bucket may have been full or empty at the start."""
    span = max(TUNING.min_duration, exhausted_at - state.measured_since)
    least = max(1.0, state.admitted - 1) / (span + state.burst)
    return (state.admitted + 1) / span > TUNING.search_ratio * least


def _hint_drift(state: PaceState, retry_after: float | None) -> float:
    """Growth of Retry-After across one throttling epoch (0 without hints)."""
    if retry_after is None:
        return state.hint_drift
    vague = 1.0 if retry_after % 1 == 0 else 2 * state.jitter
    between = max(0.0, state.admitted - state.passed_in_flight) / state.rate  # since the first refusal
    return max(
        0.0, state.gate - state.throttled_at - (state.hint_until - state.measured_since) - vague - between
    )


def shared(state: PaceState, rates: Sequence[float], now: float) -> PaceState:
    """Take an equal share of the quota that several processes use.

    ``rates`` holds the rate of each process, this one included; 0 where a process knows no limit. All learn from the
    probe of one, so each probes more rarely. Where none knows a limit, a new one takes its part of the window.
    """
    total = sum(rates)
    if total <= 0:
        begun = state.limited or not math.isnan(state.measured_since)
        return (
            state if begun else state._replace(window=max(1.0, state.window / len(rates)), peers=len(rates))
        )
    rate = max(TUNING.min_rate / len(rates), total / len(rates))
    if state.limited:
        share = rate / state.rate
        # The error of a rate is one request in the time of its measurement; it was no less than what it is off by.
        sure = min(state.measured_for, 1 / max(abs(rate - state.rate), TUNING.min_duration))
        if state.phase is PacingPhase.STARTUP and state.probe_since == -math.inf and len(rates) > 1:
            # It ramps up from the first throttling, and does not know that the others use up the rest.
            state = state._replace(phase=PacingPhase.CRUISE, gain=TUNING.cruise_gain)
        return state._replace(
            rate=rate,
            measured_for=sure,
            admitted=share * state.admitted,
            early_admitted=share * state.early_admitted,
            peers=len(rates),
        )
    # Requests in flight started without a rate: their answers say nothing about this one.
    state = state._replace(rate=rate, measured_since=now, hint_until=now, admitted=0.0, throttled_at=now)
    learnt = TUNING.least_interval * full_interval(state) / rate  # by an earlier run or another process
    return state._replace(measured_for=learnt, peers=len(rates))


def _advance(state: PaceState, started: float) -> PaceState:
    """Choose the phase after a success: drain, cruise, then probe; ramp up if a probe got more than was due."""
    held, kept, phase = credit(state, started), reserve(state), state.phase
    if phase is PacingPhase.DRAIN and held < kept:
        phase = PacingPhase.CRUISE
    if phase in (PacingPhase.DRAIN, PacingPhase.CRUISE) and state.admitted >= probe_interval(state):
        phase, state = PacingPhase.PROBE, _start_probe(state, started)
    if phase is PacingPhase.PROBE and not state.window_left:
        held = min(held, probe_credit(state, started))
    # In a window of time everything passes until it is used up: there the threshold is what was left of the last one.
    if phase is PacingPhase.PROBE and held < -max(
        uncertainty(state, started - state.measured_since) + overflow_seconds(state) * state.rate,
        1 + state.window_left * state.rate,
    ):
        phase = PacingPhase.STARTUP
        state = state if state.window_left else _start_probe(state, started)
    match phase:
        case PacingPhase.DRAIN:
            gain = TUNING.drain_gain
        case PacingPhase.CRUISE:
            gain = TUNING.cruise_gain if held < kept else 1.0
        case PacingPhase.PROBE:
            gain = TUNING.drain_gain if held > kept else probe_gain(state)
        case _:
            growth = TUNING.ramp_growth ** (1 / max(1.0, send_rate(state) * _feedback_seconds(state)))
            gain = 1 + (max(state.gain, probe_gain(state)) - 1) * growth
            if state.rate < state.rate_before_drop < gain * state.rate:
                return _return_to_old_rate(state, started)
    if state.window_left:
        in_flight = TUNING.window_waste * state.rate * state.measured_for - 1
        gain = max(gain, min(1 / TUNING.max_cut, in_flight / (state.rate * state.rtt)))
    return state._replace(phase=phase, gain=gain)


def _feedback_seconds(state: PaceState) -> float:
    """Seconds until a higher speed can be refused: a round trip, or the time for which the bucket hides it.

    What a first ramp meets held a number of requests at the start, which a higher speed uses up sooner.
    """
    hidden = TUNING.min_ramp_rtt * state.burst
    return max(state.rtt, hidden if state.probe_since > -math.inf else hidden / max(1.0, state.gain))


def _start_probe(state: PaceState, started: float) -> PaceState:
    """Start a measurement of the probe's own: the bucket may have overflowed before it."""
    return state._replace(probe_since=started - common_burst(state), probe_admitted=state.admitted)


def _return_to_old_rate(state: PaceState, started: float) -> PaceState:
    """End a ramp at the rate from which the quota had dropped: it is the likeliest new rate."""
    return state._replace(
        rate=state.rate_before_drop,
        rate_before_drop=0.0,
        phase=PacingPhase.PROBE,
        gain=1.0,
        measured_for=0.0,
        measured_since=started,
        gated_for=0.0,
        admitted=0,
        probe_since=started,
        probe_admitted=0.0,
    )
