"""The properties of each kind of failure."""

import pytest

from objlib.core.failures import Failure, FailureKind

LOCAL = {FailureKind.UNREADABLE, FailureKind.EMPTY, FailureKind.TOO_LARGE, FailureKind.UNSUPPORTED}
TRANSIENT = {FailureKind.TRANSIENT, FailureKind.RATE_LIMIT, FailureKind.TIMEOUT}


def test_each_kind_is_classified() -> None:
    assert {kind for kind in FailureKind if kind.local} == LOCAL
    assert {kind for kind in FailureKind if kind.transient} == TRANSIENT
    assert {kind for kind in FailureKind if kind.unfit} == LOCAL - {FailureKind.UNREADABLE}
    assert {kind for kind in FailureKind if kind.retryable} == {
        *TRANSIENT,
        FailureKind.UNREADABLE,
        FailureKind.CHANGED,
    }


@pytest.mark.parametrize("kind", FailureKind)
def test_a_failure_is_retryable_as_its_kind_says(kind: FailureKind) -> None:
    assert Failure.of(kind, "why") == Failure(kind, "why", retryable=kind.retryable)
