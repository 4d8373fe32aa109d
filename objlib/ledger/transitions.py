"""Transitions as named constructors: a call site cannot build a combination that makes no sense.

A :class:`Transition` says which row it believes in (id, state, version), which event it wants, and what goes
with it. What that does to the tables stands in :mod:`objlib.ledger.transition_sql`; which moves are legal, in
:mod:`objlib.core.lifecycle.table`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from objlib.core.failures import Failure
from objlib.core.ids import AttemptId, FileId, RunId
from objlib.core.library.metadata import MetadataValue
from objlib.core.lifecycle.table import Event, State
from objlib.ledger.rows import FileRow, encode_failure, encode_metadata

Guard = Callable[[FileRow], str | None]
"""Looks at the fresh row inside the transaction: a reason rejects the transition, None lets it pass.

It runs in the ledger's thread, so it only looks and returns; if it raises, the row stays as it is.
"""

SqlValue = str | bytes | int | float | None


@dataclass(frozen=True, slots=True)
class Transition:
    """One wanted move of one row.

    Attributes:
        event: what happened.
        file_id, state, version: the row as the caller last saw it; any difference makes the move stale.
        run_id: who moves it.
        attempt_id: the attempt it belongs to, where there is one.
        reason: one line for the event log: why, or what went wrong.
        values: parameters of the event's effects (see :mod:`objlib.ledger.transition_sql`).
        guard: a last look at the fresh row.
        discards: documents of the store that the move makes useless: with it goes the intent to delete each.
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

    @classmethod
    def start_upload(
        cls,
        row: FileRow,
        *,
        attempt_id: AttemptId,
        run_id: RunId,
        metadata: Mapping[str, MetadataValue] | None = None,
        guard: Guard | None = None,
    ) -> Self:
        """Claim an untracked file for ``run_id`` and open an attempt; ``metadata`` replaces the row's."""
        values = {"metadata": None if metadata is None else encode_metadata(metadata)}
        return cls._of(Event.START_UPLOAD, row, run_id, attempt_id, values=values, guard=guard)

    @classmethod
    def complete_upload(
        cls,
        row: FileRow,
        *,
        attempt_id: AttemptId,
        run_id: RunId,
        operation: str | None,
        document: str | None,
        guard: Guard | None = None,
    ) -> Self:
        """The store has the bytes; the names (full resource names) are what it answered, where it did."""
        values = {"operation": operation, "document": document}
        return cls._of(Event.COMPLETE_UPLOAD, row, run_id, attempt_id, values=values, guard=guard)

    @classmethod
    def adopt(
        cls,
        row: FileRow,
        *,
        attempt_id: AttemptId,
        run_id: RunId,
        operation: str | None,
        document: str | None,
        surplus: tuple[str, ...] = (),
        guard: Guard | None = None,
    ) -> Self:
        """Recovery found the attempt's document: as :meth:`complete_upload`, and ``run_id`` owns it now.

        ``surplus`` are other documents of the same attempt, to be deleted.
        """
        values = {"operation": operation, "document": document}
        adopted = cls._of(Event.ADOPT, row, run_id, attempt_id, values=values, guard=guard)
        return replace(adopted, discards=surplus)

    @classmethod
    def complete_processing(
        cls, row: FileRow, *, attempt_id: AttemptId, run_id: RunId, document: str, guard: Guard | None = None
    ) -> Self:
        """The store said ACTIVE of ``document``; the document before it becomes superseded."""
        values = {"document": document, "outcome": "indexed"}
        return cls._of(Event.COMPLETE_PROCESSING, row, run_id, attempt_id, values=values, guard=guard)

    @classmethod
    def fail_upload(
        cls,
        row: FileRow,
        *,
        attempt_id: AttemptId | None,
        run_id: RunId,
        failure: Failure,
        guard: Guard | None = None,
    ) -> Self:
        """The upload was refused for good."""
        return cls._failed(Event.FAIL_UPLOAD, row, run_id, attempt_id, failure=failure, guard=guard)

    @classmethod
    def fail_processing(
        cls,
        row: FileRow,
        *,
        attempt_id: AttemptId | None,
        run_id: RunId,
        failure: Failure,
        discard: str | None = None,
        guard: Guard | None = None,
    ) -> Self:
        """The store could not index it. ``discard`` is its document, to be deleted: with the move goes the intent."""
        failed = cls._failed(Event.FAIL_PROCESSING, row, run_id, attempt_id, failure=failure, guard=guard)
        return replace(failed, discards=() if discard is None else (discard,))

    @classmethod
    def requeue_upload(
        cls,
        row: FileRow,
        *,
        attempt_id: AttemptId | None,
        run_id: RunId,
        reason: str,
        retry_at: float | None,
        excused: bool = False,
        guard: Guard | None = None,
    ) -> Self:
        """It is certain that nothing landed: it may be sent again, not before ``retry_at`` (Unix time).

        An ``excused`` attempt does not count, since what ended it says nothing about the file.
        """
        event = Event.REQUEUE_UPLOAD
        return cls._requeued(
            event, row, run_id, attempt_id, reason=reason, retry_at=retry_at, excused=excused, guard=guard
        )

    @classmethod
    def requeue_processing(
        cls,
        row: FileRow,
        *,
        attempt_id: AttemptId | None,
        run_id: RunId,
        reason: str,
        retry_at: float | None,
        guard: Guard | None = None,
    ) -> Self:
        """It is certain that nothing is left of it: it may be sent again, not before ``retry_at``."""
        event = Event.REQUEUE_PROCESSING
        return cls._requeued(event, row, run_id, attempt_id, reason=reason, retry_at=retry_at, guard=guard)

    @classmethod
    def retry(cls, row: FileRow, *, run_id: RunId, reason: str, guard: Guard | None = None) -> Self:
        """Try a failed file again from the start, because of ``reason``."""
        return cls._of(Event.RETRY, row, run_id, reason=reason, guard=guard)

    @classmethod
    def reset(
        cls, row: FileRow, *, run_id: RunId, reason: str, gone: bool = False, guard: Guard | None = None
    ) -> Self:
        """An indexed file has to be sent again.

        With ``gone`` its document is known not to exist, and is forgotten. Otherwise it stays, searchable,
        and becomes superseded when the new one is indexed.
        """
        return cls._of(Event.RESET, row, run_id, reason=reason, values={"gone": int(gone)}, guard=guard)

    @classmethod
    def demote(cls, row: FileRow, *, run_id: RunId, failure: Failure, guard: Guard | None = None) -> Self:
        """An audit found the document of an indexed file broken."""
        return cls._failed(Event.DEMOTE, row, run_id, None, failure=failure, guard=guard)

    @classmethod
    def _failed(
        cls,
        event: Event,
        row: FileRow,
        run_id: RunId,
        attempt_id: AttemptId | None,
        *,
        failure: Failure,
        guard: Guard | None,
    ) -> Self:
        values = {
            "failure": encode_failure(failure),
            "error": failure.message,
            "document": None,
            "outcome": "failed",
        }
        return cls._of(event, row, run_id, attempt_id, reason=failure.message, values=values, guard=guard)

    @classmethod
    def _requeued(
        cls,
        event: Event,
        row: FileRow,
        run_id: RunId,
        attempt_id: AttemptId | None,
        *,
        reason: str,
        retry_at: float | None,
        excused: bool = False,
        guard: Guard | None,
    ) -> Self:
        values: dict[str, SqlValue] = {
            "error": reason, "retry_at": retry_at, "excused": int(excused), "document": None, "outcome": "requeued",
        }  # fmt: skip
        return cls._of(event, row, run_id, attempt_id, reason=reason, values=values, guard=guard)

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
        guard: Guard | None = None,
    ) -> Self:
        return cls(
            event, row.file_id, row.state, row.version, run_id, attempt_id, reason, values or {}, guard,
        )  # fmt: skip
