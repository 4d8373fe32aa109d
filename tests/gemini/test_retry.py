"""How long to wait, wherever the service says it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objlib.gemini.envelope import read_envelope
from objlib.gemini.retry import LONGEST_WAIT, retry_after

NOON = 1_793_534_400.0  # Sun, 01 Nov 2026 12:00:00 GMT


def wait(headers: dict[str, str] | None = None, delay: Any = None, message: str = "") -> float | None:
    error: dict[str, Any] = {"code": 429, "message": message}
    if delay is not None:
        error["details"] = [
            {"@type": "x/google.rpc.Help"},
            {"@type": "x/google.rpc.RetryInfo", "retryDelay": delay},
        ]
    return retry_after(headers or {}, read_envelope(json.dumps({"error": error}).encode()), NOON)


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [
        ("28s", 28.0),
        ("28.5s", 28.5),
        ("0s", 0.0),
        ("0.000000001s", 1e-9),
        ({"seconds": "28", "nanos": 500_000_000}, 28.5),
        ({"seconds": 3}, 3.0),
        ("999999999s", LONGEST_WAIT),
        ("-3s", None),
        ("soon", None),
        ({"seconds": "nan"}, None),
        ({"seconds": []}, None),
        (28, None),
    ],
)
def test_retry_info_is_a_protobuf_duration(delay: Any, seconds: float | None) -> None:
    assert wait(delay=delay) == seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("1.5", 1.5),
        ("Sun, 01 Nov 2026 12:00:30 GMT", 30.0),
        ("Sun, 01 Nov 2026 11:00:00 GMT", 0.0),
        ("tomorrow", None),
        ("", None),
        ("٣", None),
    ],
)
def test_the_header_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert wait({"retry-after": value}) == seconds


def test_a_date_is_compared_with_the_services_own_clock() -> None:
    headers = {"retry-after": "Sun, 01 Nov 2026 09:00:30 GMT", "date": "Sun, 01 Nov 2026 09:00:00 GMT"}
    assert wait(headers) == 30.0


def test_the_sentence_in_the_message_counts_when_nothing_else_says() -> None:
    assert wait(message="Quota exceeded. Please retry in 28.306s.") == 28.306
    assert wait(message="Please retry in 731.5ms.") == pytest.approx(0.7315)
    assert wait({"retry-after": "5"}, message="Please retry in 28s.") == 5.0
    assert wait({"retry-after": "5"}, delay="7s") == 7.0
    assert wait() is None


@given(st.integers(0, 10**6), st.integers(0, 999_999_999))
def test_every_duration_is_read_exactly(seconds: int, nanos: int) -> None:
    pause = wait(delay=f"{seconds}.{nanos:09}s")
    assert pause is not None
    assert pause == pytest.approx(min(seconds + nanos / 1e9, LONGEST_WAIT))
