"""Quotas: how they are written, and what a meter lets in."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objlib.core.errors import UsageError
from objlib.core.pacing.quota import Meter, Quota, parse_quota


@pytest.mark.parametrize(
    ("text", "quota"),
    [
        ("10/s", Quota(10)),
        ("0.5/s, silent", Quota(0.5, silent=True)),
        ("150/min,window", Quota(150, 60, window=True)),
        ("20/s,charged", Quota(20, charged=True)),
        ("1500/day", Quota(1500, 86_400)),
        ("1/day", Quota(1, 86_400)),
        ("1500/day,window", Quota(1500, 86_400, window=True)),
        ("16-at-once", Quota(at_once=16)),
        ("16-at-once,silent", Quota(at_once=16, silent=True)),
        ("10/s,4-at-once", Quota(10, at_once=4)),
        ("latency 0.4s", Quota(latency=0.4)),
        ("10/s, latency 2 s, silent", Quota(10, silent=True, latency=2)),
        ("20/s for 60s, then 4/s", Quota(20, lasts=60, then=Quota(4))),
        ("4/s for 1.5min then 16-at-once", Quota(4, lasts=90, then=Quota(at_once=16))),
        (
            "150/min,window for 2 min, then 1/s,silent for 9s, then 4/s",
            Quota(150, 60, window=True, lasts=120, then=Quota(1, silent=True, lasts=9, then=Quota(4))),
        ),
    ],
)
def test_a_quota_is_read_from_its_words(text: str, quota: Quota) -> None:
    assert parse_quota(text) == quota


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "10",
            "ten/s",
            "10/s,quickly",
            "0/s",
            "0-at-once",
            "window",
            "-1/s",
            "10/w",
            "9" * 5000 + "-at-once",
            "\u0661\u0660/s",
            "\u0967\u096c-at-once",
            "10/s,latency \u0662s",
        ),
        *("latency", "latency 0s", "latency 2", "10/s,latency 1day"),
        *(
            "10/s for 5s",
            "10/s then 4/s",
            "10/s for 5s then",
            "then 4/s",
            "for 5s then 4/s",
            "10/s for 0s then 4/s",
        ),
        *(
            "10/s for 5 then 4/s",
            "10/s for 5s, 4/s",
            "10/s for 5s then 4/s for 5s",
            "10/s for 5s then charged",
        ),
    ],
)
def test_what_cannot_be_read_says_how_quotas_are_written(text: str) -> None:
    with pytest.raises(UsageError, match="write it like 10/s") as raised:
        parse_quota(text)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("0.5/s,window", "30/min,window, or 0.5/s"),
        ("window, 0.99/h", "30/min,window, or 0.5/s"),
        ("0.5/day", "at least 1/day"),
        ("10/s for 5s then 0.5/day,silent", "at least 1/day"),
        ("10/s,10/min", "10/min is said again"),
        ("4-at-once,9-at-once", "9-at-once is said again"),
        ("10/s,silent,silent", "silent is said again"),
        ("latency 1s,10/s,latency 2s", "latency2s is said again"),
        ("16-at-once,window", "go with a rate"),
        ("latency 1s,charged", "go with a rate"),
        ("16-at-once,window,charged for 5s then 4/s", "write them like 150/min,window or 20/s,charged"),
        ("latency 1s,silent", "write it like 10/s,silent"),
    ],
)
def test_what_cannot_be_meant_says_what_to_write_instead(text: str, instead: str) -> None:
    with pytest.raises(UsageError, match=instead) as raised:
        parse_quota(text)
    assert str(raised.value).startswith("--quota cannot be '")
    assert "\n" not in str(raised.value)


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


def test_the_number_of_requests_answered_at_once_is_limited() -> None:
    meter = Meter(Quota(at_once=2))
    assert [meter.refuse(0.0) for _ in range(3)] == [None, None, 0.0]
    meter.done()
    assert meter.refuse(0.0) is None
    assert math.isinf(meter.quota.limit)


def test_a_quota_that_changes_does_so_counted_from_the_first_request() -> None:
    meter = Meter(parse_quota("10/s,latency 1s for 60s, then 2/s for 10s, then 5/s"))
    begin = 1000.0
    assert meter.latency(begin) == 1
    assert meter.latency(begin + 59.9) == 1
    assert meter.latency(begin + 60) == 0
    passed = [sum(meter.refuse(begin + 60 + second) is None for _ in range(20)) for second in range(13)]
    # Ten had been saved, of which a bucket of two a second holds two; then its refill, then that of five.
    assert passed == [2] * 11 + [5, 5]


def test_what_was_used_up_stays_used_up_when_the_quota_changes() -> None:
    meter = Meter(parse_quota("4/s for 1s then 20/s"))
    for second in (0.0, 0.5):
        while meter.refuse(second) is None:
            pass
    # Half a second of four, and 0.82 of twenty: 18.4.
    assert sum(meter.refuse(1.82) is None for _ in range(40)) == 18


@given(
    st.lists(st.tuples(st.floats(0.1, 50), st.floats(0.5, 9)), min_size=2, max_size=4),
    st.lists(st.floats(0, 3), min_size=1, max_size=80),
)
def test_a_quota_that_changes_lets_in_no_more_than_all_of_it(
    parts: list[tuple[float, float]], gaps: list[float]
) -> None:
    text = " then ".join(f"{rate:.6f}/s for {lasts:.6f}s" for rate, lasts in parts) + " then 1/s"
    meter, now, passed = Meter(parse_quota(text)), 0.0, 0
    for gap in gaps:
        passed += meter.refuse(now) is None
        now += gap
    allowed, left = 0.0, now
    for rate, lasts in [*parts, (1.0, math.inf)]:
        allowed += rate * min(lasts, left)
        left -= min(lasts, left)
    assert passed <= allowed + max(2.0, parts[0][0]) + 1e-3


def test_no_limit_may_be_followed_by_one_and_the_other_way_round() -> None:
    meter = Meter(parse_quota("16-at-once for 1s then 4/s for 1s then latency 1s"))
    assert [meter.refuse(0.0) for _ in range(9)] == [None] * 9
    assert sum(meter.refuse(1.0) is None for _ in range(9)) == 4
    assert [meter.refuse(2.0) for _ in range(9)] == [None] * 9
    assert [meter.refuse(2.0) for _ in range(9)] == [None] * 9


def test_a_window_begins_full_when_it_follows_a_bucket() -> None:
    meter = Meter(parse_quota("1/s for 70s then 3/min,window"))
    while meter.refuse(0.0) is None:
        pass
    assert [meter.refuse(70.0) for _ in range(4)] == [None, None, None, 50.0]
