"""The application: one value that holds every open resource of a command, and a test's replacements for them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from objlib.core.config.settings import Settings
from objlib.core.errors import RefusedError
from objlib.core.events import Observer
from objlib.core.ids import RunId
from objlib.engine.requests.governor import Governor
from objlib.engine.requests.retry import Retrier
from objlib.engine.shutdown import Drain
from objlib.ledger import Ledger
from objlib.threads import Runner

if TYPE_CHECKING:  # many commands need no service, and either takes as long to load as all the rest
    from objlib.embedded import Options, Service
    from objlib.gemini import Client


@dataclass(slots=True)
class App:
    """Everything a command works with, open for as long as its ``async with``.

    Attributes:
        retrier: sends requests, and retries those that get no answer.
        drain: the scopes that a stop cancels.
        run_id: this run's id in the ledger.
        files: runs blocking file work (reading and hashing) in its own small pool of threads.
        now: wall-clock Unix seconds; tests replace it.
        opened_at: when the command began, on trio's clock.
        embedding_model: that of the store; empty until the service was asked.
        store_documents: those in the store by its own count when it was asked; None until then.
        store: resource name of the store; empty when the command needs none.
        ledger_id: tag that tells documents of this ledger from those of another.
        adopted: tags of lost ledgers whose documents this one took over, or is to remove.
        service: the embedded service, when that is the backend.
        deleted: documents that this command removed from the store.
        dry_run: whether ledger and embedded store are private copies, and the client sends nothing that changes
            anything.
        store_note: why a dry run goes on without the store.
    """

    settings: Settings
    ledger: Ledger
    governor: Governor
    retrier: Retrier
    observer: Observer
    drain: Drain
    run_id: RunId
    files: Runner
    now: Callable[[], float]
    opened_at: float
    _client: "Client | None" = None
    store: str = ""
    embedding_model: str = ""
    store_documents: int | None = None
    ledger_id: str = ""
    adopted: frozenset[str] = frozenset()
    service: "Service | None" = None
    deleted: int = 0
    dry_run: bool = False
    store_note: str = ""

    @property
    def client(self) -> "Client":
        """The client of the service.

        Raises:
            RefusedError: the command was opened without one.
        """
        if self._client is None:
            raise RefusedError("this command works on the ledger alone")
        return self._client

    @property
    def owners(self) -> frozenset[str]:
        """Tags of the documents that are this ledger's."""
        return self.adopted | {self.ledger_id}

    @property
    def requests(self) -> int:
        """Requests sent to the service so far."""
        return 0 if self._client is None else self._client.requests


@dataclass(frozen=True, slots=True)
class Overrides:
    """A test's own clock, threads and faults; the command line uses the defaults.

    Attributes:
        now: wall-clock Unix seconds.
        runner: replaces every worker thread, for virtual time.
        options: of the embedded service, whose middleware may inject faults.
        asgi: replaces the network when the backend is gemini: a service that outlives the run.
        signals: whether SIGINT and SIGTERM stop the command; not where it runs inside another program.
    """

    now: Callable[[], float] = time.time
    runner: Runner | None = None
    options: "Options | None" = None
    asgi: Callable[..., Any] | None = None
    signals: bool = True
