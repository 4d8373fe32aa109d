"""Measure a quota by its refusals: arithmetic only.

A refusal means that the bucket is empty at that moment. Between two refusals the service admitted what it allowed, so
*admitted / seconds* is its rate, and errs by about a request in that time. All measurements in a row are one: their
requests by their seconds. One test decides whether the quota changed meanwhile: whether a count differs from what is
due by more than both errors.
"""

import math

from objlib.core.pacing.state import (
    PaceState,
    PacingPhase,
    common_burst,
    credit,
    full_interval,
    lost_seconds,
    overflow_seconds,
    refusal_cost,
    reserve,
    uncertainty,
)
from objlib.core.pacing.tuning import TUNING


def first_limit(state: PaceState, exhausted_at: float, *, window: bool) -> PaceState:
    """Estimate the rate at the first limit: a full bucket of one second is assumed until more answers come."""
    begun = state.hint_until if window else state.measured_since - state.burst
    span = max(0.1, exhausted_at - begun)
    state = state._replace(held_first=max(1.0, state.admitted))
    rate = max(1, state.admitted - (not window)) / span
    return state._replace(
        rate=max(TUNING.min_rate, rate),
        measured_for=span if window else 1 / max(TUNING.min_rate, rate),
        assessing=not window,
        trusted=False,
    )


def window_exhausted(state: PaceState, exhausted_at: float) -> PaceState:
    """Estimate the rate from a used-up window of time: its requests by the seconds until the next one."""
    span = max(1.0, exhausted_at - max(state.measured_since, state.hint_until))
    return state._replace(
        rate=max(TUNING.min_rate, state.admitted / span), measured_for=span, assessing=False
    )


def refusal(state: PaceState, was: float, exhausted_at: float) -> PaceState:
    """Learn from a refusal at ``exhausted_at``, at a send rate of ``was`` requests per second.

    Sets rate, its weight, burst, and what the answers in flight may do to the rate.
    """
    state = state._replace(assessing=True, trusted=state.confident)
    early = credit(state, exhausted_at) / state.rate
    if state.phase is PacingPhase.DRAIN:  # the rate is sure: the bucket holds less than was saved
        return state._replace(burst=max(0.0, state.burst - max(0.0, early)))
    if (
        early < 0 and state.phase is not PacingPhase.STARTUP
    ):  # a ramp shows a higher rate, not a larger bucket
        deeper = min(max(0.0, state.gated_for - state.burst), -early) / 2
        state = state._replace(burst=min(1.0, state.burst + deeper + TUNING.min_duration))
    span = _measured_span(state, exhausted_at)
    if state.phase is PacingPhase.CRUISE:
        return _early(state, exhausted_at, span)
    whole = _whole(state, span)
    seconds = span if whole else max(TUNING.min_duration, min(span, exhausted_at - state.probe_since))
    admitted = state.admitted if whole else state.admitted - state.probe_admitted
    if state.phase is PacingPhase.STARTUP and not whole:
        # The quota lies between what was admitted and what was sent in the last round trip but one.
        low = max(state.rate, min(was, admitted / seconds))
        high = max(low, state.rate * (1 + (state.gain - 1) / TUNING.ramp_growth))
        rate = low + (high - low) / 4  # a rate that is too high costs refusals, one too low a probe
        return state._replace(
            rate=rate,
            # Of a first ramp: what the bucket held at the start, and not its seconds, is known.
            burst=state.burst if state.probe_since > -math.inf else min(1.0, state.held_first / rate),
            measured_for=min(seconds, 4 / max(TUNING.min_duration, high - low)),
            early_seconds=0.0,
            early_admitted=0.0,
        )
    rate = measure(state._replace(admitted=admitted), seconds)
    # With a full bucket the cruise before proved the rate; what the probe got of it depends on the guess of the burst.
    held = rate < state.rate and (state.confident or not (whole or state.contended))
    after = state._replace(
        rate=state.rate if held else rate,
        measured_for=_remembered(state, span if held else seconds),
        early_seconds=0.0,
        early_admitted=0.0,
    )
    sure = after.measured_for * after.rate >= 0.99 * full_interval(after)
    return after._replace(contended=state.contended and not sure)


def _whole(state: PaceState, span: float) -> bool:
    """Whether the bucket held, before the probe, all that was saved if the whole count gives the rate."""
    if not state.saves:
        return (
            state.phase is PacingPhase.PROBE
        )  # where nothing is saved, a slow time says nothing about a quick one
    if state.probe_since < state.measured_since:
        return False
    cruised = state.probe_since + common_burst(state) - state.measured_since
    rate = state.admitted / max(TUNING.min_duration, span)
    return reserve(state) + cruised * (rate - state.rate) < common_burst(state) * rate


def _early(state: PaceState, exhausted_at: float, span: float) -> PaceState:
    """Learn from a refusal at cruise; one that came too early extends the test for a drop."""
    paid = refusal_cost(state) if state.hint_drift < math.inf else 0.0
    seconds = state.early_seconds + max(
        0.0, exhausted_at - state.measured_since - overflow_seconds(state) - paid
    )
    admitted = state.early_admitted + state.admitted
    missing = state.rate * seconds - admitted
    unknown = state.refused_in_flight - state.rate * paid  # each of them may have been counted
    if missing > TUNING.certainty * uncertainty(state, seconds) + unknown:
        dropped = _dropped(state, seconds, admitted)
        return dropped._replace(rate=max(dropped.rate, TUNING.max_cut * state.rate))
    rate = measure(state, span)
    return state._replace(
        rate=rate,
        measured_for=min(
            _remembered(state, span),
            (TUNING.least_interval if state.contended else 1) * full_interval(state) / state.rate,
        ),
        contended=state.contended or state.confident,
        early_seconds=seconds if missing > 0 else 0.0,
        early_admitted=admitted if missing > 0 else 0.0,
    )


def _dropped(state: PaceState, seconds: float, admitted: float) -> PaceState:
    """Forget the rate: it is what refusals in a row admitted. Other clients may have caused them."""
    rate = max(0.5, admitted) / seconds
    return state._replace(
        rate=max(TUNING.min_rate, min(state.rate, rate)),
        measured_for=seconds,
        early_seconds=0.0,
        early_admitted=0.0,
        rate_before_drop=max(state.rate_before_drop, state.rate)
        if state.confident
        else state.rate_before_drop,
    )


def assess(state: PaceState) -> PaceState:
    """Conclude from the answers in flight at the last throttling, now that all are in.

    They are a measurement of their own, and the only quick one. It weighs as all measurements do, and the same test
    tells a drop. If none passed, the service may count refusals, and they tell nothing.
    """
    if not state.assessing:
        return state
    state = state._replace(assessing=False)
    if not state.passed_in_flight:
        return state
    seconds = max(TUNING.min_duration, state.throttled_at - state.measured_since)
    if state.phase is PacingPhase.STARTUP or state.measured_for < seconds:
        if 2 * state.passed_in_flight < state.refused_in_flight:  # so few that refusals may be charged
            return state
        rate = measure(state._replace(admitted=state.passed_in_flight), seconds)
        return state._replace(rate=rate, measured_for=state.measured_for + seconds)
    missing = state.rate * seconds - state.passed_in_flight
    if state.trusted and state.refused_in_flight and missing > TUNING.certainty * uncertainty(state, seconds):
        dropped = _dropped(state, seconds, state.passed_in_flight)
        return dropped._replace(burst=1.0, contended=False, phase=PacingPhase.CRUISE)
    return state


def measure(state: PaceState, span: float) -> float:
    """Requests per second admitted in the last measurement and those before it, as one.

    Measurements in a row share the moments between them, so the error of all of them is one request in their seconds.
    """
    rate = (state.rate * state.measured_for + state.admitted) / max(
        TUNING.min_duration, state.measured_for + span
    )
    return max(TUNING.min_rate, TUNING.max_cut * state.rate, rate)


def _remembered(state: PaceState, span: float) -> float:
    """Seconds of measurement, this one included; more than a probe interval is forgotten."""
    return min(full_interval(state) / state.rate, state.measured_for + span)


def _measured_span(state: PaceState, exhausted_at: float) -> float:
    """Seconds of quota that the requests admitted since the last refusal used.

    A confident rate counts possible losses as lost. Otherwise the estimate errs low: the next probe corrects a low rate
    at the cost of one refusal.
    """
    missed, cost = lost_seconds(state), refusal_cost(state)
    if not state.confident:
        missed = (
            missed - cost
            if state.phase is PacingPhase.PROBE
            else cost + _overrated_seconds(state, exhausted_at)
        )
    return max(0.0, exhausted_at - state.measured_since - missed)


def _overrated_seconds(state: PaceState, exhausted_at: float) -> float:
    """Half of the credit (s) left at a refusal: the burst may be as wrong as the rate.

    One request is not counted: the moment of a refusal is no more exact than that.
    """
    early = (credit(state, exhausted_at) - 1) / state.rate
    return max(0.0, min(state.burst, state.gated_for, early / 2))
