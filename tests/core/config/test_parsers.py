"""Values of settings from texts, numbers and whatever else a file may hold."""

from pathlib import Path

import pytest

from objlib.core.config.parsers import seconds

HERE = Path()


@pytest.mark.parametrize(
    ("raw", "duration"), [(5, 5.0), ("0.5", 0.5), (0, 0.0), (" 60 ", 60.0), (1e2, 100.0)]
)
def test_a_duration_is_read_from_a_number_or_a_text(raw: object, duration: float) -> None:
    value = seconds(0, 100)(raw, HERE, HERE)
    assert (value, type(value)) == (duration, float)


@pytest.mark.parametrize("raw", [-0.1, 100.1, "5 s", "nan", "inf", 10**400, True, None, [5]], ids=repr)
def test_a_duration_out_of_its_range_is_refused(raw: object) -> None:
    with pytest.raises(ValueError, match="a number of seconds from 0 to 100"):
        seconds(0, 100)(raw, HERE, HERE)
