"""Waiting until the store says ACTIVE: "indexed" never means less than that."""

from collections import deque
from collections.abc import Callable
from typing import Final

import trio

from objlib.core.events import EventKind
from objlib.core.failures import Failure, FailureKind
from objlib.core.ids import AttemptId
from objlib.core.lifecycle.recovery import Complete, Facts, Fail, Wait
from objlib.core.pacing.backoff import first_poll, next_poll
from objlib.engine.app import App
from objlib.engine.attempt.delete import remove
from objlib.engine.attempt.probe import inquire
from objlib.engine.requests.retry import MAX_WAIT
from objlib.gemini import GeminiError
from objlib.ledger import FileRow, Transition

GONE: Final = 30.0
"""Seconds after which a service that takes no connection is not asked about a document any more."""
TWICE: Final = 2
"""How often FAILED with a reason that will not pass has to be heard before it is believed."""


def _ignore() -> None:
    """Nobody wants to know."""


async def settle(
    app: App, row: FileRow, attempt: AttemptId, recent: deque[float], doubted: Callable[[], None] = _ignore
) -> FileRow:
    """Wait for one document until it is ACTIVE, FAILED, or its time is up; returns the row as it is then.

    A document that is nowhere to be found stays in PROCESSING: only a listing can tell, and recovery makes
    one listing for all of them.

    Args:
        app: the open application.
        row: a row in PROCESSING.
        attempt: the attempt whose document it waits for.
        recent: how long the last documents took, in seconds; learns from this one.
        doubted: called when the document is FAILED, and only asked about again before that is believed.

    Raises:
        GeminiError: the service refuses to go on at all (key, daily quota, no room).
        StaleTransitionError: another run took the row over.
    """
    began = answered = trio.current_time()
    pause, failed = first_poll(recent), 0
    due = began + pause
    while True:
        await trio.sleep(pause)
        waited = trio.current_time() - began
        pause = next_poll(waited)
        in_time = waited < app.settings.settle_seconds
        try:
            found, facts = await inquire(app, row, await app.ledger.attempts.last(row.file_id))
        except GeminiError as error:
            if error.kind.ends_run:
                raise
            if not in_time or trio.current_time() - answered > (GONE if error.connect else MAX_WAIT):
                return row
            continue
        answered = trio.current_time()
        # How long the store took, up to when it was to be asked: a question may wait behind a gate, or get no answer.
        took, due = due - began, trio.current_time() + pause
        match found:
            case Complete(document):
                recent.append(took)
                app.governor.indexed(began, took)
                return await complete(app, row, attempt, document)
            case Fail(reason):
                # Under load a FAILED document may still turn ACTIVE, so it is asked again; not for long if the store
                # names a reason that will not pass.
                final = bool(facts.reason) and not facts.transient
                failed += 1
                if failed == 1:
                    doubted()
                    if not final:
                        app.governor.failed(began)
                if failed >= (TWICE if final else app.governor.failed_confirmations) or not in_time:
                    passing = facts.transient or (not final and app.governor.failure_burst)
                    kind = FailureKind.TRANSIENT if passing else FailureKind.PROCESSING
                    return await give_up(app, row, facts, kind, reason)
            case _ if in_time:
                continue
            case Wait():
                reason = (
                    f"the store did not finish it within {app.settings.settle_seconds:.0f} s; try again later"
                )
                return await give_up(app, row, facts, FailureKind.TIMEOUT, reason)
            case _:
                return row


async def complete(app: App, row: FileRow, attempt: AttemptId, document: str) -> FileRow:
    """The document is ACTIVE: record it, and remove the one it replaces.

    A scan leaves a file alone that is under way. If it found another content in the meantime, that is to be sent
    now, not when the next scan looks: the row goes back to UNTRACKED, and this document stays until then.
    """
    row = await app.ledger.apply(
        Transition.complete_processing(row, attempt_id=attempt, run_id=app.run_id, document=document)
    )
    app.observer.event(EventKind.INDEXED, path=row.file_path)
    if row.superseded is not None:
        await remove(app, row.superseded, file_id=row.file_id, reason="replaced by a newer version")
    if row.indexed_hash == row.content_hash or row.missing_since is not None:
        return row
    why = "the file changed while an earlier version was under way"
    return await app.ledger.apply(Transition.reset(row, run_id=app.run_id, reason=why))


async def give_up(app: App, row: FileRow, facts: Facts, kind: FailureKind, reason: str) -> FileRow:
    """Record the failure of a row in PROCESSING, and remove its document.

    The document could still turn ACTIVE after a retry has made another, so the intent to delete it is recorded
    with the failure. Not before: another run may find it ACTIVE at this moment, and complete the row.
    """
    attempt = await app.ledger.attempts.last(row.file_id)
    row = await app.ledger.apply(
        Transition.fail_processing(
            row,
            attempt_id=AttemptId(attempt.attempt_id if attempt else ""),
            run_id=app.run_id,
            failure=Failure.of(kind, reason),
            discard=facts.document_name,
        )
    )
    app.observer.event(EventKind.FAILED, path=row.file_path, error=reason)
    if facts.document_name is not None:
        await remove(app, facts.document_name, file_id=row.file_id, reason=f"not indexed: {reason}")
    return row
