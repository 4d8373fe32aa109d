"""The arithmetic of the governor, as properties."""

import math
import statistics
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.pacing_lab.heldout import Windows
from benchmarks.pacing_lab.servers import Bucket, Open, Window
from benchmarks.pacing_lab.simulate import run
from benchmarks.pacing_lab.strategies import Ours
from objlib.core.pacing import backoff, controller
from objlib.core.pacing.controller import HURRY, OVERRUN
from objlib.core.pacing.estimator import measured
from objlib.core.pacing.state import (
    CRUISE,
    SLOWER,
    SLOWEST,
    UNSURE,
    Pace,
    PacingPhase,
    calm,
    owed,
    price,
    speed,
)

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
                now = controller.departure(pace, now)
                pace = controller.departed(pace, now)
            case "passes":
                in_use = draw(st.integers(0, 64))
                pace = controller.succeeded(pace, started=started, now=now, in_use=in_use)
            case "fails":
                pause = draw(st.none() | st.floats(0, 100))
                in_use = draw(st.integers(0, 64))
                pace = controller.pushed_back(
                    pace, started=started, now=now, retry_after=pause, in_use=in_use
                )
            case _:
                pace = controller.shared(pace, draw(st.lists(st.floats(0, 100), min_size=1, max_size=4)), now)
    return pace


def after_all(pace: Pace) -> float:
    """A moment after everything that a history holds."""
    return max(0.0, pace.cut_at, pace.gate, pace.turn) + 1000


@given(histories(), times)
def test_tokens_are_zero_inside_the_gate_and_within_the_ceiling_outside(pace: Pace, now: float) -> None:
    total = controller.tokens(pace, now)
    assert (total == 0) == (now < pace.gate)
    assert 0 <= total <= pace.ceiling


@given(histories(), times)
def test_nothing_departs_inside_the_gate_or_too_early(pace: Pace, now: float) -> None:
    moment = controller.departure(pace, now)
    assert moment >= max(now, pace.gate)
    if pace.learnt:
        assert moment >= pace.turn + 1 / speed(pace)


@given(histories())
def test_there_is_always_a_pace_and_it_is_a_number(pace: Pace) -> None:
    assert speed(pace) > 0.99 * SLOWEST * SLOWER
    assert pace.learnt == math.isfinite(speed(pace))
    assert controller.departure(pace, after_all(pace)) < math.inf


@given(histories(), st.floats(0, 100), seconds)
def test_success_never_lowers_the_rate_or_the_window(pace: Pace, took: float, in_use: float) -> None:
    now = after_all(pace)
    settled = controller.succeeded(pace, started=now - took, now=now, in_use=int(in_use))
    after = controller.succeeded(settled, started=now, now=now + took, in_use=int(in_use))
    assert after.rate >= settled.rate
    assert after.window >= min(settled.window, settled.ceiling)


@given(histories(), seconds, st.none() | st.floats(0, 60), st.integers(1, 64))
def test_an_epoch_cuts_once(pace: Pace, took: float, pause: float | None, in_use: int) -> None:
    now = after_all(pace)
    first = controller.pushed_back(pace, started=now - took, now=now, retry_after=pause, in_use=in_use)
    burst = first
    for _ in range(15):
        burst = controller.pushed_back(burst, started=now - took, now=now, retry_after=pause, in_use=in_use)
    assert burst.rate == first.rate
    assert burst.calm == first.calm


@given(histories(), seconds, st.integers(1, 64))
def test_a_surprise_never_raises_the_pace(pace: Pace, took: float, in_use: int) -> None:
    now = after_all(pace)
    before = speed(pace)
    after = controller.pushed_back(pace, started=now - took, now=now, retry_after=None, in_use=in_use)
    assert speed(after) <= max(before, SLOWEST)


@given(histories(), times, st.floats(0, 100), st.floats(0, 100))
def test_overlapping_pauses_keep_the_latest_end(pace: Pace, now: float, one: float, other: float) -> None:
    both = controller.pushed_back(
        controller.pushed_back(pace, started=now, now=now, retry_after=one, in_use=1),
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
        now = controller.departure(pace, now)
        pace = controller.departed(pace, now)
    assert math.isclose(now, (count - 1) / (CRUISE * rate), rel_tol=1e-6)


@given(st.floats(0.05, 20), st.lists(st.floats(0, 1), min_size=30, max_size=60))
def test_lateness_is_made_up_for_and_never_by_a_burst(rate: float, lates: list[float]) -> None:
    """Starts that come late keep the rate on average; over any span there is at most one more than it allows."""
    pace = controller.departed(Pace(ceiling=16, rate=rate, rtt=0.1), 0.0)
    step = 1 / speed(pace)
    starts = [0.0]
    for late in lates:
        now = controller.departure(pace, starts[-1]) + 0.9 * step * late
        pace = controller.departed(pace, now)
        starts.append(now)
    for begin in range(len(starts)):
        for end in range(begin + 1, len(starts)):
            assert (end - begin - 1) * step <= starts[end] - starts[begin] + 1e-6


@given(histories(), seconds)
def test_a_success_slows_down_to_the_cruise_at_most(pace: Pace, took: float) -> None:
    """What was owed is spent, then the pace is that of the cruise; and a climb goes up, from wherever it begins."""
    now = after_all(pace)
    after = controller.succeeded(pace, started=now - took, now=now, in_use=1)
    assert after.push >= min(pace.push, CRUISE)
    if after.phase is PacingPhase.CLIMBING:
        assert after.push > 1


@given(st.floats(0.5, 100), st.floats(0.1, 100))
def test_more_than_was_due_ends_in_a_climb_and_never_in_a_lower_pace(rate: float, surplus: float) -> None:
    pace = Pace(ceiling=64, rate=rate, rtt=0.4, since=0.0, busy=True, turn=0.0, calm=1.0)
    now, paces = 1.0, [pace]
    for _ in range(30):
        pace = replace(pace, admitted=pace.admitted + 10 * rate + surplus)
        pace = controller.succeeded(pace, started=now, now=now + 0.4, in_use=1)
        paces.append(pace)
        now += 0.4
    climbing = [speed(pace) for pace in paces if pace.phase is PacingPhase.CLIMBING]
    assert climbing
    assert climbing == sorted(climbing)


@given(histories(), times)
def test_what_is_owed_falls_with_each_request_that_is_admitted(pace: Pace, at: float) -> None:
    if pace.learnt and not math.isnan(pace.since):
        more = replace(pace, admitted=pace.admitted + 1)
        assert owed(more, at) <= owed(pace, at)
        assert owed(pace, at + 1) >= owed(pace, at)


def test_a_bucket_that_held_less_than_the_gate_saved_changes_its_depth_and_not_the_rate() -> None:
    pace = Pace(
        ceiling=16, rate=10.0, rtt=0.4, since=0.0, hinted=0.0, gated=1.0, calm=1.0, phase=PacingPhase.SPENDING
    )
    pace = replace(pace, admitted=13.0, cut_at=0.2, turn=2.0, push=controller.SPEND)
    after = controller.pushed_back(pace, started=2.0, now=2.4, retry_after=1, in_use=4)
    assert after.rate == pace.rate
    assert after.depth < 0.5


@given(st.integers(0, 30), st.none() | st.sampled_from((0.1, 1.0, 2.0, 30.0)))
def test_a_first_refusal_that_says_little_does_not_end_the_search(admitted: int, pause: float | None) -> None:
    pace = Pace(ceiling=16, rtt=0.4, since=0.0, admitted=float(admitted))
    after = controller.pushed_back(pace, started=0.0, now=0.4, retry_after=pause, in_use=4)
    quick = pause is None or pause <= controller.SOON
    assert (after.phase is PacingPhase.CLIMBING) == (quick and admitted < controller.FEW)


@pytest.mark.parametrize(("holds", "hint"), [(2.0, True), (2.0, False)])
def test_a_bucket_of_a_few_requests_is_not_taken_for_a_slow_one(holds: float, hint: bool) -> None:
    """Two pass at the start, whatever the quota is: half a minute later most of it is used."""
    server = Bucket(((0, 8.0),), burst=0.0, least=holds, hint=hint)
    trace = run(server, [Ours(16)], seconds=60, latency=0.4, seed=1)
    assert trace.count(15, 60) >= 0.75 * server.allowed(15, 60)
    assert trace.gated == 0


def test_where_there_was_a_window_a_short_wait_is_the_end_of_the_next() -> None:
    pace = Pace(
        ceiling=16,
        rate=2.0,
        rtt=0.4,
        since=10.0,
        hinted=60.0,
        whole=50.0,
        calm=1.0,
        phase=PacingPhase.PROBING,
    )
    pace = replace(pace, admitted=119.0, turn=118.0, cut_at=10.0)
    after = controller.pushed_back(pace, started=118.0, now=118.4, retry_after=2, in_use=1)
    assert after.gated == 0
    assert after.gate >= 120
    assert math.isclose(after.rate, 119 / 60)


@given(rate=st.floats(0.1, 50), span=st.floats(1, 120), rtt=st.floats(0.05, 5))
def test_a_window_is_used_up_early_where_that_costs_a_small_share_of_it(
    rate: float, span: float, rtt: float
) -> None:
    pace = Pace(ceiling=64, rate=rate, rtt=rtt, since=0.0, hinted=0.0, whole=1.0, known=span, calm=1.0)
    after = controller.succeeded(replace(pace, busy=True), started=0.5, now=0.5 + rtt, in_use=1)
    assert CRUISE <= after.push <= HURRY
    assert after.push <= 1 or 1 + speed(after) * rtt <= 1.001 * OVERRUN * rate * span


@pytest.mark.parametrize("seed", range(3))
def test_a_rise_is_noticed_within_the_window_in_which_it_comes(seed: int) -> None:
    server = Windows(((0, Window(600)), (120, Window(120)), (240, Window(600))))
    trace = run(server, [Ours(16)], seconds=360, latency=0.4, seed=seed)
    assert trace.count(240, 300) == server.allowed(240, 300) == 600
    assert trace.wasted() < 0.03


@pytest.mark.parametrize("latency", [0.01, 0.05, 0.2, 0.4])
@pytest.mark.parametrize(("high", "low"), [(20.0, 4.0), (10.0, 5.0), (100.0, 20.0)])
@pytest.mark.parametrize("hint", [True, False])
def test_a_quota_that_falls_is_followed_whatever_a_request_takes(
    latency: float, high: float, low: float, hint: bool
) -> None:
    """Where few are in flight only refusals in a row tell; before they were listened to, up to 72 % were refused."""
    server = Bucket(((0, high), (60, low)), hint=hint, whole=False)
    trace = run(server, [Ours(64)], seconds=120, latency=latency, seed=1)
    assert trace.wasted(60, 120) < 0.13
    assert trace.wasted(80, 120) < 0.07
    assert trace.count(60, 120) > 0.93 * server.allowed(60, 120)


@given(st.floats(5, 20), st.floats(0.1, 0.8))
def test_what_the_copy_wrongly_held_is_put_down_to_the_rate_by_half(rate: float, gated: float) -> None:
    """An unsure rate falls less if a closed gate may be why more was expected, and it still falls."""
    pace = Pace(ceiling=16, rate=rate, rtt=0.4, since=0.0, busy=True, calm=0.25)
    pace = replace(pace, admitted=1.2 * rate, turn=1.9, cut_at=0.2)

    def learn(pace: Pace) -> float:
        return controller.pushed_back(pace, started=2.0, now=2.4, retry_after=1, in_use=4).rate

    open_gate, closed = learn(pace), learn(replace(pace, gated=gated))
    assert open_gate < closed < rate


def test_an_idle_budget_learns_no_faster_pace() -> None:
    pace = Pace(ceiling=16, window=8.0, rtt=0.1)
    assert controller.succeeded(pace, started=0.0, now=0.1, in_use=2).window == 8.0
    learnt = Pace(ceiling=16, rate=10.0, rtt=0.1)
    now = 0.0
    for _ in range(500):
        now += 1.0
        learnt = controller.departed(learnt, now)
        learnt = controller.succeeded(learnt, started=now, now=now + 0.1, in_use=1)
    assert learnt.push < 1


@given(
    st.lists(st.floats(0, 100), min_size=1, max_size=5).filter(
        lambda rates: sum(rates) > len(rates) * SLOWEST
    )
)
def test_processes_on_one_ledger_share_what_they_have_together(rates: list[float]) -> None:
    parts = [controller.shared(Pace(ceiling=4, rate=rate or math.inf), rates, 0.0).rate for rate in rates]
    assert math.isclose(sum(parts), sum(rates))
    assert len(set(parts)) == 1


def test_what_left_before_a_part_was_taken_says_nothing_about_it() -> None:
    """A process that knew no limit has many in flight when it hears of one; some of these are refused."""
    pace = controller.departed(Pace(ceiling=16), 0.0)
    pace = controller.shared(pace, [0.0, 10.0], 100.0)
    after = controller.pushed_back(pace, started=99.9, now=100.2, retry_after=0.5, in_use=16)
    assert after.rate == pace.rate
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


def test_a_pace_that_broken_answers_took_away_comes_back_within_minutes() -> None:
    """Found by killing real processes: each run halved the rate it inherited, until one sent twice in four minutes."""
    crawling = Ours(16)
    crawling.pace = replace(crawling.pace, rate=SLOWEST)
    trace = run(Open(), [crawling], seconds=120, latency=0.05, seed=1)
    assert len(trace.served) > 100


@pytest.mark.parametrize(
    ("waits", "cost"),
    [((0.05, 0.1, 0.15, 0.2, 0.25), 0.2), ((0.05, 0.03, 0.01, 0.0, 0.0), 0.0), ((None,) * 5, 0.2)],
)
def test_hints_tell_whether_refused_requests_were_counted(
    waits: tuple[float | None, ...], cost: float
) -> None:
    """Waits that end ever later are those of a service that counts refusals; without a hint, each may have counted."""
    pace = Pace(ceiling=16, rate=20, rtt=0.4, known=4, calm=1, since=5, turn=10, cut_at=5.4, admitted=100)
    for number, wait in enumerate(waits):
        started = 10 + 0.02 * number
        pace = controller.pushed_back(pace, started=started, now=started + 0.4, retry_after=wait, in_use=9)
    assert price(pace) == pytest.approx(cost, abs=0.03)


@given(st.floats(0.1, 100), st.floats(0, 10), st.floats(0, 100), st.floats(0.01, 10))
def test_a_measurement_moves_a_rate_towards_itself(
    rate: float, known: float, admitted: float, span: float
) -> None:
    pace = Pace(ceiling=16, rate=rate, known=known, admitted=admitted)
    low, high = sorted((admitted / span, rate))
    assert max(SLOWER * rate, low) * 0.999 <= measured(pace, span) <= max(high, SLOWEST) * 1.001


def test_a_guess_gives_way_to_a_few_requests_and_a_measured_rate_does_not() -> None:
    guess = Pace(ceiling=16, rate=16, admitted=5)
    assert measured(guess, 0.5) < 11
    assert measured(replace(guess, known=4.0), 0.5) > 15


@pytest.mark.parametrize(
    ("rate", "latency", "seconds", "most"), [(10, 0.01, 45, 14), (1, 0.4, 300, 10), (0.5, 0.4, 300, 12)]
)
def test_a_cold_start_costs_little_more_than_what_was_in_flight(
    rate: float, latency: float, seconds: float, most: int
) -> None:
    """A guess that was too high used to take some twenty refusals to come down, where hints are exact."""
    trace = run(Bucket(((0, rate),), whole=False), [Ours(16)], seconds=seconds, latency=latency, seed=0)
    assert len(trace.refused) <= most


@given(st.floats(0.2, 100), st.floats(0.2, 100), st.floats(0.01, 1))
def test_in_company_the_bigger_part_waits_longer_for_its_probe(one: float, other: float, rtt: float) -> None:
    """And a small part not for as long as one that is alone at that rate, which costs it a refusal in 150."""
    low, high = sorted((one, other))
    small, big = (Pace(ceiling=16, rate=max(2.0, rate), rtt=rtt, company=True) for rate in (low, high))
    assert calm(small) / small.rate <= calm(big) / big.rate * 1.001
    assert calm(small) <= calm(replace(small, company=False, calm=1.0))


def test_it_takes_two_refusals_at_the_cruise_to_tell_of_company_and_two_probes_that_held_to_forget_it() -> (
    None
):
    pace = Pace(ceiling=16, rate=5, rtt=0.4, since=0, turn=20, cut_at=0.2, calm=1, known=4, admitted=100)

    def refuse(pace: Pace, now: float, phase: PacingPhase) -> Pace:
        pace = replace(pace, phase=phase, admitted=5 * (now - 0.4 - pace.since))
        return controller.pushed_back(pace, started=now - 0.4, now=now, retry_after=None, in_use=2)

    once = refuse(pace, 20.4, PacingPhase.CRUISING)
    assert (once.company, once.calm) == (True, 1)
    twice = refuse(once, 40.4, PacingPhase.CRUISING)
    assert (twice.company, twice.calm) == (True, UNSURE)
    held = refuse(twice, 60.4, PacingPhase.PROBING)
    assert held.company
    assert not refuse(held, 80.4, PacingPhase.PROBING).company
    assert not refuse(pace, 20.4, PacingPhase.PROBING).company


def test_processes_that_share_nothing_come_to_equal_parts() -> None:
    """Without a pull the mean of Jain's index is 0.90 here."""
    found = []
    for seed in range(200, 220):
        clients = [Ours(16) for _ in range(3)]
        trace = run(
            Bucket(((0, 10.0),)), clients, seconds=240, latency=0.4, seed=seed, starts=(0.0, 20.0, 40.0)
        )
        shares = [sum(at >= 120 for at in by) for by in trace.by]
        found.append(sum(shares) ** 2 / (3 * sum(share**2 for share in shares)))
    assert statistics.mean(found) > 0.955
