"""Errors of the service: what each :class:`ErrorKind` means, and the request that an error is about.

The engine asks of an error what its kind says: may the same request be sent again (``transient``), does the run
end (``ends_run``), does it send too fast (``throttles``), or must it ask first (``ambiguous``)?
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from objlib.core.errors import ServiceError
from objlib.core.stop_reason import StopReason


class ErrorKind(StrEnum):
    """The meaning of an error; its properties say what follows from it."""

    TRANSIENT = "transient"
    """Nothing happened, or repeating it does no harm: send it again, later."""
    RATE_LIMIT = "rate_limit"
    """Too fast: wait, then send it again."""
    DAILY_QUOTA = "daily_quota"
    """Nothing more today: stop the run and say when to come back."""
    STORE_FULL = "store_full"
    """The project's storage is full; waiting does not help: stop the run."""
    NOT_FOUND = "not_found"
    """There is no such thing (any more)."""
    AUTH = "auth"
    """The key is missing, wrong or not allowed to do this: stop the run."""
    PERMANENT = "permanent"
    """Refused for good: sending the same again gets the same answer."""
    UNKNOWN = "unknown"
    """It may have been carried out: ask before sending again."""

    @property
    def ends_run(self) -> bool:
        """Whether it ends the run rather than one request: no other request would fare better."""
        return self in {ErrorKind.AUTH, ErrorKind.DAILY_QUOTA, ErrorKind.STORE_FULL}

    @property
    def transient(self) -> bool:
        """Whether the same request may succeed later in this run."""
        return self in {ErrorKind.TRANSIENT, ErrorKind.RATE_LIMIT}

    @property
    def throttles(self) -> bool:
        """Whether the service limits us; each of the meanings of a 429."""
        return self in {ErrorKind.RATE_LIMIT, ErrorKind.DAILY_QUOTA, ErrorKind.STORE_FULL}

    @property
    def ambiguous(self) -> bool:
        """Whether the request may have been carried out nevertheless."""
        return self is ErrorKind.UNKNOWN

    @property
    def final(self) -> bool:
        """Whether the request was certainly not carried out, and would not be if it were sent again."""
        return self.ends_run or self is ErrorKind.PERMANENT

    @property
    def stop_reason(self) -> StopReason:
        """Why a run ends that gets this answer about itself or, with NOT_FOUND, about its store."""
        return _STOP_REASONS.get(self, StopReason.REFUSED)


_STOP_REASONS: Final = {
    ErrorKind.DAILY_QUOTA: StopReason.DAILY_QUOTA,
    ErrorKind.STORE_FULL: StopReason.STORE_FULL,
    ErrorKind.AUTH: StopReason.UNAUTHORIZED,
    ErrorKind.NOT_FOUND: StopReason.STORE_GONE,
}


@dataclass(frozen=True, slots=True)
class Call:
    """A kind of request.

    Attributes:
        op: the counter it is counted under.
        what: the request in a few words, for messages.
        slow: the service works long for the answer.
        idempotent: carrying it out twice does no harm; if not, a lost answer is UNKNOWN.
        session: it goes to an upload session: 400, 412 and 416 are disagreements about the offset.
        file: it asks for a temporary file, where 403 means that there is none.
        reads: it changes nothing at the service, though it is no GET.
    """

    op: str
    what: str
    method: str = "GET"
    slow: bool = False
    idempotent: bool = True
    session: bool = False
    file: bool = False
    reads: bool = False

    @property
    def changes(self) -> bool:
        """Whether it may change something at the service."""
        return self.method != "GET" and not self.reads

    @property
    def unanswered(self) -> ErrorKind:
        """The kind of an answer that never came, or cannot be read."""
        return ErrorKind.TRANSIENT if self.idempotent else ErrorKind.UNKNOWN

    def error(self, why: str, kind: ErrorKind, status: int | None = None) -> "GeminiError":
        """The error of this request; ``why`` follows what it was about."""
        return GeminiError(f"{self.what}: {why}", kind=kind, status=status, op=self.op)


class GeminiError(ServiceError):
    """The service said no, or did not answer.

    Attributes:
        kind: what to do about it.
        status: HTTP status, None where there was no answer.
        retry_after: seconds to wait, where the service says.
        connect: no connection was made, so nothing was sent.
        fallback: a known fault of the direct upload: try the two-step path (files, then import).
        op: the operation, as in :attr:`objlib.gemini.Client.sent`.

    The message is one line and never holds the key or a session address.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: ErrorKind,
        status: int | None = None,
        retry_after: float | None = None,
        connect: bool = False,
        fallback: bool = False,
        op: str = "",
    ) -> None:
        super().__init__(message)
        if kind.ends_run:
            self.exit_code = kind.stop_reason.exit_code
        self.kind = kind
        self.status = status
        self.retry_after = retry_after
        self.connect = connect
        self.fallback = fallback
        self.op = op

    def again(self, advice: str = "") -> "GeminiError":
        """The same refusal, of a request that need not be sent to know it; with ``advice`` behind it."""
        return GeminiError(
            f"{str(self).rstrip('.')}; {advice}" if advice else str(self),
            kind=self.kind,
            status=self.status,
            retry_after=self.retry_after,
            op=self.op,
        )
