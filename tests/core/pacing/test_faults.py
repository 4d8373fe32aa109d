"""The experiment that tells random faults from congestion."""

import math
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objlib.core.pacing import faults
from objlib.core.pacing.faults import FaultMode, FaultMonitor, Observation, Verdict
from objlib.core.pacing.measured import MeasuredController
from objlib.core.pacing.state import PaceState, PacingPhase
from objlib.core.pacing.tuning import TUNING
from tests.support.pacing_lab.verdicts import SHARES, experiment, false_verdicts


def feed(
    monitor: FaultMonitor, outcomes: list[bool], *, now: float = 0.0, step: float = 0.05
) -> FaultMonitor:
    """Give answers at regular times, each to a request that started just before."""
    for number, fault in enumerate(outcomes):
        at = now + step * (number + 1)
        answer = Observation(at - step / 2, at, fault=fault, calm=True, send_rate=math.inf)
        monitor, _ = faults.answered(monitor, answer)
    return monitor


@pytest.mark.parametrize("share", SHARES)
def test_random_faults_are_not_taken_for_congestion(share: float) -> None:
    assert false_verdicts(share, seeds=12) == 0


@pytest.mark.parametrize("share", [0.3, 0.6, 0.94])
@pytest.mark.parametrize("noise", [0.0, 0.03])
def test_faults_that_vanish_at_a_lower_speed_are_congestion(share: float, noise: float) -> None:
    found = sum(Verdict.CONGESTION in experiment(share, noise, seed, answers=400) for seed in range(20))
    assert found >= 18


@given(st.lists(st.booleans(), max_size=300))
def test_a_monitor_stays_within_its_bounds(outcomes: list[bool]) -> None:
    monitor = feed(FaultMonitor(), outcomes)
    assert TUNING.noise_floor <= monitor.noise <= 2 * TUNING.assumed_noise
    assert monitor.deficit >= 0
    assert monitor.score >= 0
    assert monitor.limit > 0
    assert faults.departure(monitor, 100.0) < math.inf


def test_each_success_makes_up_for_one_fault() -> None:
    monitor = feed(FaultMonitor(), [True] * 5)
    assert monitor.deficit == 5
    assert feed(monitor, [False] * 3, now=1.0).deficit == 2
    assert feed(monitor, [False] * 9, now=1.0).deficit == 0


def test_a_run_of_faults_is_an_outage_and_one_success_ends_it() -> None:
    monitor = feed(FaultMonitor(), [False] * 20 + [True] * 20)
    assert monitor.mode is FaultMode.OUTAGE
    assert monitor.limit == pytest.approx(1 / TUNING.outage_probe)
    ended = feed(monitor, [False], now=10.0)
    assert ended.mode is FaultMode.CLEAR
    assert (ended.limit, ended.deficit) == (math.inf, 0)


def test_an_outage_whose_first_single_request_passes_is_tested_for_overload() -> None:
    failures = next(n for n in count(1) if feed(FaultMonitor(), [True] * n).mode is FaultMode.OUTAGE)
    monitor = feed(FaultMonitor(), [True] * failures)
    assert feed(monitor, [False], now=5.0).mode is FaultMode.TEST


def test_answers_to_requests_of_another_speed_do_not_count() -> None:
    monitor = faults.restarted(FaultMonitor(), 100.0)
    assert feed(monitor, [True, False, True], now=0.0).answers == 0


def test_a_lost_alarm_is_forgotten() -> None:
    """Three faults close together raise an alarm; with none after them it was chance."""
    monitor = feed(FaultMonitor(), [True, False, True, True])
    assert monitor.mode is FaultMode.MEASURE
    assert feed(monitor, [False] * 60, now=1.0).mode is FaultMode.CLEAR


@pytest.mark.parametrize(("interval", "refused"), [(100.0, True), (100_000.0, False)])
def test_faults_close_together_are_a_refusal_only_where_few_come_by_chance(
    interval: float, refused: bool
) -> None:
    """A quick service breaks two requests in a row several times a second; each time the rate fell."""
    monitor, verdicts = FaultMonitor(congested=True, noise=0.08, noise_weight=1000), []
    for at in (1.0, 1.1, 1.2):
        answer = Observation(at - 0.01, at, fault=True, calm=True, send_rate=300.0, interval=interval)
        monitor, verdict = faults.answered(monitor, answer)
        verdicts.append(verdict)
    assert (Verdict.REFUSED in verdicts) == refused


def test_two_faults_at_a_lower_speed_do_not_show_that_most_of_them_are_random() -> None:
    """Where a quarter fails at any speed, two in a row are no rarity."""
    tested = FaultMonitor(mode=FaultMode.TEST, base_answers=45, base_faults=37, limit=5.0)
    assert feed(tested, [True, True]).mode is FaultMode.TEST
    assert feed(tested, [True] * 8).mode is FaultMode.CLEAR


def test_a_test_that_stays_undecided_teaches_the_noise() -> None:
    tested = FaultMonitor(mode=FaultMode.TEST, base_answers=95, base_faults=5, limit=5.0)
    outcomes = [number % 25 == 12 for number in range(60)]
    after = feed(tested, outcomes)
    assert after.mode is FaultMode.MEASURE
    assert after.noise > 0.02


@pytest.mark.parametrize("mode", [FaultMode.MEASURE, FaultMode.TEST])
def test_an_experiment_holds_the_speed(mode: FaultMode) -> None:
    """It compares two speeds: a ramp that went on would make each test quicker than the one before."""
    pace = PaceState(ceiling=64, rate=10.0, rtt=0.05, phase=PacingPhase.STARTUP, gain=1.5, measured_since=0.0)
    controller = MeasuredController(
        pace._replace(last_departure=0.9),
        FaultMonitor(mode=mode, congested=True, base_answers=45, base_faults=20),
    )
    gains = []
    for number in range(12):
        now = 1.0 + number / 20
        controller = controller.departed(now)
        controller = controller.succeeded(started=now, now=now + 0.05, in_use=1)
        gains.append(controller.pace.gain)
    assert gains == [1.5] * 12
