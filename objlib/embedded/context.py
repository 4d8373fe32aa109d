"""What every route needs: the file, the options, the clock, and a bell for the worker."""

from collections.abc import Callable
from dataclasses import dataclass, field

import trio

from objlib.embedded.database import Database
from objlib.embedded.index import LazyEmbedder
from objlib.embedded.options import Options
from objlib.threads import Runner


class Wakeup:
    """Rung when there may be something to do; a ring that nobody waits for is kept for the next who does."""

    def __init__(self) -> None:
        self._event = trio.Event()

    def ring(self) -> None:
        """Wake whoever waits; returns at once."""
        self._event.set()

    def clear(self) -> None:
        """Forget the rings so far, because what they were about is looked at now."""
        self._event = trio.Event()

    async def wait(self) -> None:
        """Wait for a ring since the last :meth:`clear`."""
        await self._event.wait()


@dataclass(slots=True)
class Disk:
    """What the worker knows of the disk: whether there was no room for its last work."""

    full: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """The open service, as its routes see it.

    Attributes:
        database: the file.
        options: how the service behaves.
        now: the clock, in Unix seconds.
        claim: this open service's mark on the documents it means to index.
        embedding_runner: runs the embedding model, which never touches the file.
        embedder: the model, loaded at its first use.
        work: rung when there may be documents to index or stores to empty.
        passages: rung when documents have been indexed here.
        requests: rung by each request, since work that can wait keeps out of its way.
        disk: whoever waits for a document is told when there is no room to index it.
    """

    database: Database
    options: Options
    now: Callable[[], float]
    claim: str
    embedding_runner: Runner
    embedder: LazyEmbedder = field(default_factory=LazyEmbedder)
    work: Wakeup = field(default_factory=Wakeup)
    passages: Wakeup = field(default_factory=Wakeup)
    requests: Wakeup = field(default_factory=Wakeup)
    disk: Disk = field(default_factory=Disk)
