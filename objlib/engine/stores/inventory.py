"""The stores of the service, with the libraries that use them."""

from collections.abc import Collection
from functools import partial
from pathlib import Path

from objlib.catalog import Catalog
from objlib.core.advice import advise
from objlib.core.config.ledger_url import LedgerUrl
from objlib.core.config.settings import Backend
from objlib.core.costs import TIERS, smallest_tier
from objlib.core.errors import RefusedError, UsageError
from objlib.core.limits import MAX_DISPLAY_NAME
from objlib.core.reports.stores import StoreEntry, StoreInventory, StoreMade
from objlib.data_folder import identify_service
from objlib.engine.app import App
from objlib.engine.bootstrap.store_binding import create_store
from objlib.engine.requests.governor import Purpose
from objlib.gemini import Store


async def list_stores(app: App) -> StoreInventory:
    """All stores of the service, oldest first. Costs one request for 20 stores.

    Raises:
        GeminiError: the service did not answer.
    """
    entries = await store_entries(app)
    total, embedded = sum(entry.size for entry in entries), app.settings.backend is Backend.EMBEDDED
    name = "" if embedded else smallest_tier(total)
    return StoreInventory(
        service=str(Backend.EMBEDDED) if embedded else app.settings.base_url,
        stores=entries,
        size=total,
        tier=name,
        tier_size=next((tier.storage for tier in TIERS if tier.name == name), 0),
        requests=app.requests,
    )


async def make_store(app: App, display_name: str) -> StoreMade:
    """Make a store of that name, with the embedding model of the settings; in a dry run nothing is made.

    Raises:
        UsageError: no store can have this name.
        RefusedError: there is one of this name; two could not be told apart.
        GeminiError: the service refused, or did not answer.
    """
    if not display_name.strip() or display_name.startswith("fileSearchStores/"):
        raise UsageError("a new store needs a name of its own; the service gives it its resource name")
    if len(display_name) > MAX_DISPLAY_NAME:
        raise UsageError(f"the name of a store has at most {MAX_DISPLAY_NAME} characters")
    there = [entry for entry in await store_entries(app) if entry.display_name == display_name.strip()]
    if there:
        raise RefusedError(
            f"there is a store called {display_name.strip()} already: {there[0].name}; choose another name"
        )
    model = app.settings.embedding_model
    name = "" if app.dry_run else await create_store(app, display_name)
    return StoreMade(name, display_name.strip(), app.embedding_model or model, app.dry_run)


async def store_entries(app: App) -> tuple[StoreEntry, ...]:
    """Every store, with the libraries of this user that use it."""
    stores = await app.client.stores.all(partial(app.retrier.call, Purpose.LIST, reconnect=False))
    pinned = await app.ledger.settings.pinned()
    users = await app.files(partial(users_of, app, frozenset(store.name for store in stores)))
    return tuple(
        _entry(store, users.get(store.name, ()), own=pinned is not None and pinned[0] == store.name)
        for store in stores
    )


async def find_store(app: App, named: str) -> StoreEntry:
    """The store of that resource name or display name.

    Raises:
        RefusedError: there is none, or several have that display name.
        GeminiError: the service did not answer.
    """
    entries = [each for each in await store_entries(app) if named in {each.name, each.display_name}]
    if not entries:
        raise RefusedError(f"there is no store {named} at this service; `{advise('stores')}` lists them")
    if len(entries) > 1:
        names = ", ".join(each.name for each in entries)
        raise RefusedError(
            f"{len(entries)} stores are called {named}: {names}; name one by its resource name"
        )
    return entries[0]


def users_of(app: App, stores: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The folders of the libraries that have one of ``stores`` as theirs, by store; reads their ledgers, and blocks."""
    users = dict[str, dict[str, None]]()
    for path, root in _known_ledgers(app):
        identity = identify_service(path)
        if identity is not None and identity.store in stores:
            folder = root if identity.root is None else identity.root
            users.setdefault(identity.store, {})[str(folder)] = None
    return {store: tuple(folders) for store, folders in users.items()}


def ledgers_of(app: App, store: str) -> list[Path | LedgerUrl]:
    """The ledgers of this user that record the documents of ``store``; blocks."""
    paths = dict.fromkeys(path for path, _ in _known_ledgers(app))
    return [path for path in paths if (identity := identify_service(path)) and identity.store == store]


def _known_ledgers(app: App) -> list[tuple[Path | LedgerUrl, Path]]:
    """Every ledger that the catalog has, and the one at hand, each with its library."""
    settings = app.settings
    known = () if settings.catalog is None else Catalog(settings.catalog).libraries()
    ledgers: list[tuple[Path | LedgerUrl, Path]] = [
        (ledger.path, library.root) for library in known for ledger in library.ledgers
    ]
    return [(settings.ledger, settings.library), *ledgers]


def _entry(store: Store, libraries: tuple[str, ...], *, own: bool) -> StoreEntry:
    return StoreEntry(
        name=store.name,
        display_name=store.display_name,
        active=store.active,
        pending=store.pending,
        failed=store.failed,
        size=store.size,
        embedding_model=store.embedding_model,
        libraries=libraries,
        own=own,
    )
