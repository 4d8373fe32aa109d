"""The composition root: one function that nests every resource of a command, top to bottom.

signals → ledger → embedded service (if that is the backend) → client → governor → run record and heartbeat.
"""

import os
import platform
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial
from pathlib import Path
from typing import Any, Final

import trio

from objlib.core.errors import RefusedError, ServiceError
from objlib.core.identity import RunId, new_run_id
from objlib.core.observe import Observer, Silent
from objlib.core.settings import Backend, Settings
from objlib.embedded import Options, Service, open_service
from objlib.engine.drain import Drain, stop_on_signals
from objlib.engine.governor import Governor, Purpose, open_governor
from objlib.engine.insist import Patience
from objlib.gemini import Client, Endpoint, GeminiError, Kind, Store, open_client
from objlib.ledger import Ledger, open_ledger
from objlib.ledger.listings import LEDGER_KEY, own_id
from objlib.ledger.rates import exchange_rates, leave_rates
from objlib.threads import Runner, thread_runner

HEARTBEAT: Final = 5.0
"""Seconds between two signs of life of a run in the ledger."""
EMBEDDED_URL: Final = "http://embedded.localhost"
"""A label only: requests to the embedded service never leave the process."""
LIBRARY_KEY: Final = "library"
"""Setting of the ledger that keeps the root of the library it is about."""

RECORDED: Final = frozenset({"upload", "scan", "recover", "sync", "store-sync", "rebuild"})
"""Commands that may change something; each of their runs has a record, and rows that it owns."""


class StoreNeed(Enum):
    """What a command needs of the store."""

    NONE = auto()
    EXISTING = auto()
    CREATE = auto()


@dataclass(slots=True)
class App:
    """Everything a command works with, open for as long as its ``async with``.

    Attributes:
        store: resource name of the store; empty when the command needs none.
        ledger_id: the mark by which documents of this ledger are told from another's.
        run_id: this run's id in the ledger.
        service: the embedded service, when that is the backend.
        deleted: documents that this command removed from the store.
        patience: waits for answers that do not come at once.
        files: runs blocking file work (reading and hashing) in its own small pool of threads.
        now: wall-clock Unix seconds, a seam for tests.
    """

    settings: Settings
    ledger: Ledger
    governor: Governor
    patience: Patience
    observer: Observer
    drain: Drain
    run_id: RunId
    files: Runner
    now: Callable[[], float]
    opened: float
    _client: Client | None = None
    store: str = ""
    ledger_id: str = ""
    service: Service | None = None
    deleted: int = 0

    @property
    def client(self) -> Client:
        """The client of the service.

        Raises:
            RefusedError: the command was opened without one.
        """
        if self._client is None:
            raise RefusedError("this command works on the ledger alone")
        return self._client

    @property
    def requests(self) -> int:
        """Requests sent to the service so far."""
        return 0 if self._client is None else self._client.requests


@dataclass(frozen=True, slots=True)
class Seams:
    """Where a test puts its own clock, threads and faults; production uses the defaults.

    Attributes:
        now: wall-clock Unix seconds.
        runner: takes the place of every worker thread, for virtual time.
        options: of the embedded service, whose middleware may misbehave.
        asgi: answers instead of the network when the backend is gemini: a service that outlives the run.
    """

    now: Callable[[], float] = time.time
    runner: Runner | None = None
    options: Options = field(default_factory=Options)
    asgi: Callable[..., Any] | None = None


@asynccontextmanager
async def open_app(
    settings: Settings,
    *,
    command: str,
    observer: Observer | None = None,
    store: StoreNeed = StoreNeed.CREATE,
    create_ledger: bool = True,
    seams: Seams | None = None,
) -> AsyncIterator[App]:
    """Open what ``command`` needs, and close it in reverse order whatever happens.

    Raises:
        ObjlibError: the ledger or the service cannot be used, or the ledger belongs to another store.
        InterruptedRun: a signal stopped the command.
    """
    watcher: Observer = Silent() if observer is None else observer
    seams = seams or Seams()
    now = seams.now
    async with AsyncExitStack() as stack:
        drain = await stack.enter_async_context(stop_on_signals(watcher))
        stack.enter_context(drain.work())
        ledger = await stack.enter_async_context(
            open_ledger(settings.ledger, runner=seams.runner, now=now, create=create_ledger)
        )
        governor = await stack.enter_async_context(
            open_governor(settings.max_uploads, watcher, max_pending=settings.max_pending)
        )
        app = App(
            settings=settings,
            ledger=ledger,
            governor=governor,
            patience=Patience(governor, watcher),
            observer=watcher,
            drain=drain,
            run_id=new_run_id(now()),
            files=seams.runner or thread_runner(2),
            now=now,
            opened=trio.current_time(),
        )
        if command in RECORDED:
            await _own_library(app)
            app.ledger_id = await ledger.write(partial(own_id, now=now()))
        else:
            app.ledger_id = await ledger.get_setting(LEDGER_KEY) or ""
        if store is not StoreNeed.NONE:
            await _open_service(app, stack, seams)
            try:
                app.store = await _settle_store(app, create=store is StoreNeed.CREATE)
            except GeminiError as error:
                if error.connect:
                    raise ServiceError(f"{error}; check --base-url and the network") from None
                raise
        if command in RECORDED:
            await stack.enter_async_context(_living_run(app, command))
        yield app


async def _own_library(app: App) -> None:
    """Remember which library the ledger is about. A folder that was moved as a whole is still the same library.

    Raises:
        RefusedError: the ledger is about another folder, which is still there; taking this one for it would
            record every file of that one as missing.
    """
    root = str(app.settings.library)
    known = await app.ledger.get_setting(LIBRARY_KEY)
    if known == root:
        return
    if known is not None and await app.files(Path(known).is_dir):
        raise RefusedError(
            f"the ledger {app.settings.ledger} belongs to the library {known}, not to {root}; "
            "name that folder, or another --ledger"
        )
    await app.ledger.set_setting(LIBRARY_KEY, root)


async def _open_service(app: App, stack: AsyncExitStack, seams: Seams) -> None:
    settings = app.settings
    if settings.backend is Backend.EMBEDDED:
        app.service = await stack.enter_async_context(
            open_service(settings.embedded, runner=seams.runner, now=seams.now, options=seams.options)
        )
        endpoint = Endpoint(base_url=EMBEDDED_URL, api_key="", api_version=settings.api_version)
        client = open_client(endpoint, asgi=app.service.app)
    else:
        endpoint = Endpoint(settings.base_url, settings.api_key, settings.api_version)
        client = open_client(endpoint, asgi=seams.asgi)
    app._client = await stack.enter_async_context(client)


async def _settle_store(app: App, *, create: bool) -> str:
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
        if error.kind is not Kind.UNKNOWN:
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
        if error.kind is Kind.NOT_FOUND:
            raise RefusedError(
                f"the store {name} does not exist (any more) at this service; "
                "check --backend and --base-url, or start over with another --ledger"
            ) from None
        raise


@asynccontextmanager
async def _living_run(app: App, command: str) -> AsyncIterator[None]:
    """Record the run, keep its heart beating, and record its end."""
    await app.ledger.start_run(app.run_id, os.getpid(), platform.node(), command)
    async with trio.open_nursery() as nursery:
        await _share_quota(app)
        nursery.start_soon(_beat, app)
        try:
            yield
        finally:
            # Compensation: what has been learnt and the end of the run are kept even when cancelled.
            with trio.move_on_after(5, shield=True):
                rates = app.governor.rates(over=True)
                leave = partial(leave_rates, run_id=app.run_id, rates=rates, taken=app.governor.taken)
                await app.ledger.write(partial(leave, now=app.now()))
                await app.ledger.end_run(app.run_id)
        nursery.cancel_scope.cancel(reason="the run is over")


async def _beat(app: App) -> None:
    while True:
        await trio.sleep(HEARTBEAT)
        await app.ledger.heartbeat(app.run_id)
        await _share_quota(app)
        app.governor.tell()


async def _share_quota(app: App) -> None:
    """Keep what was learnt about the quota, and take our part of it among the processes at work here."""
    if not app.store:
        return  # works on the ledger alone, and leaves the quota to others
    rates, taken = app.governor.rates(), app.governor.taken
    exchange = partial(exchange_rates, run_id=app.run_id, rates=rates, taken=taken, now=app.now())
    app.governor.share(await app.ledger.write(exchange))
