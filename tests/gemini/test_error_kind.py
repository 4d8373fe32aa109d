"""The properties of each kind of error for the request and for the run, as one table."""

from objlib.core.stop_reason import StopReason
from objlib.gemini import ErrorKind

MEANING = {
    ErrorKind.TRANSIENT: {"transient"},
    ErrorKind.RATE_LIMIT: {"transient", "throttles"},
    ErrorKind.DAILY_QUOTA: {"ends_run", "throttles", "final"},
    ErrorKind.STORE_FULL: {"ends_run", "throttles", "final"},
    ErrorKind.AUTH: {"ends_run", "final"},
    ErrorKind.NOT_FOUND: set[str](),
    ErrorKind.PERMANENT: {"final"},
    ErrorKind.UNKNOWN: {"ambiguous"},
}
PROPERTIES = ("ends_run", "transient", "throttles", "ambiguous", "final")


def test_each_kind_has_the_properties_of_the_table() -> None:
    assert {kind: {name for name in PROPERTIES if getattr(kind, name)} for kind in ErrorKind} == MEANING


def test_each_kind_that_ends_a_run_has_a_reason_of_its_own() -> None:
    reasons = {kind: kind.stop_reason for kind in ErrorKind if kind.ends_run}
    assert len({*reasons.values()}) == len(reasons) == 3
    assert StopReason.REFUSED not in reasons.values()
