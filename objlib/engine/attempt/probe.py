"""Probing the service about one attempt, in the order of :mod:`objlib.core.lifecycle.recovery`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import trio

from objlib.core.ids import AttemptId, temporary_file
from objlib.core.lifecycle.recovery import Facts, Probe, Verdict, decide
from objlib.core.remote import DocumentState, OperationState, SessionState
from objlib.engine.app import App
from objlib.engine.attempt.enact import Attempt
from objlib.engine.requests.governor import Purpose
from objlib.gemini import SessionUrl, is_store_session
from objlib.ledger import AttemptRow

T = TypeVar("T")


async def probe(
    attempt: Attempt, facts: Facts | None = None, *, retry: bool = False, fence: bool = True
) -> tuple[Verdict, Facts]:
    """Probe until the verdict is an action, or needs a listing that was not made.

    Args:
        attempt: its row is in UPLOADING or PROCESSING, and its record is the last one that was read.
        facts: results of earlier probes, which are not made again.
        retry: whether transient errors are retried; otherwise each request is sent once.
        fence: whether a temporary file may be deleted; otherwise that is the verdict.

    Raises:
        GeminiError: the service did not answer a probe.
    """
    record = attempt.record
    facts = facts or Facts(
        state=attempt.row.state,
        sent=record is not None and (record.session_url is not None or record.operation_name is not None),
        document_name=record.document_name if record else None,
        operation_name=record.operation_name if record else None,
        importable=_importable(record) if record else None,
    )
    prober = _Prober(attempt.app, record, retry)
    while (verdict := decide(facts)) is not Probe.LISTING:
        match verdict:
            case Probe.SESSION:
                facts = await prober.session(facts)
            case Probe.DOCUMENT:
                facts = await prober.document(facts)
            case Probe.OPERATION:
                facts = await prober.operation(facts)
            case Probe.FENCE if fence:
                facts = await prober.fence(facts)
            case _:
                return verdict, facts
        await trio.lowlevel.checkpoint()
    return verdict, facts


def _importable(record: AttemptRow) -> str | None:
    """The temporary file of an attempt that went the two-step path, or may have."""
    if record.session_url is None or is_store_session(record.session_url):
        return None
    return temporary_file(AttemptId(record.attempt_id))


@dataclass(frozen=True, slots=True)
class _Prober:
    """The requests about one attempt; each method adds one answer to the facts."""

    app: App
    record: AttemptRow | None
    retry: bool

    async def session(self, facts: Facts) -> Facts:
        """Ask the upload session how far it is, and for the names of what it has made."""
        url = self.record.session_url if self.record else None
        if url is None:
            return replace(facts, session=SessionState.GONE)
        progress = await self._send(Purpose.POLL, partial(self.app.client.uploads.query, SessionUrl(url)))
        result = progress.result
        return replace(
            facts,
            session=progress.status,
            document_name=result.document if result else None,
            operation_name=result.operation if result else None,
            importable=(facts.importable and result and result.file) or facts.importable,
        )

    async def fence(self, facts: Facts) -> Facts:
        """Delete the temporary file: an import that was sent before, and is carried out after this, makes nothing."""
        assert facts.importable is not None
        await self._send(Purpose.DELETE, partial(self.app.client.files.delete, facts.importable))
        return replace(facts, importable=None)

    async def document(self, facts: Facts) -> Facts:
        """Get the document by name."""
        assert facts.document_name is not None
        document = await self._get(self.app.client.documents.get, facts.document_name)
        return replace(facts, document=DocumentState.ABSENT if document is None else document.state)

    async def operation(self, facts: Facts) -> Facts:
        """Get the operation by name."""
        assert facts.operation_name is not None
        operation = await self._get(self.app.client.operations.get, facts.operation_name)
        if operation is None:
            return replace(facts, operation=OperationState.ABSENT)
        if not operation.done:
            return replace(facts, operation=OperationState.RUNNING)
        if operation.error is None:
            return replace(facts, operation=OperationState.DONE)
        return replace(
            facts,
            operation=OperationState.FAILED,
            reason=operation.error.message,
            transient=operation.error.kind.transient,
            unindexable=operation.error.unindexable,
        )

    async def _get(self, get: Callable[[str], Awaitable[T]], name: str) -> T | None:
        """Get a resource; None only if the service says that there is none."""
        return await self.app.retrier.find(Purpose.POLL, partial(get, name), retry=self.retry)

    async def _send(self, purpose: Purpose, request: Callable[[], Awaitable[T]]) -> T:
        return await self.app.retrier.call(purpose, request, retry=self.retry)
