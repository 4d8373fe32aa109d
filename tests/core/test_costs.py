"""The costs of an upload, by published figures."""

import pytest

from objlib.core.costs import price_in_usd, smallest_tier, tokens_of, upload_requests


def test_tokens_are_a_fourth_of_the_characters_rounded_up() -> None:
    assert [tokens_of(count) for count in (0, 1, 4, 5)] == [0, 1, 1, 2]


def test_a_million_tokens_cost_15_cents() -> None:
    assert price_in_usd(1_000_000) == pytest.approx(0.15)


@pytest.mark.parametrize(
    ("storage", "tier"),
    [(0, "free"), (10**9, "free"), (10**9 + 1, "tier 1"), (10**12, "tier 3"), (10**12 + 1, "")],
)
def test_the_smallest_tier_with_room(storage: int, tier: str) -> None:
    assert smallest_tier(storage) == tier


def test_requests_of_an_upload() -> None:
    assert upload_requests([], 8) == 0
    assert upload_requests([0, 8, 9], 8, replaced=1) == 3 + 3 + 4 + 1
