"""Why one file did not get into the store, as data that the ledger keeps."""

from dataclasses import dataclass
from enum import StrEnum


class FailureKind(StrEnum):
    """Why one file did not get in; decides whether trying again can help."""

    UNREADABLE = "unreadable"
    EMPTY = "empty"
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"
    UNINDEXABLE = "unindexable"
    CHANGED = "changed"
    REFUSED = "refused"
    TRANSIENT = "transient"
    RATE_LIMIT = "rate_limit"
    PROCESSING = "processing"
    TIMEOUT = "timeout"

    @property
    def unfit(self) -> bool:
        """Whether the same bytes will always fail."""
        return self in {FailureKind.EMPTY, FailureKind.TOO_LARGE, FailureKind.UNSUPPORTED}

    @property
    def skips(self) -> bool:
        """Whether the file is skipped: no store takes it as it is, which is no fault to mend."""
        return self in {FailureKind.EMPTY, FailureKind.UNSUPPORTED, FailureKind.UNINDEXABLE}

    @property
    def local(self) -> bool:
        """Whether a scan finds it, without asking the service. Only an upload finds CHANGED and UNINDEXABLE."""
        return self.unfit or self is FailureKind.UNREADABLE

    @property
    def transient(self) -> bool:
        """Whether it says more about the moment than about the file."""
        return self in {FailureKind.TRANSIENT, FailureKind.RATE_LIMIT, FailureKind.TIMEOUT}

    @property
    def retryable(self) -> bool:
        """Whether trying the same bytes again may succeed."""
        return self.transient or self in {FailureKind.UNREADABLE, FailureKind.CHANGED}


@dataclass(frozen=True, slots=True)
class Failure:
    """One file's failure, as data: a reason a user can act on.

    Attributes:
        kind: the class of the failure.
        message: one line: what happened and what to do.
        retryable: whether trying the same bytes again may succeed.
    """

    kind: FailureKind
    message: str
    retryable: bool

    @classmethod
    def of(cls, kind: FailureKind, message: str) -> "Failure":
        """A failure that is as retryable as others of its kind."""
        return cls(kind, message, kind.retryable)
