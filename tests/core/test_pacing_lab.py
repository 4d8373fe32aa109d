"""The bars of the table that take no time to check, on one seed: the laboratory works, and the pace is what it was."""

import pytest

from benchmarks.pacing_lab.scenarios import scenarios

BY_NAME = {scenario.name: scenario for scenario in scenarios()}


@pytest.mark.parametrize(
    "name",
    [
        "steady 1/s",
        "429s count, 20/s",
        "150 per fixed minute",
        "no quota, latency 2 s",
        "FAILED past 50 pending",
    ],
)
def test_the_bars_hold_on_one_seed(name: str) -> None:
    scenario = BY_NAME[name]
    values, trace = scenario.measure("ours", 3)
    for measure, value in zip(scenario.measures, values, strict=True):
        slack = 0.01 if measure.percent else 0.0
        assert measure.holds(value - slack if measure.most else value + slack), (measure, value)
    assert trace.gated == 0
