"""Why one file did not get into the store, as data that the ledger keeps."""

from dataclasses import dataclass
from enum import StrEnum


class FailureKind(StrEnum):
    """Why one file did not get in; decides whether trying again can help."""

    UNREADABLE = "unreadable"
    EMPTY = "empty"
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"
    CHANGED = "changed"
    REFUSED = "refused"
    TRANSIENT = "transient"
    RATE_LIMIT = "rate_limit"
    PROCESSING = "processing"
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class Failure:
    """One file's failure, as data: a reason a person can act on.

    Attributes:
        kind: the class of the failure.
        message: one line: what happened and what to do.
        retryable: whether trying the same bytes again may succeed.
    """

    kind: FailureKind
    message: str
    retryable: bool
