"""Transitions as named constructors: a call site cannot build a combination that makes no sense.

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

    @classmethod
    def start_upload(
        cls,
        row: FileRow,
        attempt_id: AttemptId,
        run_id: RunId,
        *,
        metadata: Mapping[str, MetadataValue] | None = None,
    ) -> Self:
        """Claim an untracked file for ``run_id`` and open an attempt; ``metadata`` replaces the row's."""
        encoded = None if metadata is None else encode_metadata(metadata)
        return cls._of(Event.START_UPLOAD, row, run_id, attempt_id, values={"metadata": encoded})

    @classmethod
    def complete_upload(
        cls,
        row: FileRow,
        attempt_id: AttemptId,
        run_id: RunId,
        *,
        operation: str | None,
        document: str | None,
    ) -> Self:
        """The store has the bytes; the names (full resource names) are what it answered, where it did."""
        values = {"operation": operation, "document": document}
        return cls._of(Event.COMPLETE_UPLOAD, row, run_id, attempt_id, values=values)

    @classmethod
    def adopt(
        cls,
        row: FileRow,
        attempt_id: AttemptId,
        run_id: RunId,
        *,
        operation: str | None,
        document: str | None,
        surplus: tuple[str, ...] = (),
    ) -> Self:
        """Recovery found the attempt's document: as :meth:`complete_upload`, and ``run_id`` owns it now.

        ``surplus`` are other documents of the same attempt, to be deleted.
        """
        uploaded = cls.complete_upload(row, attempt_id, run_id, operation=operation, document=document)
        return replace(uploaded, event=Event.ADOPT, discards=surplus)

    @classmethod
    def complete_processing(
        cls, row: FileRow, attempt_id: AttemptId, run_id: RunId, *, document: str
    ) -> Self:
        """The store said ACTIVE of ``document``; the document before it becomes superseded."""
        values = {"document": document, "outcome": "indexed"}
        return cls._of(Event.COMPLETE_PROCESSING, row, run_id, attempt_id, values=values)

    @classmethod
    def fail(
        cls,
        row: FileRow,
        attempt_id: AttemptId | None,
        run_id: RunId,
        *,
        failure: Failure,
        discard: str | None = None,
    ) -> Self:
        """The store refused an upload for good, or could not index it, by the row's state.

        The intent to delete ``discard``, its document, goes with the move.
        """
        event = Event.FAIL_UPLOAD if row.state is State.UPLOADING else Event.FAIL_PROCESSING
        failed = cls._failed(event, row, run_id, attempt_id, failure)
        return replace(failed, discards=() if discard is None else (discard,))

    @classmethod
    def requeue(
        cls,
        row: FileRow,
        attempt_id: AttemptId | None,
        run_id: RunId,
        *,
        reason: str,
        retry_at: float | None,
        excused: bool = False,
    ) -> Self:
        """It is certain that nothing landed, or is left of it, by the row's state: it may be sent again.

        Not before ``retry_at`` (Unix time). An ``excused`` upload does not count as an attempt, since what ended it
        says nothing about the file.
        """
        uploading = row.state is State.UPLOADING
        event = Event.REQUEUE_UPLOAD if uploading else Event.REQUEUE_PROCESSING
        values: dict[str, SqlValue] = {
            "error": reason, "retry_at": retry_at, "excused": int(excused and uploading), "document": None,
            "outcome": "requeued",
        }  # fmt: skip
        return cls._of(event, row, run_id, attempt_id, reason=reason, values=values)

    @classmethod
    def retry(cls, row: FileRow, *, run_id: RunId, reason: str) -> Self:
        """Try a failed file again from the start, because of ``reason``."""
        return cls._of(Event.RETRY, row, run_id, reason=reason)

    @classmethod
    def reset(cls, row: FileRow, *, run_id: RunId, reason: str, gone: bool = False) -> Self:
        """Send an indexed file again.

        With ``gone`` its document is known not to exist, and is forgotten. Otherwise it stays, searchable,
        and becomes superseded when the new one is indexed.
        """
        return cls._of(Event.RESET, row, run_id, reason=reason, values={"gone": int(gone)})

    @classmethod
    def demote(cls, row: FileRow, *, run_id: RunId, failure: Failure) -> Self:
        """A comparison found the document of an indexed file broken."""
        return cls._failed(Event.DEMOTE, row, run_id, None, failure)

    @classmethod
    def _failed(
        cls, event: Event, row: FileRow, run_id: RunId, attempt_id: AttemptId | None, failure: Failure
    ) -> Self:
        error = failure.message
        values = {"failure": encode_failure(failure), "error": error, "document": None, "outcome": "failed"}
        return cls._of(event, row, run_id, attempt_id, reason=error, values=values)

    @classmethod
    def _of(
        cls,
        event: Event,
        row: FileRow,
        run_id: RunId,
        attempt_id: AttemptId | None = None,
        *,
        reason: str | None = None,
        values: Mapping[str, SqlValue] | None = None,
    ) -> Self:
        return cls(event, row.file_id, row.state, row.version, run_id, attempt_id, reason, values or {})
