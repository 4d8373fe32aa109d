"""The only way a document leaves the store: a recorded intent, the delete, and the record that it is done."""

from functools import partial

from objlib.core.identity import FileId
from objlib.engine.app import App
from objlib.engine.governor import Purpose
from objlib.gemini import GeminiError
from objlib.ledger import removals
from objlib.ledger.removals import Start


async def remove(app: App, document: str, *, file_id: FileId | None, reason: str) -> bool:
    """Delete one document of ours. Returns whether it is gone.

    When the service does not answer, the intent stays open and the next recovery carries it out; so a
    failed delete costs nothing but time.
    """
    intent = await app.ledger.open_intent(file_id, document, reason, app.run_id)
    return await carry_out(app, intent, document)


async def carry_out(app: App, intent: str, document: str) -> bool:
    """Carry out an intent that is on record. Returns whether nothing is left to do for it.

    A document whose file came back before anything was sent is kept: it is what an upload would make again.
    """
    begin = partial(removals.begin, intent_id=intent, run_id=app.run_id, now=app.now())
    match await app.ledger.write(begin):
        case Start.KEPT:
            app.observer.event("kept", document=document)
            return True
        case Start.REPLACE:
            app.observer.event("replaced_first", document=document)
            return False
        case Start.SEND:
            pass
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
