"""The only way a store leaves the service: a recorded intent, the request, and the record that it is done."""

from functools import partial

from objlib.engine.app import App
from objlib.engine.requests.governor import Purpose
from objlib.gemini import ErrorKind, GeminiError
from objlib.ledger import StoreIntent


async def execute_store_deletion(app: App, intent: StoreIntent, *, retry: bool = True) -> bool:
    """Send the deletion that is on record; whether the store is gone. The caller closes the record.

    Args:
        intent: on record.
        retry: False for one request and no more.

    Returns:
        False for a store that was to go only if it is empty, and is not: it stays.

    Raises:
        GeminiError: the service did not answer, or refused; the record stays.
    """
    delete = partial(app.client.stores.delete, intent.store, force=intent.force)
    unanswered: GeminiError | None = None
    try:
        await app.retrier.call(Purpose.DELETE, delete, retry=retry, reconnect=False)
    except GeminiError as error:
        if not intent.force and error.kind is ErrorKind.PERMANENT:
            return False
        if not error.kind.ambiguous:
            raise
        unanswered = error
    if unanswered is not None:
        # A lost answer says nothing; a store that is gone is what was asked for.
        get = partial(app.client.stores.get, intent.store)
        if await app.retrier.find(Purpose.LIST, get, retry=retry, reconnect=False) is not None:
            raise unanswered
    return True
