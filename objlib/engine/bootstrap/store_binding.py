"""Which store a ledger belongs to: found, or created and pinned by the first run."""

from contextlib import suppress
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Final

import trio

from objlib.core.advice import advise
from objlib.core.errors import RefusedError, ServiceError
from objlib.core.remote import LISTING_LAG
from objlib.engine.app import App
from objlib.engine.bootstrap.lost_ledger import refuse_lost_ledger
from objlib.engine.bootstrap.store_deletion import execute_store_deletion
from objlib.engine.requests.governor import Purpose
from objlib.gemini import GeminiError

if TYPE_CHECKING:  # it loads the reader of answers, which status needs not
    from objlib.gemini import Store

PIN_SECONDS: Final = int(2 * LISTING_LAG)
"""Seconds for which a run that finds several stores of the name waits for the pin of another first run.

That run pins its store as soon as it knows its name: with the answer, or where the answer is lost, with a listing that
has it.
"""
DRY_RUN_SECONDS: Final = 15.0
"""Seconds for which a dry run waits for the store: without an answer it goes on with what is on this machine."""


async def look_for_store(app: App) -> tuple[str, str]:
    """The ledger's store for a dry run, or an empty name and the reason why there is none now.

    Raises:
        RefusedError: the ledger belongs to another store, or its store is gone.
    """
    try:
        with trio.fail_after(DRY_RUN_SECONDS):
            store = await bind_store(app, create=True)
    except trio.TooSlowError:
        return "", f"the store did not answer within {DRY_RUN_SECONDS:.0f} s"
    except ServiceError as error:
        return "", f"the store was not asked: {error}"
    return store, "" if store else f"there is no store called {app.settings.store} yet; a run makes it"


async def bind_store(app: App, *, create: bool, any_ledger: bool = False) -> str:
    """The resource name of the ledger's store; with ``create``, the first run creates and pins it.

    Empty in a dry run that would create it.

    Args:
        create: whether a store may be created, and the ledger be bound to it.
        any_ledger: whether a store with documents of a lost ledger will do.

    Raises:
        RefusedError: the ledger belongs to another store, or its store is gone, or the store has a lost ledger.
    """
    settings, pinned = app.settings, await app.ledger.settings.pinned()
    store = settings.store
    if pinned is not None:
        name, display_name = pinned
        if settings.store_given and store not in pinned:
            raise RefusedError(
                f"the ledger {settings.ledger} belongs to the store {display_name} ({name}), not to {store}; "
                "use that store, or another --ledger"
            )
        await _refuse_begun_deletion(app, name)
        await _require_store(app, name)
        return name
    if store.startswith("fileSearchStores/"):
        await _require_store(app, store)
        name = store
    else:
        stores = await find_stores(app, store)
        if len(stores) > 1 and (pinned := await _pinned_soon(app)) is not None:
            return pinned[0]  # other first runs create stores too, and one of them has pinned its own
        if len(stores) > 1:
            names = ", ".join(each.name for each in stores)
            raise RefusedError(
                f"{len(stores)} stores are called {store}: {names}; name one of them with --store"
            )
        if not stores and not create:
            raise RefusedError(f"there is no store called {store} yet; `{advise('upload')}` makes it")
        if not stores:
            return await _pin_new(app, store)
        name = _known(app, stores[0])
    return await _join(app, name, create=create, any_ledger=any_ledger)


async def _pinned_soon(app: App) -> tuple[str, str] | None:
    """The store that another first run pins, now or within :data:`PIN_SECONDS`; None where none does."""
    for _ in range(PIN_SECONDS):
        if (pinned := await app.ledger.settings.pinned()) is not None:
            return pinned
        await trio.sleep(1)
    return await app.ledger.settings.pinned()


async def _join(app: App, name: str, *, create: bool, any_ledger: bool) -> str:
    """Take a store that exists, and with ``create`` pin it."""
    settings, store = app.settings, app.settings.store
    if settings.new and create:
        if not settings.store_given:
            return await _start_anew(app, name, store)
    elif not any_ledger:
        await refuse_lost_ledger(app, name)
    if create:
        await app.ledger.settings.pin(name, store, ledger=app.ledger.place, model=app.embedding_model)
    return name


async def _start_anew(app: App, name: str, display_name: str) -> str:
    """Bind the ledger to a store without documents of another one: the default store, or a numbered one beside it."""
    for number in count(2):
        try:
            await refuse_lost_ledger(app, name)
        except RefusedError:
            display_name = f"{app.settings.store}-{number}"
            stores = await find_stores(app, display_name)
            if not stores:
                return await _pin_new(app, display_name)
            name = _known(app, stores[0])
        else:
            break
    await app.ledger.settings.pin(name, display_name, ledger=app.ledger.place, model=app.embedding_model)
    return name


async def _pin_new(app: App, display_name: str) -> str:
    """Create a store and pin it; in a dry run neither."""
    if app.dry_run:
        return ""
    return await _pin_created(app, await create_store(app, display_name), display_name)


async def find_stores(app: App, display_name: str) -> "list[Store]":
    """All stores of that display name, oldest first."""
    return await app.client.stores.find(
        display_name, partial(app.retrier.call, Purpose.LIST, reconnect=False)
    )


async def create_store(app: App, display_name: str) -> str:
    """Create the store; after a lost answer look for it first, since a second request may make a second store.

    It is looked for when it is sure to be listed; one that the service makes even later stays as an empty store.
    """
    create = partial(app.client.stores.create, display_name, app.settings.embedding_model)
    first: float | None = None
    for tries in count(1):
        try:
            return _known(app, await app.retrier.call(Purpose.LIST, create, reconnect=False))
        except GeminiError as error:
            if not error.kind.ambiguous:
                raise
            unanswered = error
        now = trio.current_time()
        first = now if first is None else first
        await app.retrier.wait(Purpose.LIST, unanswered, tries, first, now)
        await trio.sleep_until(now + LISTING_LAG)
        if stores := await find_stores(app, display_name):
            return _known(app, stores[0])
    raise AssertionError("the last try returns or raises")


async def _pin_created(app: App, name: str, display_name: str) -> str:
    """Pin the store that this run has just created, unless another first run was quicker; the one that is pinned."""
    refusal: RefusedError | None = None
    try:
        await app.ledger.settings.pin(name, display_name, ledger=app.ledger.place, model=app.embedding_model)
    except RefusedError as error:
        refusal = error
    if refusal is None:
        return name
    pinned = await app.ledger.settings.pinned()
    if pinned is None or pinned[1] != display_name:
        raise refusal
    # The one created here is empty. Where it cannot be deleted now, it is on record for the next recovery.
    intent = await app.ledger.store_deletions.open(
        name, display_name, force=False, documents=0, run_id=app.run_id
    )
    with suppress(GeminiError):
        await execute_store_deletion(app, intent, retry=False)
        await app.ledger.store_deletions.close(name)
    return pinned[0]


async def _refuse_begun_deletion(app: App, name: str) -> None:
    intent = await app.ledger.store_deletions.get(name)
    if intent is not None:
        raise RefusedError(
            f"the deletion of the store {intent.display_name} ({name}) was begun, and is not known to be done: "
            f"`{advise('recover')}` finishes it, and the next upload starts anew"
        )


async def _require_store(app: App, name: str) -> None:
    get = partial(app.client.stores.get, name)
    store = await app.retrier.find(Purpose.LIST, get, reconnect=False)
    if store is None:
        raise RefusedError(
            f"the store {name} does not exist (any more) at this service; "
            "check --backend and --base-url; if it was deleted, move the ledger "
            f"{app.settings.ledger} away, and the next upload starts anew"
        )
    _known(app, store)


def _known(app: App, store: "Store") -> str:
    """Note the embedding model and the documents of the store at hand; its name.

    Raises:
        RefusedError: another model was asked for; a store keeps the one that it was made with.
    """
    asked = app.settings.embedding_model
    if asked and store.embedding_model and asked != store.embedding_model.removeprefix("models/"):
        raise RefusedError(
            f"the store {store.display_name} ({store.name}) was made with {store.embedding_model}, not with "
            f"models/{asked}, and keeps it; leave --embedding-model out, or use another --store and --ledger"
        )
    app.embedding_model = store.embedding_model
    app.store_documents = store.active + store.pending + store.failed
    return store.name
