"""The composition root: one function that nests every resource of a command, top to bottom.

signals → ledger → embedded service (if that is the backend) → client → governor → run record and heartbeat.
"""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import trio

from objlib.core.advice import advise
from objlib.core.config.ledger_url import LedgerUrl
from objlib.core.config.settings import Backend, Settings
from objlib.core.errors import LedgerError
from objlib.core.events import Observer
from objlib.core.ids import new_run_id
from objlib.engine.app import App, Overrides
from objlib.engine.bootstrap.library_binding import (
    bind_library,
    bind_service,
    enter_catalog,
    require_library,
)
from objlib.engine.bootstrap.lost_ledger import require_ledger
from objlib.engine.bootstrap.run_record import keep_run_record
from objlib.engine.bootstrap.store_binding import bind_store, look_for_store
from objlib.engine.progress import ProgressTally
from objlib.engine.requests.governor import open_governor
from objlib.engine.requests.retry import Retrier
from objlib.engine.shutdown import stop_on_signals
from objlib.ledger import LEDGER_KEY, open_ledger
from objlib.threads import thread_runner

if TYPE_CHECKING:
    from objlib.embedded import Options

EMBEDDED_URL: Final = "http://embedded.localhost"
"""A label only: requests to the embedded service never leave the process."""


class StoreNeed(Enum):
    """How far a command depends on the store."""

    NONE = auto()
    SERVICE = auto()
    """The service alone, whichever stores it has; the ledger is a private copy unless the command is recorded."""
    EXISTING = auto()
    CREATE = auto()


@dataclass(frozen=True, slots=True)
class Command:
    """The name of a command, and the resources that it needs open.

    Attributes:
        name: as in the run's record.
        records: whether it may change something. Then its run has a record with a heartbeat, and rows of its own;
            without one, other runs would take those rows for a dead run's.
        create_ledger: whether a ledger is made where there is none.
        any_ledger: whether it may work on a store with documents of a lost ledger, which it is there to mend.
        disk: whether it looks for changes on disk, so that a library which is not mounted would seem to be deleted.
        dry_run: whether it only says what it would do: then it works on private copies, and sends no request that
            changes anything.
        looks: whether it only reads the ledger, so that it needs no copy of one that is there.
    """

    name: str
    records: bool
    store: StoreNeed
    create_ledger: bool = True
    any_ledger: bool = False
    disk: bool = True
    dry_run: bool = False
    looks: bool = False

    def copies(self, ledger: Path | LedgerUrl) -> bool:
        """Whether it works on a private copy of the ledger, which takes time with each file that the ledger has."""
        leaves_no_trace = self.dry_run or (self.store is StoreNeed.SERVICE and not self.records)
        return leaves_no_trace and not (self.looks and isinstance(ledger, Path) and ledger.exists())


@asynccontextmanager
async def open_app(
    settings: Settings,
    command: Command,
    *,
    observer: Observer | None = None,
    overrides: Overrides | None = None,
) -> AsyncIterator[App]:
    """Open what ``command`` needs, and close it in reverse order whatever happens.

    Raises:
        ObjlibError: the ledger or the service cannot be used, or the ledger belongs to another store.
        InterruptedRun: a signal stopped the command.
    """
    observer = tally = ProgressTally(Observer() if observer is None else observer)
    overrides = overrides or Overrides()
    # Without a clock of a test the ledger has its own: that of a server is the same for all machines.
    clock = None if overrides.now is time.time else overrides.now
    if not command.create_ledger:
        require_ledger(settings, any_ledger=command.any_ledger)
    async with AsyncExitStack() as stack:
        drain = await stack.enter_async_context(stop_on_signals(observer, listen=overrides.signals))
        stack.enter_context(drain.work(changes=command.records and not command.dry_run))
        ledger = await stack.enter_async_context(
            open_ledger(
                settings.ledger,
                runner=overrides.runner,
                now=clock,
                create=command.create_ledger,
                private=command.copies(settings.ledger),
            )
        )
        now = ledger.now
        governor = await stack.enter_async_context(
            open_governor(
                settings.max_uploads, observer, max_pending=settings.max_pending, pacing=settings.pacing
            )
        )
        app = App(
            settings=settings,
            ledger=ledger,
            governor=governor,
            retrier=Retrier(governor, observer),
            observer=observer,
            drain=drain,
            run_id=new_run_id(now()),
            files=overrides.runner or thread_runner(2),
            now=now,
            opened_at=trio.current_time(),
            dry_run=command.dry_run,
        )
        here = await require_library(app, disk=command.disk)
        if command.records:
            await bind_library(app, here=here)
            app.ledger_id = await ledger.settings.ledger_id()
        else:
            app.ledger_id = await ledger.settings.get(LEDGER_KEY) or ""
        app.adopted = await ledger.settings.adopted()
        if command.store is not StoreNeed.NONE:
            await _open_service(app, stack, overrides)
        if command.store in {StoreNeed.EXISTING, StoreNeed.CREATE}:
            create = command.store is StoreNeed.CREATE
            if create and command.dry_run:
                app.store, app.store_note = await look_for_store(app)
            else:
                app.store = await bind_store(app, create=create, any_ledger=command.any_ledger)
            if command.records:
                await bind_service(app)
        if not command.dry_run and command.store is not StoreNeed.SERVICE:
            await enter_catalog(app)
        if command.records:
            await stack.enter_async_context(keep_run_record(app, command.name, tally))
        kept = (
            await app.files(partial(_identities, settings)) if command.records and not command.dry_run else {}
        )
        yield app
        for path in kept:
            if kept[path] != (await app.files(partial(_identities, settings)))[path]:
                raise LedgerError(_lost_meanwhile(settings, path))


def _identities(settings: Settings) -> dict[Path, tuple[int, int] | None]:
    """Device and inode of the ledger and of the embedded store, as far as they are files that are there."""
    files = [settings.ledger] if isinstance(settings.ledger, Path) else []
    if settings.backend is Backend.EMBEDDED:
        files.append(settings.embedded)
    identities: dict[Path, tuple[int, int] | None] = {}
    for path in files:
        try:
            status = path.stat()
        except OSError:
            identities[path] = None
        else:
            identities[path] = status.st_dev, status.st_ino
    return identities


def _lost_meanwhile(settings: Settings, path: Path) -> str:
    """The news that a database was taken away under a run, which a POSIX system lets it use up to its end."""
    if path == settings.ledger:
        return (
            f"the ledger {path} was removed or replaced while this command used it, and what it recorded is lost: "
            f"`{advise('rebuild')}` makes it again from the store, and nothing is sent twice"
        )
    return (
        f"the store file {path} was removed or replaced while this command used it, and the documents in it are "
        f"lost: `{advise('doctor')}` says what to do"
    )


def with_models(options: "Options", settings: Settings) -> "Options":
    """The options of a service with the models that the settings name."""
    return replace(
        options,
        embedder=settings.embedder,
        reranker=str(settings.reranker or ""),
        rerank_seconds=settings.rerank_seconds,
    )


async def _open_service(app: App, stack: AsyncExitStack, overrides: Overrides) -> None:
    from objlib.gemini import Endpoint, open_client

    settings, asgi = app.settings, overrides.asgi
    endpoint = Endpoint(settings.base_url, settings.api_key, settings.api_version)
    if settings.backend is Backend.EMBEDDED:
        from objlib.embedded import Options, open_service

        service = open_service(
            settings.embedded,
            runner=overrides.runner,
            now=overrides.now,
            options=with_models(overrides.options or Options(), settings),
            read_only=app.dry_run,
        )
        app.service = await stack.enter_async_context(service)
        endpoint, asgi = Endpoint(EMBEDDED_URL, "", settings.api_version), app.service.app
    app._client = await stack.enter_async_context(open_client(endpoint, asgi=asgi, read_only=app.dry_run))
