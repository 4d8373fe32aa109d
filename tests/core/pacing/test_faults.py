"""The experiment that tells random faults from congestion."""

import math
import random
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objlib.core.pacing import faults
from objlib.core.pacing.faults import FaultMode, FaultMonitor, Observation, Verdict
from objlib.core.pacing.tuning import TUNING


def feed(
    monitor: FaultMonitor, outcomes: list[bool], *, now: float = 0.0, step: float = 0.05
) -> FaultMonitor:
    """Give answers at regular times, each to a request that started just before."""
    for number, fault in enumerate(outcomes):
        at = now + step * (number + 1)
        answer = Observation(at - step / 2, at, fault=fault, calm=True, send_rate=math.inf)
        monitor, _ = faults.answered(monitor, answer)
    return monitor


def experiment(share: float, low_share: float, seed: int, answers: int = 4000) -> list[Verdict]:
    """Verdicts on a service whose share of faults is lower at the speed of a test."""
    chance, monitor, verdicts = random.Random(seed), FaultMonitor(), []
    now = 0.0
    for _ in range(answers):
        now += 0.05
        slow = monitor.mode in {FaultMode.TEST, FaultMode.OUTAGE} or monitor.congested
        fault = chance.random() < (low_share if slow else share)
        answer = Observation(now - 0.02, now, fault=fault, calm=True, send_rate=math.inf)
        monitor, verdict = faults.answered(monitor, answer)
        verdicts.append(verdict)
    return verdicts


@pytest.mark.parametrize("share", [0.01, 0.03, 0.06, 0.12, 0.25])
def test_random_faults_are_not_taken_for_congestion(share: float) -> None:
    wrong = sum(Verdict.CONGESTION in experiment(share, share, seed) for seed in range(12))
    assert wrong == 0


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
