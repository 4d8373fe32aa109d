"""The arithmetic of the governor, as properties."""

import math

from hypothesis import given
from hypothesis import strategies as st

from objlib.core import pacing
from objlib.core.pacing import Pace

times = st.floats(0, 1e6)
seconds = st.floats(0.001, 30)


@st.composite
def histories(draw: st.DrawFn) -> Pace:
    """A pace after any history of answers and push-backs."""
    pace = Pace(ceiling=draw(st.integers(1, 64)), window=draw(st.floats(0.1, 64)))
    now = 0.0
    for _ in range(draw(st.integers(0, 40))):
        now += draw(st.floats(0, 10))
        if draw(st.booleans()):
            pace = pacing.succeeded(
                pacing.departed(pace, now), seconds=draw(seconds), in_use=draw(st.integers(0, 64))
            )
        else:
            pause = draw(st.none() | st.floats(0, 100))
            pace = pacing.pushed_back(pace, started=now - draw(seconds), now=now, retry_after=pause)
    return pace


@given(histories(), times)
def test_tokens_are_zero_inside_the_gate_and_within_the_ceiling_outside(pace: Pace, now: float) -> None:
    total = pacing.tokens(pace, now)
    assert (total == 0) == (now < pace.gate)
    assert 0 <= total <= pace.ceiling


@given(histories(), times)
def test_nothing_departs_inside_the_gate_or_too_early(pace: Pace, now: float) -> None:
    moment = pacing.departure(pace, now)
    assert moment >= max(now, pace.gate, pace.next_start)


@given(histories(), seconds, st.integers(0, 64))
def test_success_never_lowers_the_window(pace: Pace, took: float, in_use: int) -> None:
    after = pacing.succeeded(pace, seconds=took, in_use=in_use)
    assert min(pace.window, pace.ceiling) <= after.window <= pace.ceiling


@given(histories(), st.floats(0, 100), seconds)
def test_an_epoch_cuts_once(pace: Pace, later: float, took: float) -> None:
    now = max(0.0, pace.cut_at) + 1000 + later
    first = pacing.pushed_back(pace, started=now - took, now=now, retry_after=None)
    assert first.window == max(pacing.SMALLEST_WINDOW, pace.window * pacing.CUT)
    burst = first
    for _ in range(15):
        burst = pacing.pushed_back(burst, started=now - took, now=now, retry_after=None)
    assert burst.window == first.window


@given(histories(), times, st.floats(0, 100), st.floats(0, 100))
def test_overlapping_pauses_keep_the_latest_end(pace: Pace, now: float, one: float, other: float) -> None:
    both = pacing.pushed_back(
        pacing.pushed_back(pace, started=now, now=now, retry_after=one),
        started=now,
        now=now,
        retry_after=other,
    )
    assert both.gate == max(pace.gate, now + one, now + other)


def test_departures_are_spaced_slower_than_one_request_per_round_trip() -> None:
    pace = Pace(ceiling=16, window=0.5, rtt=0.4, learnt=True)
    after = pacing.departed(pace, 10.0)
    assert math.isclose(after.next_start, 10.0 + 0.9 * 0.4 / 0.5)


def test_an_idle_budget_learns_no_larger_window() -> None:
    pace = Pace(ceiling=16, window=8.0, rtt=0.1)
    assert pacing.succeeded(pace, seconds=0.1, in_use=2).window == 8.0


@given(st.integers(1, 1000), st.floats(0, 1, exclude_max=True))
def test_backoff_is_bounded_and_never_zero(attempt: int, jitter: float) -> None:
    wait = pacing.backoff(attempt, jitter=jitter)
    assert 0.25 <= wait <= 60


@given(st.lists(st.floats(0, 1000), max_size=40))
def test_the_first_poll_comes_when_most_documents_are_ready(settled: list[float]) -> None:
    assert 0.02 <= pacing.first_poll(settled) <= 10


@given(st.floats(0, 1e4))
def test_polls_get_rarer_and_never_stop(waited: float) -> None:
    assert 0.05 <= pacing.next_poll(waited) <= 10
