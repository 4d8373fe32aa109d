"""The meaning of ``--max-delete``."""

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
def test_the_option_that_a_refusal_names_lets_it_pass(count: int, deletions: int, indexed: int) -> None:
    limit = DeleteLimit(count=count)
    if deletions <= count:
        limit.check(deletions, indexed, "sync --prune")
    else:
        with pytest.raises(RefusedError, match="nothing was deleted"):
            limit.check(deletions, indexed, "sync --prune")
        DeleteLimit.parse(str(deletions)).check(deletions, indexed, "sync --prune")
