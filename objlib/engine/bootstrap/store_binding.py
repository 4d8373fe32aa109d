"""Which store a ledger belongs to: found, or made and pinned by the first run."""

from contextlib import suppress
from functools import partial

from objlib.core.errors import RefusedError
from objlib.engine.app import App
from objlib.engine.requests.governor import Purpose
from objlib.gemini import ErrorKind, GeminiError, Store


async def bind_store(app: App, *, create: bool) -> str:
    """The resource name of the store this ledger belongs to; made and pinned by the first run.

    Raises:
        RefusedError: the ledger belongs to another store, or its store is gone.
    """
    settings, pinned = app.settings, await app.ledger.pinned()
    wanted = settings.store
    by_name = wanted.startswith("fileSearchStores/")
    if pinned is not None:
        name, display = pinned
        if settings.store_given and wanted not in pinned:
            raise RefusedError(
                f"the ledger {settings.ledger} belongs to the store {display} ({name}), not to {wanted}; "
                "use that store, or another --ledger"
            )
        await _require_store(app, name)
        return name
    if by_name:
        await _require_store(app, wanted)
        name, display = wanted, wanted
    else:
        found = await _stores(app, wanted)
        if len(found) > 1 and (known := await app.ledger.pinned()) is not None:
            return known[0]  # others are making their first run too, and one of them has settled it
        if len(found) > 1:
            names = ", ".join(store.name for store in found)
            raise RefusedError(
                f"{len(found)} stores are called {wanted}: {names}; name one of them with --store"
            )
        if not found and not create:
            raise RefusedError(f"there is no store called {wanted} yet; `objlib upload` makes it")
        if found:
            name = found[0].name
        else:
            return await _pin_new(app, await _create(app, wanted), wanted)
        display = wanted
    if create:
        await app.ledger.pin(name, display)
    return name


async def _stores(app: App, wanted: str) -> list[Store]:
    return await app.client.find_stores(wanted, partial(app.patience.insist, Purpose.LIST))


async def _create(app: App, wanted: str) -> str:
    """Make the store; where the answer was lost, it is looked for before another would be made."""
    try:
        create = partial(app.client.create_store, wanted)
        return (await app.patience.insist(Purpose.LIST, create)).name
    except GeminiError as error:
        if not error.kind.ambiguous:
            raise
        lost = error
    if not (found := await _stores(app, wanted)):
        raise lost
    return found[0].name


async def _pin_new(app: App, name: str, display: str) -> str:
    """Make a store that this run has just made that of the ledger, unless another first run was quicker."""
    refusal: RefusedError | None = None
    try:
        await app.ledger.pin(name, display)
    except RefusedError as error:
        refusal = error
    if refusal is None:
        return name
    known = await app.ledger.pinned()
    if known is None or known[1] != display:
        raise refusal
    # The one made here is empty; where it cannot be deleted now, an empty store more does no harm.
    with suppress(GeminiError):
        async with app.governor.slot(Purpose.DELETE):
            await app.client.delete_store(name, force=False)
    return known[0]


async def _require_store(app: App, name: str) -> None:
    try:
        await app.patience.insist(Purpose.LIST, partial(app.client.get_store, name))
    except GeminiError as error:
        if error.kind is ErrorKind.NOT_FOUND:
            raise RefusedError(
                f"the store {name} does not exist (any more) at this service; "
                "check --backend and --base-url, or start over with another --ledger"
            ) from None
        raise
