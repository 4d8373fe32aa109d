"""The arithmetic of the governor, as properties."""

import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.pacing_lab.servers import Open
from benchmarks.pacing_lab.simulate import run
from benchmarks.pacing_lab.strategies import Ours
from objlib.core import pacing
from objlib.core.pacing import Pace

times = st.floats(0, 1e6)
seconds = st.floats(0.001, 30)


@st.composite
def histories(draw: st.DrawFn) -> Pace:
    """A pace after any history of departures, answers and push-backs."""
    pace = Pace(ceiling=draw(st.integers(1, 64)), window=draw(st.floats(1, 64)))
    now = 0.0
    for _ in range(draw(st.integers(0, 40))):
        now += draw(st.floats(0, 10))
        started = max(0.0, now - draw(seconds))
        match draw(st.sampled_from(("starts", "passes", "fails", "shares"))):
            case "starts":
                now = pacing.departure(pace, now)
                pace = pacing.departed(pace, now)
            case "passes":
                in_use = draw(st.integers(0, 64))
                pace = pacing.succeeded(pace, started=started, now=now, in_use=in_use)
            case "fails":
                pause = draw(st.none() | st.floats(0, 100))
                in_use = draw(st.integers(0, 64))
                pace = pacing.pushed_back(pace, started=started, now=now, retry_after=pause, in_use=in_use)
            case _:
                pace = pacing.shared(pace, draw(st.lists(st.floats(0, 100), min_size=1, max_size=4)))
    return pace


def after_all(pace: Pace) -> float:
    """A moment after everything that a history holds."""
    return max(0.0, pace.cut_at, pace.gate, pace.turn) + 1000


@given(histories(), times)
def test_tokens_are_zero_inside_the_gate_and_within_the_ceiling_outside(pace: Pace, now: float) -> None:
    total = pacing.tokens(pace, now)
    assert (total == 0) == (now < pace.gate)
    assert 0 <= total <= pace.ceiling


@given(histories(), times)
def test_nothing_departs_inside_the_gate_or_too_early(pace: Pace, now: float) -> None:
    moment = pacing.departure(pace, now)
    assert moment >= max(now, pace.gate)
    if pace.learnt:
        assert moment >= pace.turn + 1 / pacing.speed(pace)


@given(histories())
def test_there_is_always_a_pace_and_it_is_a_number(pace: Pace) -> None:
    assert pacing.speed(pace) > 0.99 * pacing.SLOWEST * pacing.SLOWER
    assert pace.learnt == math.isfinite(pacing.speed(pace))
    assert pacing.departure(pace, after_all(pace)) < math.inf


@given(histories(), st.floats(0, 100), seconds)
def test_success_never_lowers_the_pace_or_the_window(pace: Pace, took: float, in_use: float) -> None:
    now = after_all(pace)
    settled = pacing.succeeded(pace, started=now - took, now=now, in_use=int(in_use))
    after = pacing.succeeded(settled, started=now, now=now + took, in_use=int(in_use))
    assert after.rate == settled.rate
    assert after.push >= settled.push
    assert after.window >= min(settled.window, settled.ceiling)


@given(histories(), seconds, st.none() | st.floats(0, 60), st.integers(1, 64))
def test_an_epoch_cuts_once(pace: Pace, took: float, pause: float | None, in_use: int) -> None:
    now = after_all(pace)
    first = pacing.pushed_back(pace, started=now - took, now=now, retry_after=pause, in_use=in_use)
    burst = first
    for _ in range(15):
        burst = pacing.pushed_back(burst, started=now - took, now=now, retry_after=pause, in_use=in_use)
    assert burst.rate == first.rate
    assert burst.calm == first.calm


@given(histories(), seconds, st.integers(1, 64))
def test_a_surprise_never_raises_the_pace(pace: Pace, took: float, in_use: int) -> None:
    now = after_all(pace)
    before = pacing.speed(pace)
    after = pacing.pushed_back(pace, started=now - took, now=now, retry_after=None, in_use=in_use)
    assert pacing.speed(after) <= max(before, pacing.SLOWEST)


@given(histories(), times, st.floats(0, 100), st.floats(0, 100))
def test_overlapping_pauses_keep_the_latest_end(pace: Pace, now: float, one: float, other: float) -> None:
    both = pacing.pushed_back(
        pacing.pushed_back(pace, started=now, now=now, retry_after=one, in_use=1),
        started=now,
        now=now,
        retry_after=other,
        in_use=1,
    )
    assert both.gate == max(pace.gate, now + one, now + other)


@given(st.floats(0.01, 50), st.floats(0.05, 5), st.integers(20, 60))
def test_departures_keep_the_rate_even_below_one_request_per_round_trip(
    rate: float, rtt: float, count: int
) -> None:
    pace = Pace(ceiling=16, rate=rate, rtt=rtt)
    now = 0.0
    for _ in range(count):
        now = pacing.departure(pace, now)
        pace = pacing.departed(pace, now)
    assert math.isclose(now, (count - 1) / (pacing.CRUISE * rate), rel_tol=1e-6)


@given(st.floats(0.05, 20), st.lists(st.floats(0, 1), min_size=30, max_size=60))
def test_lateness_is_made_up_for_and_never_by_a_burst(rate: float, lates: list[float]) -> None:
    """Starts that come late keep the rate on average; over any span there is at most one more than it allows."""
    pace = pacing.departed(Pace(ceiling=16, rate=rate, rtt=0.1), 0.0)
    step = 1 / pacing.speed(pace)
    starts = [0.0]
    for late in lates:
        now = pacing.departure(pace, starts[-1]) + 0.9 * step * late
        pace = pacing.departed(pace, now)
        starts.append(now)
    for begin in range(len(starts)):
        for end in range(begin + 1, len(starts)):
            assert (end - begin - 1) * step <= starts[end] - starts[begin] + 1e-6


def test_an_idle_budget_learns_no_faster_pace() -> None:
    pace = Pace(ceiling=16, window=8.0, rtt=0.1)
    assert pacing.succeeded(pace, started=0.0, now=0.1, in_use=2).window == 8.0
    learnt = Pace(ceiling=16, rate=10.0, rtt=0.1)
    now = 0.0
    for _ in range(500):
        now += 1.0
        learnt = pacing.departed(learnt, now)
        learnt = pacing.succeeded(learnt, started=now, now=now + 0.1, in_use=1)
    assert learnt.push < 1


@given(st.lists(st.floats(0, 100), min_size=1, max_size=5).filter(lambda rates: sum(rates) > 0.1))
def test_processes_on_one_ledger_share_what_they_have_together(rates: list[float]) -> None:
    parts = [pacing.shared(Pace(ceiling=4, rate=rate or math.inf), rates).rate for rate in rates]
    assert math.isclose(sum(parts), sum(rates))
    assert len(set(parts)) == 1


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


def test_a_pace_that_broken_answers_took_away_comes_back_within_minutes() -> None:
    """Found by killing real processes: each run halved the rate it inherited, until one sent twice in four minutes."""
    crawling = Ours(16)
    crawling.pace = replace(crawling.pace, rate=pacing.SLOWEST)
    trace = run(Open(), [crawling], seconds=120, latency=0.05, seed=1)
    assert len(trace.served) > 100
