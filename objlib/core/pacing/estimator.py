"""Estimate a quota from refusals: arithmetic only.

A refusal means that the bucket is empty at that moment. Between two refusals the service admitted what it allowed, so
*admitted / seconds* is its rate; the phase in which the second refusal came decides how the number is used. The answers
to the requests in flight at a refusal are a second, smaller measurement, and the only quick one.
"""

import math
from dataclasses import replace

from objlib.core.pacing.state import (
    Assessment,
    PaceState,
    PacingPhase,
    Suspicion,
    credit,
    lost_seconds,
    overflow_seconds,
    probe_interval,
    refusal_cost,
)
from objlib.core.pacing.tuning import TUNING


def first_limit(state: PaceState, exhausted_at: float, *, window: bool) -> PaceState:
    """Estimate the rate at the first limit: a full bucket of one second is assumed until more answers come."""
    begun = state.hint_until if window else state.measured_since - state.burst
    rate = max(1, state.admitted - (not window)) / max(0.1, exhausted_at - begun)
    assessment = Assessment.NOTHING if window else Assessment.FIRST_LIMIT
    return replace(
        state,
        rate=max(TUNING.min_rate, rate),
        measured_for=0.0,
        confidence=TUNING.low_confidence,
        assessment=assessment,
    )


def window_exhausted(state: PaceState, exhausted_at: float) -> PaceState:
    """Estimate the rate from a used-up window of time: its requests by the seconds until the next one."""
    span = max(1.0, exhausted_at - max(state.measured_since, state.hint_until))
    rate = state.admitted / span
    return replace(
        state,
        rate=max(TUNING.min_rate, rate),
        measured_for=span,
        confidence=min(1.0, 2 * state.confidence),
        assessment=Assessment.NOTHING,
    )


def refusal(state: PaceState, was: float, exhausted_at: float) -> PaceState:
    """Learn from a refusal at ``exhausted_at``, at a send rate of ``was`` requests per second.

    Sets rate, confidence, burst, and what the answers in flight may do to the rate.
    """
    state = replace(state, assessment=Assessment.DROP)
    early = credit(state, exhausted_at) / state.rate
    if (
        state.phase is PacingPhase.DRAIN
    ):  # the rate is confident: the bucket holds less than the gate was closed for
        burst = max(0.0, state.burst - max(0.0, early))
        return replace(
            state,
            burst=burst,
            confidence=state.confidence / 2,
            lower_bound=TUNING.max_drop * was,
            upper_bound=TUNING.drop_share * state.rate,
        )
    if early < 0:
        deeper = min(max(0.0, state.gated_for - state.burst), -early) / 2 + 0.02
        state = replace(state, burst=min(1.0, state.burst + deeper))
    span = _measured_span(state, exhausted_at)
    rate = measure(state, span)
    measured_for = min(TUNING.memory_seconds + TUNING.memory_requests / state.rate, state.measured_for + span)
    if state.phase is PacingPhase.STARTUP:  # the quota lies between the measurement and the send rate
        lower_bound = max(rate, state.rate)
        upper_bound = max(lower_bound, TUNING.ramp_overshoot * was)
        middle = (lower_bound + upper_bound) / 2
        state = replace(
            state,
            rate=middle,
            measured_for=0.0,
            confidence=TUNING.low_confidence,
            suspicion=None,
            assessment=Assessment.RAMP_TOP,
        )
        return replace(state, lower_bound=lower_bound, upper_bound=upper_bound)
    if (
        state.phase is PacingPhase.PROBE
    ):  # the rate holds; a rate that is too low is never refused, so keep the higher
        rate = max(rate, state.rate if state.confident else 0.0)
        calmer = min(1.0, 2 * state.confidence)
        contended = state.contended and calmer < 1
        state = replace(
            state,
            rate=rate,
            measured_for=measured_for,
            confidence=calmer,
            contended=contended,
            suspicion=None,
        )
        return replace(state, lower_bound=rate, upper_bound=0.0)
    suspicion = _suspect(state, exhausted_at)
    if (
        suspicion is not None
        and (suspicion.admitted + TUNING.count_error) / suspicion.seconds
        < TUNING.drop_certainty * suspicion.rate
    ):
        return _dropped(state, suspicion, rate)
    # One may be chance; two, with no two probes between them that held, mean other clients at the same quota.
    surprise = state.admitted < 0.5 * probe_interval(state) and rate < TUNING.surprise_share * state.rate
    return replace(
        state,
        rate=rate,
        measured_for=measured_for,
        confidence=TUNING.low_confidence if surprise or state.contended else state.confidence,
        contended=state.contended or state.confident,
        suspicion=suspicion,
        lower_bound=TUNING.max_drop * was if state.confident else rate,
        upper_bound=TUNING.drop_share * rate,
    )


def _suspect(state: PaceState, exhausted_at: float) -> Suspicion | None:
    """Extend the suspicion by another refusal at cruise; None if enough was admitted in its time.

    Without a hint refusals are taken to be free: after a drop, their assumed cost would hide what is missing.
    """
    suspicion = state.suspicion or Suspicion(state.rate, state.confident)
    paid = refusal_cost(state) if state.hint_drift < math.inf else 0.0
    seconds = suspicion.seconds + max(
        0.0, exhausted_at - state.measured_since - overflow_seconds(state) - paid
    )
    admitted = suspicion.admitted + state.admitted
    due = TUNING.surprise_share * suspicion.rate * seconds
    return None if admitted >= due else replace(suspicion, seconds=seconds, admitted=admitted)


def _dropped(state: PaceState, suspicion: Suspicion, rate: float) -> PaceState:
    """Lower the rate to what refusals in a row imply; other clients may have caused them."""
    found = (suspicion.admitted + 0.5) / suspicion.seconds
    return replace(
        state,
        rate=max(TUNING.min_rate, min(rate, max(TUNING.max_cut * state.rate, found))),
        measured_for=suspicion.seconds,
        confidence=TUNING.low_confidence,
        suspicion=None,
        rate_before_drop=max(state.rate_before_drop, suspicion.rate)
        if suspicion.confident
        else state.rate_before_drop,
        assessment=Assessment.NOTHING,
    )


def assess(state: PaceState) -> PaceState:
    """Conclude from the answers in flight at the last throttling, now that all are in."""
    assessment = state.assessment
    if assessment is Assessment.NOTHING:
        return state
    state = replace(state, assessment=Assessment.NOTHING)
    implied = (state.passed_in_flight + 1) / (
        max(0.0, state.throttled_at - state.measured_since) + 1 / state.rate
    )
    if assessment is Assessment.FIRST_LIMIT:
        implied = (4 * state.rate + state.passed_in_flight * implied) / (4 + state.passed_in_flight)
        return replace(state, rate=max(TUNING.min_rate, implied))
    if implied >= state.upper_bound:
        return state
    if assessment is Assessment.RAMP_TOP:
        return replace(state, rate=max(TUNING.min_rate, implied, state.lower_bound))
    if state.passed_in_flight + state.refused_in_flight < TUNING.min_in_flight:
        return state
    return replace(
        state,
        rate=max(
            TUNING.min_rate, min(state.rate, max(TUNING.in_flight_discount * implied, state.lower_bound))
        ),
        measured_for=0.0,
        confidence=TUNING.low_confidence,
        contended=False,
        suspicion=None,
        burst=1.0,
        rate_before_drop=max(state.rate_before_drop, state.rate)
        if state.confident
        else state.rate_before_drop,
        phase=PacingPhase.CRUISE,
    )


def measure(state: PaceState, span: float) -> float:
    """Requests per second admitted since the last refusal, weighted with the earlier measurement.

    A measurement errs by about one request, so its weight grows with the square of its seconds. Two in a row share the
    moment between them: together they count as one measurement over both.
    """
    if span == 0:
        return state.rate
    new = span**2 + state.measured_for * span
    old = state.measured_for**2 + state.measured_for * span + (TUNING.guess_error / state.rate) ** 2
    rate = (state.admitted / span * new + state.rate * old) / (new + old)
    return max(TUNING.min_rate, TUNING.max_cut * state.rate, rate)


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
