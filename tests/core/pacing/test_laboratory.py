"""The bars of the table that are quick to check, in the median of a few seeds."""

import statistics

import pytest

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
