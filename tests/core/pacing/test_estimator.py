"""The estimator of a quota: what a count of requests tells, as properties."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objlib.core.pacing import rate_control
from objlib.core.pacing.estimator import measure
from objlib.core.pacing.state import PaceState, PacingPhase
from objlib.core.pacing.tuning import TUNING
from tests.support.pacing_lab.servers import Bucket
from tests.support.pacing_lab.simulate import run
from tests.support.pacing_lab.strategies import Ours


@given(st.floats(0.1, 100), st.floats(0, 10), st.floats(0, 100), st.floats(0.01, 10))
def test_a_measurement_moves_a_rate_towards_itself(
    rate: float, measured_for: float, admitted: float, span: float
) -> None:
    state = PaceState(ceiling=16, rate=rate, measured_for=measured_for, admitted=admitted)
    low, high = sorted((admitted / span, rate))
    assert (
        max(TUNING.max_cut * rate, low) * 0.999 <= measure(state, span) <= max(high, TUNING.min_rate) * 1.001
    )


@given(st.floats(0.5, 100), st.floats(0.5, 60), st.floats(0.5, 60), st.floats(0.6, 1.6))
def test_two_measurements_in_a_row_are_one(rate: float, one: float, other: float, change: float) -> None:
    """Their requests by their seconds, however they were cut."""
    guess = PaceState(ceiling=16, rate=rate)
    first = measure(guess._replace(admitted=change * rate * one), one)
    second = measure(PaceState(ceiling=16, rate=first, measured_for=one, admitted=rate * other), other)
    whole = measure(guess._replace(admitted=change * rate * one + rate * other), one + other)
    assert math.isclose(second, whole, rel_tol=1e-6)


@pytest.mark.parametrize(("probe_admitted", "whole"), [(12.0, True), (400.0, False)])
def test_a_ramp_counts_from_the_last_refusal_unless_the_bucket_may_have_overflowed(
    probe_admitted: float, whole: bool
) -> None:
    """A rate that is a little wrong fills no bucket: the whole count gives it, and errs by a request in its seconds."""
    state = PaceState(ceiling=16, rate=10.0, rtt=0.05, jitter=0.005, measured_for=0.5, gain=2.0)
    state = state._replace(
        phase=PacingPhase.STARTUP,
        measured_since=0.0,
        probe_since=7.0,
        probe_admitted=80.0,
        last_departure=10.0,
    )
    state = state._replace(admitted=80 + probe_admitted, throttled_at=0.05)
    after = rate_control.throttled(state, started=9.0, now=9.05, retry_after=0.1, in_use=1)
    assert math.isclose(after.measured_for, 9.5) == whole
    assert math.isclose(after.rate, (5 + 92) / 9.5) == whole
    assert after.rate > state.rate


@pytest.mark.parametrize("missing", [1.0, 3.0, 6.0, 12.0])
@pytest.mark.parametrize("measured_for", [4.0, 20.0])
def test_only_more_missing_requests_than_both_errors_are_a_drop(missing: float, measured_for: float) -> None:
    """Two counts err by a request each, and twice that is a drop: the rate is then what was admitted."""
    state = PaceState(ceiling=16, rate=10.0, rtt=0.05, measured_since=0.0, measured_for=measured_for)
    state = state._replace(admitted=40 - missing, last_departure=4.0, throttled_at=0.05)
    after = rate_control.throttled(state, started=4.0, now=4.05, retry_after=0.1, in_use=1)
    dropped = missing > 2 * (1 + min(1.0, 4.0 / measured_for))
    assert (after.rate == (40 - missing) / 4) == dropped
    assert after.rate < state.rate


def test_few_requests_correct_a_guess_and_not_a_measured_rate() -> None:
    guess = PaceState(ceiling=16, rate=16, admitted=5)
    assert measure(guess, 0.5) < 11
    assert measure(guess._replace(measured_for=4.0), 0.5) > 15


@given(
    rate=st.floats(1, 200),
    burst=st.floats(0.01, 0.3),
    cruised=st.floats(5, 60),
    probed=st.floats(0.05, 5),
    gain=st.floats(1.1, 1.5),
)
def test_a_refused_probe_of_a_bucket_that_was_full_never_lowers_the_rate(
    rate: float, burst: float, cruised: float, probed: float, gain: float
) -> None:
    """The cruise before it passed; what the probe got depends on how large the bucket is, which is a guess."""
    state = PaceState(
        ceiling=64, rate=rate, rtt=0.05, burst=burst, measured_since=0.0, measured_for=0.1, gain=gain
    )
    state = state._replace(
        phase=PacingPhase.PROBE, probe_since=cruised - burst, probe_admitted=rate * cruised, throttled_at=0.05
    )
    state = state._replace(admitted=rate * cruised + gain * rate * probed, last_departure=cruised + probed)
    now = cruised + probed
    after = rate_control.throttled(state, started=now, now=now + 0.05, retry_after=0.1, in_use=1)
    assert rate <= after.rate <= gain * rate * 1.001


@pytest.mark.parametrize(
    ("rate", "burst", "latency", "least"), [(130.0, 0.07, 0.008, 0.75), (37.0, 0.05, 0.005, 0.6)]
)
def test_a_small_bucket_behind_hints_of_a_second_is_used(
    rate: float, burst: float, latency: float, least: float
) -> None:
    """Each refusal costs a second. A bucket that was taken for one of a second gave half of its rate."""
    server = Bucket(((0, rate),), burst=burst, least=1.0)
    trace = run(server, [Ours(16)], seconds=60, latency=latency, seed=1)
    assert trace.count(20, 60) >= least * server.allowed(20, 60)
    assert trace.wasted() < 0.02
