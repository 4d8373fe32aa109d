"""Values of settings from texts, numbers and whatever else a file may hold."""

from pathlib import Path

import pytest

from objlib.core.config.parsers import lines, pacing, seconds

HERE = Path()


@pytest.mark.parametrize(
    ("raw", "duration"),
    [(5, 5.0), ("0.5", 0.5), (0, 0.0), (" 60 ", 60.0), (1e2, 100.0), ("5 s", 5.0), ("1m30s", 90.0)],
)
def test_a_duration_is_read_from_a_number_or_a_text(raw: object, duration: float) -> None:
    value = seconds(0, 100)(raw, HERE, HERE)
    assert (value, type(value)) == (duration, float)


@pytest.mark.parametrize(
    "raw", [-0.1, 100.1, "5 s 3", "2m", "nan", "inf", 10**400, True, None, [5]], ids=repr
)
def test_a_duration_out_of_its_range_is_refused(raw: object) -> None:
    with pytest.raises(ValueError, match=r"a time such as .* from 0 seconds to 100 seconds"):
        seconds(0, 100)(raw, HERE, HERE)


@pytest.mark.parametrize(
    ("raw", "duration"),
    [
        ("7d", 604_800.0),
        ("1h30m", 5400.0),
        ("1.5h", 5400.0),
        (" 2W ", 1_209_600.0),
        ("1d 2h 3m 4s", 93_784.0),
    ],
)
def test_a_duration_has_units(raw: str, duration: float) -> None:
    assert seconds(0, 1e9)(raw, HERE, HERE) == duration


@pytest.mark.parametrize(
    "raw", ["7days", "d", "1h-30m", "-7d", "1e3d", "9" * 30 + "d", "٣d", "1..5h", "36501d"]
)
def test_what_is_no_duration_is_refused(raw: str) -> None:
    with pytest.raises(ValueError, match="to 36500 days"):
        seconds(0, 36_500 * 86_400)(raw, HERE, HERE)


@pytest.mark.parametrize("rule", ["caf\udce9/*", "half \ud800/*"])
def test_a_rule_that_is_no_valid_unicode_is_refused(rule: str) -> None:
    with pytest.raises(ValueError, match="a list of texts in UTF-8"):
        lines(["*.tmp", rule], HERE, HERE)


@pytest.mark.parametrize(("raw", "name"), [("measured", "measured"), (" AIMD ", "aimd")])
def test_a_pacing_is_one_of_two_names(raw: str, name: str) -> None:
    assert pacing(raw, HERE, HERE) == name
    with pytest.raises(ValueError, match="measured or aimd"):
        pacing(f"{raw}x", HERE, HERE)
