"""The only way a document leaves the store: a recorded intent, the delete, and the record that it is done."""

from objlib.core.identity import FileId
from objlib.engine.app import App
from objlib.engine.governor import Purpose
from objlib.gemini import GeminiError


async def remove(app: App, document: str, *, file_id: FileId | None, reason: str) -> bool:
    """Delete one document of ours. Returns whether it is gone.

    When the service does not answer, the intent stays open and the next recovery carries it out; so a
    failed delete costs nothing but time.
    """
    intent = await app.ledger.open_intent(file_id, document, reason, app.run_id)
    return await carry_out(app, intent, document)


async def carry_out(app: App, intent: str, document: str) -> bool:
    """Carry out an intent that is on record. Returns whether the document is gone."""
    try:
        async with app.governor.slot(Purpose.DELETE):
            deleted = await app.client.delete_document(document)
    except GeminiError as error:
        app.observer.event("delete_postponed", document=document, error=str(error))
        return False
    await app.ledger.close_intent(intent, "deleted" if deleted else "already gone")
    app.deleted += 1
    app.observer.event("deleted", document=document)
    return True
