"""Transitions, made by named moves: a call site cannot build a combination that makes no sense.

A :class:`Transition` names the row as its caller knows it (id, state, version), the event, and what goes with
it. What that does to the tables stands in :mod:`objlib.ledger.transition_sql`; which moves are legal, in
:mod:`objlib.core.lifecycle.table`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from objlib.core.failures import Failure
from objlib.core.ids import AttemptId, FileId, RunId
from objlib.core.library.metadata import MetadataValue
from objlib.core.lifecycle.table import Event, State
from objlib.ledger.rows import FileRow, SqlValue, encode_failure, encode_metadata

Guard = Callable[[FileRow], str | None]
"""Looks at the fresh row inside the transaction: a reason rejects the transition, None lets it pass.

It runs in the ledger's thread, so it only looks and returns; if it raises, the row stays as it is.
"""


@dataclass(frozen=True, slots=True)
class Transition:
    """A requested move of one row.

    Attributes:
        event: what happened.
        file_id, state, version: the row as the caller last saw it; any difference makes the move stale.
        run_id: the run that moves it.
        attempt_id: the attempt it belongs to, where there is one.
        reason: one line for the event log: why, or what went wrong.
        values: parameters of the event's effects (see :mod:`objlib.ledger.transition_sql`).
        guard: a last look at the fresh row.
        discards: documents that the move makes useless; the intent to delete each goes with it.
    """

    event: Event
    file_id: FileId
    state: State
    version: int
    run_id: RunId | None
    attempt_id: AttemptId | None = None
    reason: str | None = None
    values: Mapping[str, SqlValue] = field(default_factory=dict)
    guard: Guard | None = None
    discards: tuple[str, ...] = ()

    def guarded(self, guard: Guard) -> Self:
        """The same transition with a last look at the fresh row."""
        return replace(self, guard=guard)


@dataclass(frozen=True, slots=True)
class Move:
    """The moves of one row, as transitions to be requested.

    Attributes:
        row: the row as the caller last saw it.
        run_id: the run that moves it.
        attempt_id: the attempt that the move belongs to, where there is one.
    """

    row: FileRow
    run_id: RunId
    attempt_id: AttemptId | None = None

    def start_upload(self, metadata: Mapping[str, MetadataValue] | None = None) -> Transition:
        """Claim an untracked file for the run and open the attempt; ``metadata`` replaces the row's."""
        encoded = None if metadata is None else encode_metadata(metadata)
        return self._to(Event.START_UPLOAD, {"metadata": encoded})

    def complete_upload(self, *, operation: str | None, document: str | None) -> Transition:
        """The store has the bytes; the names (full resource names) are what it answered, where it did."""
        return self._to(Event.COMPLETE_UPLOAD, {"operation": operation, "document": document})

    def adopt(
        self, *, operation: str | None, document: str | None, surplus: tuple[str, ...] = ()
    ) -> Transition:
        """Recovery found the attempt's document: as :meth:`complete_upload`, and the run owns it now.

        ``surplus`` are other documents of the same attempt, to be deleted.
        """
        return self._to(Event.ADOPT, {"operation": operation, "document": document}, discards=surplus)

    def complete_processing(self, document: str) -> Transition:
        """The store said ACTIVE of ``document``; the document before it becomes superseded."""
        return self._to(Event.COMPLETE_PROCESSING, {"document": document, "outcome": "indexed"})

    def fail(self, failure: Failure, *, discard: str | None = None) -> Transition:
        """The store refused an upload for good, or could not index it, by the row's state.

        The intent to delete ``discard``, its document, goes with the move.
        """
        event = Event.FAIL_UPLOAD if self.row.state is State.UPLOADING else Event.FAIL_PROCESSING
        return self._failed(event, failure, () if discard is None else (discard,))

    def requeue(self, reason: str, *, retry_at: float | None, excused: bool = False) -> Transition:
        """It is certain that nothing landed, or is left of it, by the row's state: it may be sent again.

        Not before ``retry_at`` (Unix time). An ``excused`` upload does not count as an attempt, since what ended it
        says nothing about the file.
        """
        uploading = self.row.state is State.UPLOADING
        event = Event.REQUEUE_UPLOAD if uploading else Event.REQUEUE_PROCESSING
        values: dict[str, SqlValue] = {
            "error": reason, "retry_at": retry_at, "excused": int(excused and uploading), "document": None,
            "outcome": "requeued",
        }  # fmt: skip
        return self._to(event, values, reason=reason)

    def retry(self, reason: str) -> Transition:
        """Try a failed file again from the start, because of ``reason``."""
        return self._to(Event.RETRY, reason=reason)

    def reset(self, reason: str, *, gone: bool = False) -> Transition:
        """Send an indexed file again.

        With ``gone`` its document is known not to exist, and is forgotten. Otherwise it stays, searchable,
        and becomes superseded when the new one is indexed.
        """
        return self._to(Event.RESET, {"gone": int(gone)}, reason=reason)

    def demote(self, failure: Failure) -> Transition:
        """A comparison found the document of an indexed file broken."""
        return self._failed(Event.DEMOTE, failure)

    def _failed(self, event: Event, failure: Failure, discards: tuple[str, ...] = ()) -> Transition:
        error = failure.message
        values = {"failure": encode_failure(failure), "error": error, "document": None, "outcome": "failed"}
        return self._to(event, values, reason=error, discards=discards)

    def _to(
        self,
        event: Event,
        values: Mapping[str, SqlValue] | None = None,
        *,
        reason: str | None = None,
        discards: tuple[str, ...] = (),
    ) -> Transition:
        row, run, attempt = self.row, self.run_id, self.attempt_id
        return Transition(
            event, row.file_id, row.state, row.version, run, attempt, reason, values or {}, discards=discards
        )
