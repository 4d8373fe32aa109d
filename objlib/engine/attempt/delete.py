"""The only way a document leaves the store: a recorded intent, the delete, and the record that it is done."""

from enum import Enum, auto
from functools import partial

from objlib.core.events import EventKind
from objlib.core.ids import FileId
from objlib.engine.app import App
from objlib.engine.requests.governor import Purpose
from objlib.gemini import GeminiError
from objlib.ledger import IntentRow, Start


class Removal(Enum):
    """The outcome of the removal of a document."""

    DONE = auto()
    """It is gone, or is to stay after all; nothing is left to do."""
    POSTPONED = auto()
    """The service did not answer; the intent stays open."""
    REPLACE = auto()
    """Its file is back, and goes into the queue: it gets another document first; the intent stays open."""


async def delete_document(app: App, document: str, *, file_id: FileId | None, reason: str) -> Removal:
    """Record the intent to delete one of our documents, and execute it.

    Transient errors are retried. When the service does not answer, the intent stays open and the next recovery
    executes it; so a failed delete costs nothing but time.

    Raises:
        GeminiError: an answer that ends the run; the intent stays open.
    """
    intent = await app.ledger.intents.open(file_id, document, reason=reason, run_id=app.run_id)
    return await execute_intent(app, intent)


async def execute_intent(app: App, intent: IntentRow) -> Removal:
    """Execute an intent that is on record.

    A document whose file came back before anything was sent is kept: an upload would make the same one again.

    Raises:
        GeminiError: an answer that ends the run; the intent stays open.
    """
    # Asked before the intent is on record as sent: if its file comes back, the document can still be kept.
    if app.retrier.blocked_by(Purpose.DELETE):
        return Removal.POSTPONED
    document = intent.document_name
    match await app.ledger.deletions.begin(intent.intent_id, run_id=app.run_id):
        case Start.KEPT:
            app.observer.event(EventKind.KEPT, document=document)
            return Removal.DONE
        case Start.REPLACE:
            app.observer.event(EventKind.REPLACED_FIRST, document=document)
            return Removal.REPLACE
        case Start.SEND:
            pass
    try:
        request = partial(app.client.documents.delete, document)
        deleted = await app.retrier.call(Purpose.DELETE, request)
    except GeminiError as error:
        app.observer.event(EventKind.DELETE_POSTPONED, document=document, error=str(error))
        if error.kind.ends_run:
            raise
        return Removal.POSTPONED
    outcome = "deleted" if deleted else "already gone"
    await app.ledger.deletions.finish(intent.intent_id, outcome=outcome, run_id=app.run_id)
    app.deleted += 1
    app.observer.event(EventKind.DELETED, document=document)
    return Removal.DONE
