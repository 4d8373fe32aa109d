"""Reasons to stop: each has a headline, and the exit code that scripts depend on."""

import pytest

from objlib.core.errors import Exit
from objlib.core.stop_reason import StopReason

EXIT_CODES = {
    "": Exit.OK,
    "interrupted": Exit.INTERRUPTED,
    "limit": Exit.OK,
    "daily_quota": Exit.SOME_FAILED,
    "store_full": Exit.SOME_FAILED,
    "unreachable": Exit.FATAL,
    "unauthorized": Exit.FATAL,
    "store_gone": Exit.FATAL,
    "library_gone": Exit.REFUSED,
    "refused": Exit.FATAL,
}


def test_there_is_an_exit_code_for_each_reason_and_for_none() -> None:
    assert {str(reason): reason.exit_code for reason in StopReason} == EXIT_CODES


@pytest.mark.parametrize("reason", StopReason)
def test_a_reason_has_a_headline_unless_nothing_stopped(reason: StopReason) -> None:
    assert bool(reason) == bool(reason.headline)
