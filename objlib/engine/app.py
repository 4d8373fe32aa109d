"""What a command works with: one value that holds every open resource, and what a test may put in their place."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from objlib.core.config.settings import Settings
from objlib.core.errors import RefusedError
from objlib.core.events import Observer
from objlib.core.ids import RunId
from objlib.embedded import Options, Service
from objlib.engine.requests.governor import Governor
from objlib.engine.requests.retry import Retrier
from objlib.engine.shutdown import Drain
from objlib.gemini import Client
from objlib.ledger import Ledger
from objlib.threads import Runner


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
    patience: Retrier
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
class Overrides:
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
