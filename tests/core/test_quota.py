"""Quotas: how they are written, and what a meter lets in."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objlib.core.errors import UsageError
from objlib.core.quota import Meter, Quota, parse_quota


@pytest.mark.parametrize(
    ("text", "quota"),
    [
        ("10/s", Quota(10)),
        ("0.5/s, silent", Quota(0.5, silent=True)),
        ("150/min,window", Quota(150, 60, window=True)),
        ("20/s,charged", Quota(20, charged=True)),
        ("1500/day", Quota(1500, 86_400)),
        ("16-at-once", Quota(at_once=16)),
        ("10/s,4-at-once", Quota(10, at_once=4)),
    ],
)
def test_a_quota_is_read_from_its_words(text: str, quota: Quota) -> None:
    assert parse_quota(text) == quota


@pytest.mark.parametrize(
    "text", ["", "10", "ten/s", "10/s,quickly", "0/s", "0-at-once", "window", "-1/s", "10/w"]
)
def test_what_cannot_be_read_says_how_quotas_are_written(text: str) -> None:
    with pytest.raises(UsageError, match="write it like 10/s"):
        parse_quota(text)


@given(
    st.floats(0.1, 50),
    st.booleans(),
    st.lists(st.floats(0, 3), min_size=1, max_size=80),
)
def test_no_more_is_let_in_than_the_quota_and_what_it_had_saved(
    rate: float, charged: bool, gaps: list[float]
) -> None:
    meter, now, passed = Meter(Quota(rate, charged=charged)), 0.0, 0
    for gap in gaps:
        now += gap
        passed += meter.refuse(now) is None
    assert passed <= now * rate + meter.quota.capacity + 1e-6


@given(st.floats(0.1, 50), st.lists(st.floats(0, 0.5), min_size=1, max_size=60))
def test_after_the_wait_it_names_a_request_is_let_in(rate: float, gaps: list[float]) -> None:
    meter, now = Meter(Quota(rate)), 0.0
    for gap in gaps:
        now += gap
        wait = meter.refuse(now)
        if wait is not None:
            assert meter.refuse(now + wait + 1e-6) is None
            now += wait + 1e-6


def test_a_fixed_window_is_renewed_by_the_clock() -> None:
    meter = Meter(parse_quota("3/min,window"))
    assert [meter.refuse(50.0) for _ in range(4)] == [None, None, None, 10.0]
    assert meter.refuse(60.0) is None


def test_refusals_may_count_too() -> None:
    fair, harsh = Meter(Quota(2)), Meter(Quota(2, charged=True))
    for meter in (fair, harsh):
        for _ in range(4):
            meter.refuse(0.0)
    assert fair.refuse(0.6) is None
    assert harsh.refuse(0.6) is not None


def test_only_so_many_are_answered_at_once() -> None:
    meter = Meter(Quota(at_once=2))
    assert [meter.refuse(0.0) for _ in range(3)] == [None, None, 0.0]
    meter.done()
    assert meter.refuse(0.0) is None
    assert math.isinf(meter.quota.limit)
