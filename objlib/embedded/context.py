"""The open service as its routes and workers see it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

import trio

from objlib.embedded.database import Database
from objlib.embedded.index import LazyEmbedder, Reranking
from objlib.embedded.options import Options, Writer
from objlib.threads import Runner


class Wakeup:
    """An event that can be set and cleared again; a set without a waiter is kept for the next one."""

    def __init__(self) -> None:
        self._event = trio.Event()

    def set(self) -> None:
        """Wake all waiters; returns at once."""
        self._event.set()

    def clear(self) -> None:
        """Forget the sets so far; the caller looks at their cause now."""
        self._event = trio.Event()

    async def wait(self) -> None:
        """Wait for a set since the last :meth:`clear`."""
        await self._event.wait()


@dataclass(slots=True)
class Context:
    """The open service. Only ``disk_full`` and ``indexed_at`` change.

    Attributes:
        now: the clock, in Unix seconds.
        claim: this open service's mark on the documents that it will index.
        embedding_runner: runs the embedding model, which never touches the file.
        quoting_runner: puts answers together, several at once; never touches the file either.
        embedder: the models of vectors, loaded at their first use.
        reranking: orders the first passages of a search anew; None for none.
        work: set when there may be documents to index or stores to empty.
        passages: set when this service has indexed documents.
        requests: set by each request, since work that can wait avoids busy moments.
        isolated: whether documents are read in processes of their own; not in virtual time.
        indexed_at: when documents were indexed last, in Unix seconds.
        disk_full: whether the last work of the worker found no room; polls of a document report it.
    """

    database: Database
    options: Options
    now: Callable[[], float]
    claim: str
    embedding_runner: Runner
    quoting_runner: Runner
    embedder: LazyEmbedder = field(default_factory=LazyEmbedder)
    reranking: Reranking | None = None
    work: Wakeup = field(default_factory=Wakeup)
    passages: Wakeup = field(default_factory=Wakeup)
    requests: Wakeup = field(default_factory=Wakeup)
    isolated: bool = False
    indexed_at: float = -inf
    disk_full: bool = False

    def note_indexed(self) -> None:
        """Documents have just been indexed: their passages may get vectors."""
        self.indexed_at = self.now()
        self.passages.set()

    def writer(self) -> Writer:
        """This service at this moment."""
        return Writer(self.now(), self.claim, self.options)
