"""Acting on a verdict: every move of an attempt in flight, for the upload, for recovery and for the wait.

Each move is a compare-and-set of the row. Of two runs that hold the same row one moves it; the other gets a
StaleTransitionError, which is a normal result.
"""

from dataclasses import dataclass
from functools import partial
from typing import Final

import trio

from objlib.core.events import EventKind
from objlib.core.failures import Failure
from objlib.core.ids import AttemptId
from objlib.core.lifecycle.recovery import Adopt, Complete, Facts, Fail, Probe, Requeue, Verdict, Wait
from objlib.core.lifecycle.table import State
from objlib.engine.app import App
from objlib.engine.attempt.delete import delete_document
from objlib.engine.requests.governor import Purpose
from objlib.gemini import SessionUrl
from objlib.ledger import AttemptRow, FileRow, Move, Transition

MAX_PROBES: Final = 4
"""Rounds of probes after which an attempt is left to the next recovery: its session keeps changing under them."""


@dataclass(slots=True)
class Attempt:
    """One attempt to get one version of a file into the store.

    A method that moves the row raises a StaleTransitionError if another run has moved it before.

    Attributes:
        row: the file's row after the last move of this attempt.
        attempt_id: the attempt; empty for a row that has none on record.
        record: the attempt as it was on record when :meth:`refresh` last read it.
    """

    app: App
    row: FileRow
    attempt_id: AttemptId
    record: AttemptRow | None = None

    async def refresh(self) -> None:
        """Read the record anew: this run has written a session, or another one the document that it chose."""
        self.record = await self.app.ledger.attempts.last(self.row.file_id)

    async def mark_uploaded(self, operation: str | None, document: str | None) -> None:
        """The store has the bytes; the names are what it answered."""
        # Not read back: only the state of the row matters until the document is ACTIVE, and then it is read.
        await self.app.ledger.apply_only(self._move.complete_upload(operation=operation, document=document))
        self.row = self.row.moved(State.PROCESSING)

    async def mark_indexed(self, document: str) -> None:
        """The document is ACTIVE: record it, and delete the one it replaces.

        A scan leaves a file alone that is in flight. If it found another content in the meantime, that is to be sent
        now, not when the next scan looks: the row goes back to UNTRACKED, and this document stays until then.

        Raises:
            GeminiError: the delete of the replaced document ended the run.
        """
        await self._apply(self._move.complete_processing(document))
        app, row = self.app, self.row
        app.observer.event(EventKind.INDEXED, path=row.file_path)
        if row.superseded is not None:
            reason = "replaced by a newer version"
            await delete_document(app, row.superseded, file_id=row.file_id, reason=reason)
        if row.indexed_hash == row.content_hash or row.missing_since is not None:
            return
        why = "the file changed while an earlier version was under way"
        self.row = await app.ledger.apply(Move(row, app.run_id).reset(why))

    async def mark_failed(self, failure: Failure, document: str | None = None) -> None:
        """Record the failure, and delete the ``document`` that the store could not index.

        The document could still turn ACTIVE after a retry has made another, so the intent to delete it is recorded
        with the failure. Not before: another run may find it ACTIVE at this moment, and complete the row.

        Raises:
            GeminiError: the delete ended the run.
        """
        app, row = self.app, self.row
        discard = None if row.state is State.UPLOADING else document
        await self._apply(self._move.fail(failure, discard=discard))
        app.observer.event(EventKind.FAILED, path=row.file_path, error=failure.message)
        if document is not None:
            reason = f"not indexed: {failure.message}"
            await delete_document(app, document, file_id=row.file_id, reason=reason)

    async def requeue(self, reason: str, *, retry_at: float | None = None, excused: bool = False) -> None:
        """It is certain that nothing landed: back to the queue, due at ``retry_at`` (Unix time).

        An ``excused`` attempt does not count, since it says nothing about the file; only an upload is excused.
        """
        await self._apply(self._move.requeue(reason, retry_at=retry_at, excused=excused))

    async def adopt(self, adopted: Adopt, facts: Facts) -> None:
        """Take the document that the attempt has made; the intents to delete its surplus ones go with the choice.

        The choice comes first, then the deletes: of two recoveries that prefer different documents only one may
        delete.
        """
        document, surplus = adopted.document, adopted.surplus
        if self.row.state is State.UPLOADING:
            operation = adopted.operation or facts.operation_name
            adopt = self._move.adopt(operation=operation, document=document, surplus=surplus)
            await self._apply(adopt)
        else:
            await self.app.ledger.attempts.record_document(
                self._move, expected=facts.document_name, document=document, surplus=surplus
            )

    async def close_session(self, *, retry: bool) -> bool:
        """Close the upload session, so that nothing sent late can land; False if it has landed meanwhile.

        Raises:
            GeminiError: there was no answer, with ``retry`` after several requests.
        """
        if self.record is None or self.record.session_url is None:
            return True
        cancel = partial(self.app.client.uploads.cancel, SessionUrl(self.record.session_url))
        return await self.app.retrier.call(Purpose.POLL, cancel, retry=retry)

    @property
    def _move(self) -> Move:
        return Move(self.row, self.app.run_id, self.attempt_id)

    async def _apply(self, transition: Transition) -> None:
        self.row = await self.app.ledger.apply(transition)


async def enact(attempt: Attempt, verdict: Verdict, facts: Facts) -> bool:
    """Act on a verdict; False if it was out of date, so that the attempt has to be probed again.

    A row that is in PROCESSING afterwards is to be waited for. The surplus documents of an adoption have their intents
    afterwards; the caller deletes them.

    Raises:
        StaleTransitionError: another run took the row over.
        GeminiError: the service did not answer, or ended the run.
    """
    match verdict:
        case Requeue(reason, cancel_session):
            # A late finalize of a dead run must not land after the file was sent again.
            if cancel_session and not await attempt.close_session(retry=True):
                return False
            await attempt.requeue(reason)
        case Adopt():
            await attempt.adopt(verdict, facts)
        case Complete(document):
            await attempt.mark_indexed(document)
        case Fail(reason):
            await attempt.mark_failed(Failure.of(facts.failure_kind, reason), facts.document_name)
        case Wait():
            await trio.lowlevel.checkpoint()
        case Probe():
            raise AssertionError("a probe is no action")
    return True
