"""Asking the service about one attempt, in the order of :mod:`objlib.core.lifecycle.recovery`."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

import trio

from objlib.core.ids import AttemptId, temporary_file
from objlib.core.lifecycle.recovery import Facts, Probe, Verdict, decide
from objlib.core.remote import DocumentState, OperationState, SessionState
from objlib.engine.app import App
from objlib.engine.requests.governor import Purpose
from objlib.gemini import ErrorKind, GeminiError, SessionUrl, is_store_session
from objlib.ledger import AttemptRow, FileRow

T = TypeVar("T")


async def inquire(
    app: App,
    row: FileRow,
    attempt: AttemptRow | None,
    known: Facts | None = None,
    *,
    insist: bool = False,
) -> tuple[Verdict, Facts]:
    """Ask until the verdict is an action, or needs a listing that was not made.

    Args:
        app: the open application.
        row: a row in UPLOADING or PROCESSING.
        attempt: its last attempt; None when it has none on record.
        known: what is known already, and is not asked again.
        insist: whether what passes by itself is waited for; otherwise each question is asked a single time.

    Raises:
        GeminiError: the service did not answer a question.
    """
    facts = known or Facts(
        state=row.state,
        sent=attempt is not None and (attempt.session_url is not None or attempt.operation_name is not None),
        document_name=attempt.document_name if attempt else None,
        operation_name=attempt.operation_name if attempt else None,
        importable=_importable(attempt) if attempt else None,
    )
    while (found := decide(facts)) is not Probe.LISTING:
        match found:
            case Probe.SESSION:
                facts = await _session(app, facts, attempt, insist)
            case Probe.DOCUMENT:
                facts = await _document(app, facts, insist)
            case Probe.OPERATION:
                facts = await _operation(app, facts, insist)
            case Probe.FENCE:
                facts = await _fence(app, facts, insist)
            case _:
                return found, facts
        await trio.lowlevel.checkpoint()
    return found, facts


def _importable(attempt: AttemptRow) -> str | None:
    """The temporary file of an attempt that went the two-step path, or may have."""
    if attempt.session_url is None or is_store_session(attempt.session_url):
        return None
    return temporary_file(AttemptId(attempt.attempt_id))


async def _ask(app: App, purpose: Purpose, request: Callable[[], Awaitable[T]], insist: bool) -> T:
    if insist:
        return await app.retrier.call(purpose, request)
    return await app.retrier.call(purpose, request, retry=False)


async def _session(app: App, facts: Facts, attempt: AttemptRow | None, insist: bool) -> Facts:
    url = attempt.session_url if attempt else None
    if url is None:
        return replace(facts, session=SessionState.GONE)
    progress = await _ask(app, Purpose.POLL, partial(app.client.uploads.query, SessionUrl(url)), insist)
    landed = progress.result
    return replace(
        facts,
        session=progress.status,
        document_name=landed.document if landed else None,
        operation_name=landed.operation if landed else None,
        importable=(facts.importable and landed and landed.file) or facts.importable,
    )


async def _fence(app: App, facts: Facts, insist: bool) -> Facts:
    """Delete the temporary file: an import that was sent before and is carried out after this makes nothing."""
    assert facts.importable is not None
    await _ask(app, Purpose.DELETE, partial(app.client.files.delete, facts.importable), insist)
    return replace(facts, importable=None)


async def _document(app: App, facts: Facts, insist: bool) -> Facts:
    assert facts.document_name is not None
    try:
        request = partial(app.client.documents.get, facts.document_name)
        document = await _ask(app, Purpose.POLL, request, insist)
    except GeminiError as error:
        if error.kind is not ErrorKind.NOT_FOUND:
            raise
        return replace(facts, document=DocumentState.ABSENT)
    return replace(facts, document=document.state)


async def _operation(app: App, facts: Facts, insist: bool) -> Facts:
    assert facts.operation_name is not None
    try:
        request = partial(app.client.operations.get, facts.operation_name)
        operation = await _ask(app, Purpose.POLL, request, insist)
    except GeminiError as error:
        if error.kind is not ErrorKind.NOT_FOUND:
            raise
        return replace(facts, operation=OperationState.ABSENT)
    if not operation.done:
        return replace(facts, operation=OperationState.RUNNING)
    if operation.error is not None:
        transient = operation.error.kind.transient
        return replace(
            facts, operation=OperationState.FAILED, reason=operation.error.message, transient=transient
        )
    return replace(facts, operation=OperationState.DONE)
