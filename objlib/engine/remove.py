"""The only way a document leaves the store: a recorded intent, the delete, and the record that it is done."""

from functools import partial

from objlib.core.identity import FileId
from objlib.engine.app import App
from objlib.engine.governor import Purpose
from objlib.gemini import GeminiError
from objlib.ledger import removals


async def remove(app: App, document: str, *, file_id: FileId | None, reason: str) -> bool:
    """Delete one document of ours. Returns whether it is gone.

    When the service does not answer, the intent stays open and the next recovery carries it out; so a
    failed delete costs nothing but time.
    """
    intent = await app.ledger.open_intent(file_id, document, reason, app.run_id)
    return await carry_out(app, intent, document)


async def carry_out(app: App, intent: str, document: str) -> bool:
    """Carry out an intent that is on record. Returns whether nothing is left to do for it.

    A document whose file came back before it was deleted is kept: it is what an upload would make again.
    """
    if await app.ledger.read(partial(removals.still_wanted, intent_id=intent)):
        await app.ledger.close_intent(intent, "kept")
        app.observer.event("kept", document=document)
        return True
    try:
        async with app.governor.slot(Purpose.DELETE):
            deleted = await app.client.delete_document(document)
    except GeminiError as error:
        app.observer.event("delete_postponed", document=document, error=str(error))
        return False
    outcome = "deleted" if deleted else "already gone"
    await app.ledger.write(
        partial(removals.finish, intent_id=intent, outcome=outcome, run_id=app.run_id, now=app.now())
    )
    app.deleted += 1
    app.observer.event("deleted", document=document)
    return True
