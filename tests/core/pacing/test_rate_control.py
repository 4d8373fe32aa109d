"""The arithmetic of the governor, as properties."""

import math
import statistics
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objlib.core.pacing import backoff, estimator, rate_control
from objlib.core.pacing.state import (
    PaceState,
    PacingPhase,
    credit,
    probe_interval,
    refusal_cost,
    send_rate,
)
from objlib.core.pacing.tuning import TUNING
from tests.support.pacing_lab.heldout import Windows
from tests.support.pacing_lab.servers import Bucket, Open, Window
from tests.support.pacing_lab.simulate import run
from tests.support.pacing_lab.strategies import Ours

times = st.floats(0, 1e6)
SURE = 1000.0
"""Seconds of measurement after which any rate is sure."""
seconds = st.floats(0.001, 30)


@st.composite
def histories(draw: st.DrawFn) -> PaceState:
    """A state after any history of departures, answers and refusals."""
    state = PaceState(ceiling=draw(st.integers(1, 64)), window=draw(st.floats(1, 64)))
    now = 0.0
    for _ in range(draw(st.integers(0, 40))):
        now += draw(st.floats(0, 10))
        started = max(0.0, now - draw(seconds))
        match draw(st.sampled_from(("starts", "passes", "fails", "shares"))):
            case "starts":
                now = rate_control.departure(state, now)
                state = rate_control.departed(state, now)
            case "passes":
                in_use = draw(st.integers(0, 64))
                state = rate_control.succeeded(state, started=started, now=now, in_use=in_use)
            case "fails":
                pause = draw(st.none() | st.floats(0, 100))
                in_use = draw(st.integers(0, 64))
                state = rate_control.throttled(
                    state, started=started, now=now, retry_after=pause, in_use=in_use
                )
            case _:
                state = rate_control.shared(
                    state, draw(st.lists(st.floats(0, 100), min_size=1, max_size=4)), now
                )
    return state


def after_all(state: PaceState) -> float:
    """A moment after everything that a history holds."""
    return max(0.0, state.throttled_at, state.gate, state.last_departure) + 1000


@given(histories(), times)
def test_after_any_history_the_next_departure_is_bounded(state: PaceState, now: float) -> None:
    total = rate_control.tokens(state, now)
    assert (total == 0) == (now < state.gate)
    assert 0 <= total <= state.ceiling
    moment = rate_control.departure(state, now)
    assert moment >= max(now, state.gate)
    if state.limited:
        assert moment >= state.last_departure + 1 / send_rate(state)
    # Processes that share the quota share its lowest rate too.
    lowest = TUNING.min_rate / state.peers
    assert send_rate(state) > 0.99 * lowest * TUNING.max_cut * TUNING.cruise_gain
    assert state.limited == math.isfinite(send_rate(state))
    assert rate_control.departure(state, after_all(state)) < math.inf
    if state.limited and not math.isnan(state.measured_since):
        more = state._replace(admitted=state.admitted + 1)
        assert credit(more, now) <= credit(state, now)
        assert credit(state, now + 1) >= credit(state, now)


@given(histories(), seconds, st.floats(0, 100))
def test_a_success_lowers_the_gain_to_cruise_at_most_and_nothing_else(
    state: PaceState, took: float, in_use: float
) -> None:
    """Credit is spent, then the gain is that of cruise; a ramp always sends faster than the rate."""
    now = after_all(state)
    settled = rate_control.succeeded(state, started=now - took, now=now, in_use=int(in_use))
    assert settled.gain >= min(state.gain, TUNING.cruise_gain)
    if settled.phase is PacingPhase.STARTUP:
        assert settled.gain > 1
    after = rate_control.succeeded(settled, started=now, now=now + took, in_use=int(in_use))
    assert after.rate >= settled.rate
    assert after.window >= min(settled.window, settled.ceiling)


@given(histories(), seconds, st.none() | st.floats(0, 60), st.integers(1, 64))
def test_a_refusal_cuts_once_in_an_epoch_and_never_speeds_up(
    state: PaceState, took: float, pause: float | None, in_use: int
) -> None:
    now = after_all(state)
    before = send_rate(
        estimator.assess(state)
    )  # after all answers in flight are in, as at this time they are
    first = rate_control.throttled(state, started=now - took, now=now, retry_after=pause, in_use=in_use)
    burst = first
    for _ in range(15):
        burst = rate_control.throttled(burst, started=now - took, now=now, retry_after=pause, in_use=in_use)
    assert burst.rate == first.rate
    assert burst.measured_for == first.measured_for
    blind = rate_control.throttled(state, started=now - took, now=now, retry_after=None, in_use=in_use)
    assert send_rate(blind) <= max(before, TUNING.min_rate)


@given(histories(), times, st.floats(0, 100), st.floats(0, 100))
def test_overlapping_pauses_keep_the_latest_end(
    state: PaceState, now: float, one: float, other: float
) -> None:
    both = rate_control.throttled(
        rate_control.throttled(state, started=now, now=now, retry_after=one, in_use=1),
        started=now,
        now=now,
        retry_after=other,
        in_use=1,
    )
    assert both.gate == max(state.gate, now + one, now + other)


@given(st.floats(0.01, 50), st.floats(0.05, 5), st.integers(20, 60))
def test_departures_keep_the_rate_even_below_one_request_per_round_trip(
    rate: float, rtt: float, count: int
) -> None:
    state = PaceState(ceiling=16, rate=rate, rtt=rtt)
    now = 0.0
    for _ in range(count):
        now = rate_control.departure(state, now)
        state = rate_control.departed(state, now)
    assert math.isclose(now, (count - 1) / (TUNING.cruise_gain * rate), rel_tol=1e-6)


@given(st.floats(0.05, 20), st.lists(st.floats(0, 1), min_size=30, max_size=60))
def test_lateness_is_made_up_for_and_never_by_a_burst(rate: float, lates: list[float]) -> None:
    """Late starts keep the rate on average; over any span there is at most one request more than it allows."""
    state = rate_control.departed(PaceState(ceiling=16, rate=rate, rtt=0.1), 0.0)
    step = 1 / send_rate(state)
    starts = [0.0]
    for late in lates:
        now = rate_control.departure(state, starts[-1]) + 0.9 * step * late
        state = rate_control.departed(state, now)
        starts.append(now)
    for begin in range(len(starts)):
        for end in range(begin + 1, len(starts)):
            assert (end - begin - 1) * step <= starts[end] - starts[begin] + 1e-6


@given(st.floats(0.5, 100), st.floats(0.1, 100))
def test_more_than_was_due_ends_in_a_ramp_and_never_in_a_lower_rate(rate: float, surplus: float) -> None:
    state = PaceState(
        ceiling=64, rate=rate, rtt=0.4, measured_since=0.0, busy=True, last_departure=0.0, measured_for=SURE
    )
    now, states = 1.0, [state]
    for _ in range(30):
        state = state._replace(admitted=state.admitted + 10 * rate + surplus)
        state = rate_control.succeeded(state, started=now, now=now + 0.4, in_use=1)
        states.append(state)
        now += 0.4
    ramping = [send_rate(state) for state in states if state.phase is PacingPhase.STARTUP]
    assert ramping
    assert ramping == sorted(ramping)


def test_a_bucket_smaller_than_the_gate_changes_the_burst_and_not_the_rate() -> None:
    state = PaceState(
        ceiling=16,
        rate=10.0,
        rtt=0.4,
        measured_since=0.0,
        hint_until=0.0,
        gated_for=1.0,
        measured_for=SURE,
        phase=PacingPhase.DRAIN,
    )
    state = state._replace(admitted=13.0, throttled_at=0.2, last_departure=2.0, gain=TUNING.drain_gain)
    after = rate_control.throttled(state, started=2.0, now=2.4, retry_after=1, in_use=4)
    assert after.rate == state.rate
    assert after.burst < 0.5


@pytest.mark.parametrize(
    ("admitted", "seconds", "pause", "searches"),
    [(2, 0.1, None, True), (30, 0.3, 0.1, True), (30, 3.0, 0.1, False), (2, 0.1, 5.0, False)],
)
def test_a_first_refusal_that_leaves_the_rate_open_starts_a_ramp(
    admitted: int, seconds: float, pause: float | None, searches: bool
) -> None:
    """A full bucket and an empty one explain it by rates far apart, unless the service took seconds to refuse."""
    state = PaceState(ceiling=16, rtt=0.05, measured_since=0.0, admitted=float(admitted))
    after = rate_control.throttled(state, started=seconds, now=seconds + 0.05, retry_after=pause, in_use=4)
    assert (after.phase is PacingPhase.STARTUP) == searches


@pytest.mark.parametrize(("holds", "hint"), [(2.0, True), (2.0, False)])
def test_a_bucket_of_a_few_requests_is_not_taken_for_a_slow_one(holds: float, hint: bool) -> None:
    """Two requests pass at the start at any quota; half a minute later most of the quota is used."""
    server = Bucket(((0, 8.0),), burst=0.0, least=holds, hint=hint)
    trace = run(server, [Ours(16)], seconds=60, latency=0.4, seed=1)
    assert trace.count(15, 60) >= 0.75 * server.allowed(15, 60)
    assert trace.gated == 0


def test_after_a_window_of_time_a_short_wait_ends_the_next_window() -> None:
    state = PaceState(
        ceiling=16,
        rate=2.0,
        rtt=0.4,
        measured_since=10.0,
        hint_until=60.0,
        window_left=50.0,
        measured_for=SURE,
        phase=PacingPhase.PROBE,
    )
    state = state._replace(admitted=119.0, last_departure=118.0, throttled_at=10.0)
    after = rate_control.throttled(state, started=118.0, now=118.4, retry_after=2, in_use=1)
    assert after.gated_for == 0
    assert after.gate >= 120
    assert math.isclose(after.rate, 119 / 60)


@given(rate=st.floats(0.1, 50), span=st.floats(1, 120), rtt=st.floats(0.05, 5))
def test_a_window_is_used_up_early_where_few_of_it_are_refused(rate: float, span: float, rtt: float) -> None:
    state = PaceState(
        ceiling=64,
        rate=rate,
        rtt=rtt,
        measured_since=0.0,
        hint_until=0.0,
        window_left=1.0,
        measured_for=span,
    )
    after = rate_control.succeeded(state._replace(busy=True), started=0.5, now=0.5 + rtt, in_use=1)
    assert TUNING.cruise_gain <= after.gain <= 1 / TUNING.max_cut
    assert after.gain <= 1 or 1 + send_rate(after) * rtt <= 1.001 * TUNING.window_waste * rate * span


@pytest.mark.parametrize("seed", range(3))
def test_a_rise_is_noticed_within_the_window_in_which_it_comes(seed: int) -> None:
    server = Windows(((0, Window(600)), (120, Window(120)), (240, Window(600))))
    trace = run(server, [Ours(16)], seconds=360, latency=0.4, seed=seed)
    assert trace.count(240, 300) == server.allowed(240, 300) == 600
    assert trace.wasted() < 0.03


@pytest.mark.parametrize("latency", [0.01, 0.05, 0.2, 0.4])
@pytest.mark.parametrize(("high", "low", "at"), [(20.0, 4.0, 60), (10.0, 5.0, 60), (100.0, 20.0, 30)])
@pytest.mark.parametrize("hint", [True, False])
def test_a_quota_that_falls_is_followed_whatever_a_request_takes(
    latency: float, high: float, low: float, at: int, hint: bool
) -> None:
    """With few requests in flight only refusals in a row show a drop; without them up to 72 % were refused."""
    server, end = Bucket(((0, high), (at, low)), hint=hint, whole=False), at + 60
    trace = run(server, [Ours(64)], seconds=end, latency=latency, seed=1)
    assert trace.wasted(at, end) < 0.13
    assert trace.wasted(at + 20, end) < 0.07
    assert trace.count(at, end) > 0.93 * server.allowed(at, end)


@given(st.floats(5, 20), st.floats(0.1, 0.8))
def test_wrong_credit_lowers_an_unsure_rate_by_half_of_it(rate: float, gated: float) -> None:
    """A closed gate may have caused the wrong credit: the rate falls less, and still falls."""
    state = PaceState(ceiling=16, rate=rate, rtt=0.4, measured_since=0.0, busy=True, measured_for=0.5)
    state = state._replace(admitted=2 * rate - 3, last_departure=1.9, throttled_at=0.2)

    def learn(state: PaceState) -> float:
        return rate_control.throttled(state, started=2.0, now=2.4, retry_after=1, in_use=4).rate

    open_gate, closed = learn(state), learn(state._replace(gated_for=gated))
    assert open_gate < closed < rate


def test_an_idle_controller_does_not_probe() -> None:
    state = PaceState(ceiling=16, window=8.0, rtt=0.1)
    assert rate_control.succeeded(state, started=0.0, now=0.1, in_use=2).window == 8.0
    limited = PaceState(ceiling=16, rate=10.0, rtt=0.1)
    now = 0.0
    for _ in range(500):
        now += 1.0
        limited = rate_control.departed(limited, now)
        limited = rate_control.succeeded(limited, started=now, now=now + 0.1, in_use=1)
    assert limited.gain < 1


@given(
    st.lists(st.floats(0, 100), min_size=1, max_size=5).filter(
        lambda rates: sum(rates) > len(rates) * TUNING.min_rate
    )
)
def test_processes_on_one_ledger_share_the_sum_of_their_rates(rates: list[float]) -> None:
    parts = [
        rate_control.shared(PaceState(ceiling=4, rate=rate or math.inf), rates, 0.0).rate for rate in rates
    ]
    assert math.isclose(sum(parts), sum(rates))
    assert len(set(parts)) == 1


def test_requests_that_started_before_a_share_was_taken_do_not_change_it() -> None:
    """A process without a limit has many requests in flight when it takes a share; some are refused."""
    state = rate_control.departed(PaceState(ceiling=16), 0.0)
    state = rate_control.shared(state, [0.0, 10.0], 100.0)
    after = rate_control.throttled(state, started=99.9, now=100.2, retry_after=0.5, in_use=16)
    assert after.rate == state.rate
    assert after.gate == pytest.approx(100.7)


@given(st.integers(1, 1000), st.floats(0, 1, exclude_max=True))
def test_backoff_is_bounded_and_never_zero(attempt: int, jitter: float) -> None:
    wait = backoff.backoff(attempt, jitter=jitter)
    assert 0.25 <= wait <= 60


@given(st.lists(st.floats(0, 1000), max_size=40))
def test_the_first_poll_comes_when_most_documents_are_ready(settled: list[float]) -> None:
    assert 0.02 <= backoff.first_poll(settled) <= 10


@given(st.floats(0, 1e4))
def test_polls_get_rarer_and_never_stop(waited: float) -> None:
    assert 0.05 <= backoff.next_poll(waited) <= 10


def test_the_lowest_rate_recovers_within_minutes() -> None:
    """Regression from killed processes: each run halved its inherited rate, down to two requests in four minutes."""
    crawling = Ours(16)
    crawling.control = replace(crawling.control, pace=crawling.control.pace._replace(rate=TUNING.min_rate))
    trace = run(Open(), [crawling], seconds=120, latency=0.05, seed=1)
    assert len(trace.served) > 100


@pytest.mark.parametrize(
    ("waits", "cost"),
    [((0.05, 0.1, 0.15, 0.2, 0.25), 0.2), ((0.05, 0.03, 0.01, 0.0, 0.0), 0.0), ((None,) * 5, 0.2)],
)
def test_growing_hints_show_that_refusals_are_counted(waits: tuple[float | None, ...], cost: float) -> None:
    """A service that counts refusals gives waits that end ever later; without a hint each refusal may count."""
    state = PaceState(
        ceiling=16,
        rate=20,
        rtt=0.4,
        measured_for=4,
        measured_since=5,
        last_departure=10,
        throttled_at=5.4,
        admitted=100,
    )
    for number, wait in enumerate(waits):
        started = 10 + 0.02 * number
        state = rate_control.throttled(state, started=started, now=started + 0.4, retry_after=wait, in_use=9)
    assert refusal_cost(state) == pytest.approx(cost, abs=0.03)


@pytest.mark.parametrize(
    ("rate", "latency", "seconds", "most"), [(10, 0.01, 45, 14), (1, 0.4, 300, 10), (0.5, 0.4, 300, 12)]
)
def test_a_cold_start_costs_little_more_than_what_was_in_flight(
    rate: float, latency: float, seconds: float, most: int
) -> None:
    """Regression: with exact hints, a guess that was too high cost some twenty refusals."""
    trace = run(Bucket(((0, rate),), whole=False), [Ours(16)], seconds=seconds, latency=latency, seed=0)
    assert len(trace.refused) <= most


@given(st.floats(0.2, 100), st.floats(0.2, 100), st.floats(0.01, 1))
def test_under_contention_the_larger_share_probes_less_often(one: float, other: float, rtt: float) -> None:
    """A small share under contention also probes more often than a client alone at that rate."""
    low, high = sorted((one, other))
    small, big = (PaceState(ceiling=16, rate=max(2.0, rate), rtt=rtt, contended=True) for rate in (low, high))
    assert probe_interval(small) / small.rate <= probe_interval(big) / big.rate * 1.001
    assert probe_interval(small) <= probe_interval(small._replace(contended=False, measured_for=SURE))


def test_two_refusals_at_cruise_mean_contention_and_two_held_probes_end_it() -> None:
    state = PaceState(
        ceiling=16,
        rate=5,
        rtt=0.4,
        measured_since=0,
        last_departure=20,
        throttled_at=0.2,
        measured_for=4,
        admitted=100,
    )

    state = state._replace(measured_for=SURE)

    def refuse(state: PaceState, now: float, phase: PacingPhase) -> PaceState:
        state = state._replace(phase=phase, admitted=5 * (now - 0.4 - state.measured_since))
        return rate_control.throttled(state, started=now - 0.4, now=now, retry_after=None, in_use=2)

    once = refuse(state, 20.4, PacingPhase.CRUISE)
    assert (once.contended, once.confident) == (True, True)
    twice = refuse(once, 40.4, PacingPhase.CRUISE)
    assert (twice.contended, twice.confident) == (True, False)
    held = refuse(twice, 47.4, PacingPhase.PROBE)
    assert held.contended
    assert not refuse(held, 54.4, PacingPhase.PROBE).contended
    assert not refuse(state, 20.4, PacingPhase.PROBE).contended


def test_processes_without_a_common_ledger_converge_to_equal_shares() -> None:
    """Without the contended probe interval the mean of Jain's index is 0.90 here."""
    indexes = []
    for seed in range(200, 212):
        clients = [Ours(16) for _ in range(3)]
        trace = run(
            Bucket(((0, 10.0),)), clients, seconds=240, latency=0.4, seed=seed, starts=(0.0, 20.0, 40.0)
        )
        shares = [sum(at >= 120 for at in by) for by in trace.by]
        indexes.append(sum(shares) ** 2 / (3 * sum(share**2 for share in shares)))
    assert statistics.mean(indexes) > 0.955
