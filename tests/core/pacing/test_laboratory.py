"""The bars of the table that are quick to check, in the median of a few seeds."""

import statistics

import pytest

from tests.support.pacing_lab.drawn import Drawn
from tests.support.pacing_lab.informed import bound
from tests.support.pacing_lab.scenarios import scenarios

BY_NAME = {scenario.name: scenario for scenario in scenarios()}


@pytest.mark.parametrize(
    "name",
    [
        "steady 1/s",
        "429s count, 20/s",
        "150 per fixed minute",
        "no quota, latency 2 s",
        "FAILED past 50 pending",
        "10 → 2 → 8 tokens",
    ],
)
def test_the_bars_hold(name: str) -> None:
    scenario = BY_NAME[name]
    runs = [scenario.measure("ours", seed) for seed in range(3)]
    assert all(trace.gated == 0 for _, trace in runs)
    for measure, values in zip(
        scenario.measures, zip(*(values for values, _ in runs), strict=True), strict=True
    ):
        assert measure.holds(statistics.median(values)), (measure, values)


@pytest.mark.parametrize(("latency", "low", "high"), [(0.005, 0.94, 1.05), (4.0, 0.1, 0.8)])
def test_a_client_that_knows_everything_is_bounded_by_jitter_alone(
    latency: float, low: float, high: float
) -> None:
    """A bucket of one request is used up on a quick link, and by no one where jitter exceeds the spacing."""
    scenario = Drawn(
        0, "bucket", 10.0, latency, 0.1, "exact", charge=False, share=0.0, outage=0.0,
        steps=((0.0, 1.0), (0.5, 0.5)), processes=2, ledger=False, seconds=60.0,
    )  # fmt: skip
    result = bound(scenario, most_refused=0.05)
    assert result.refused <= 0.05
    assert low <= result.goodput <= high


def test_a_client_that_knows_everything_keeps_within_a_minute() -> None:
    scenario = Drawn(
        7, "window", 0.5, 0.5, 1.0, "absent", charge=False, share=0.0, outage=20.0,
        steps=((0.0, 1.0),), processes=1, ledger=False, seconds=300.0,
    )  # fmt: skip
    result = bound(scenario, most_refused=0.05)
    assert result.refused <= 0.02
    assert result.goodput >= 0.95
