"""Common parts of the adapters: guards, and the one shipped way to take an edge."""

from collections.abc import Awaitable, Callable
from typing import Final

from objlib.core.errors import LedgerError, TransitionNotAllowedError
from objlib.core.failures import Failure, FailureKind
from objlib.core.ids import AttemptId, RunId, new_attempt_id
from objlib.core.lifecycle.table import Event
from objlib.ledger import FileRow, Guard, Ledger, Move, Transition

AsyncGuard = Callable[[], Awaitable[str | None]]
"""Judges before the transaction: it may wait and read the database. A reason is a refusal, None lets it pass."""

Commit = Callable[[str], Awaitable[None]]
"""Takes the edge of an event by compare-and-set, wherever the file is kept."""

RUN: Final = RunId("spike")
BROKEN: Final = Failure(FailureKind.PROCESSING, "the store could not index it", retryable=True)


async def take(ledger: Ledger, row: FileRow, event: str, *, guard: Guard | None = None) -> FileRow:
    """Take the edge of ``event`` from ``row`` through the shipped ledger; the row after it.

    Raises:
        TransitionError: as :meth:`objlib.ledger.Ledger.apply`; an unknown event is not allowed either.
    """
    try:
        member = Event(event)
    except ValueError:
        raise TransitionNotAllowedError(row.state, event) from None
    if member is Event.START_UPLOAD:
        attempt = new_attempt_id()
    else:
        last = await ledger.attempts.last(row.file_id)
        attempt = AttemptId("") if last is None else last.attempt_id
    transition = _transition(member, row, attempt)
    return await ledger.apply(transition if guard is None else transition.guarded(guard))


def _transition(event: Event, row: FileRow, attempt: AttemptId) -> Transition:
    document = f"fileSearchStores/spike/documents/{attempt or 'none'}"
    match event:
        case Event.START_UPLOAD:
            return Move(row, RUN, attempt).start_upload()
        case Event.COMPLETE_UPLOAD:
            return Move(row, RUN, attempt).complete_upload(operation=None, document=document)
        case Event.COMPLETE_PROCESSING:
            return Move(row, RUN, attempt).complete_processing(document)
        case Event.FAIL_UPLOAD | Event.FAIL_PROCESSING:
            return Move(row, RUN, attempt).fail(BROKEN)
        case Event.REQUEUE_UPLOAD:
            return Move(row, RUN, attempt).requeue("put back", retry_at=None)
        case _:
            raise LedgerError(f"the spike has no use for {event}; add it to its adapters if it does")
