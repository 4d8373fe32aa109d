"""The composition root: one function that nests every resource of a command, top to bottom.

signals → ledger → embedded service (if that is the backend) → client → governor → run record and heartbeat.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from enum import Enum, auto
from functools import partial
from pathlib import Path
from typing import Final

import trio

from objlib.core.config.settings import Backend, Settings
from objlib.core.errors import RefusedError, ServiceError
from objlib.core.events import Observer, SilentObserver
from objlib.core.ids import new_run_id
from objlib.embedded import open_service
from objlib.engine.app import App, Overrides
from objlib.engine.bootstrap.run_record import keep_run_record
from objlib.engine.bootstrap.store_binding import bind_store
from objlib.engine.requests.governor import open_governor
from objlib.engine.requests.retry import Retrier
from objlib.engine.shutdown import stop_on_signals
from objlib.gemini import Endpoint, GeminiError, open_client
from objlib.ledger import open_ledger
from objlib.ledger.listings import LEDGER_KEY, own_id
from objlib.threads import thread_runner

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


@asynccontextmanager
async def open_app(
    settings: Settings,
    *,
    command: str,
    observer: Observer | None = None,
    store: StoreNeed = StoreNeed.CREATE,
    create_ledger: bool = True,
    seams: Overrides | None = None,
) -> AsyncIterator[App]:
    """Open what ``command`` needs, and close it in reverse order whatever happens.

    Raises:
        ObjlibError: the ledger or the service cannot be used, or the ledger belongs to another store.
        InterruptedRun: a signal stopped the command.
    """
    watcher: Observer = SilentObserver() if observer is None else observer
    seams = seams or Overrides()
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
            patience=Retrier(governor, watcher),
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
                app.store = await bind_store(app, create=store is StoreNeed.CREATE)
            except GeminiError as error:
                if error.connect:
                    raise ServiceError(f"{error}; check --base-url and the network") from None
                raise
        if command in RECORDED:
            await stack.enter_async_context(keep_run_record(app, command))
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


async def _open_service(app: App, stack: AsyncExitStack, seams: Overrides) -> None:
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
