"""What ``--max-delete`` means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objlib.core.errors import RefusedError, UsageError
from objlib.core.lifecycle.delete_limit import DeleteLimit


@pytest.mark.parametrize(
    ("text", "indexed", "most"),
    [
        (None, 10, 25),
        (None, 1000, 100),
        ("0", 1000, 0),
        ("25", 10, 25),
        ("10%", 10, 1),
        ("0%", 1000, 0),
        ("100%", 7, 7),
        (" 5 ", 100, 5),
    ],
)
def test_a_limit_is_a_count_or_a_share(text: str | None, indexed: int, most: int) -> None:
    assert DeleteLimit.parse(text).allowed(indexed) == most


@pytest.mark.parametrize("text", ["", "-1", "101%", "ten", "1.5", "%", "٣"])
def test_anything_else_is_a_mistake(text: str) -> None:
    with pytest.raises(UsageError, match="--max-delete"):
        DeleteLimit.parse(text)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_what_is_refused_is_let_through_when_it_is_asked_for(count: int, wanted: int, indexed: int) -> None:
    limit = DeleteLimit(count=count)
    if wanted <= count:
        limit.check(wanted, indexed, "sync --prune")
    else:
        with pytest.raises(RefusedError, match="nothing was deleted"):
            limit.check(wanted, indexed, "sync --prune")
        DeleteLimit.parse(str(wanted)).check(wanted, indexed, "sync --prune")
