"""The open service: its app, and a nursery for the work behind the answers."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import trio
from starlette.types import ASGIApp

from objlib.core.errors import UsageError
from objlib.core.reports.upload import VectorReport
from objlib.embedded import embedding_worker
from objlib.embedded.api.routes import make_app
from objlib.embedded.context import Context
from objlib.embedded.database import explained, open_database
from objlib.embedded.encoders.errors import ModelFolderError
from objlib.embedded.encoders.folder import read_folder
from objlib.embedded.index import SHIPPED, LazyEmbedder, LazyReranker, Reranking
from objlib.embedded.options import Options
from objlib.embedded.resources import leases
from objlib.embedded.worker import Worker
from objlib.threads import Runner, short_turns, thread_runner

QUOTING: Final = 4
"""Answers that are put together at once: each is a tenth of a second of the embedding model at most."""


class Service:
    """An open embedded service.

    Attributes:
        app: the ASGI app; it answers as long as the service is open.
    """

    def __init__(self, path: Path, context: Context) -> None:
        self._path = path
        self._context = context
        self.app: Final[ASGIApp] = make_app(context)

    async def make_vectors(self, *, seconds: float, progress: Callable[[int], None]) -> VectorReport:
        """Make vectors for search by meaning until all passages have one or the time is over.

        It can be cancelled at any time; the next call goes on from there.

        Args:
            seconds: time budget; the batch under way at its end is finished.
            progress: called with the number of passages of each batch that is done, and with 0 first.

        Raises:
            ServiceError: the file cannot be written; the vectors made before are kept.
        """
        with explained(self._path):
            return await embedding_worker.make_vectors(self._context, seconds=seconds, progress=progress)

    async def choose_model(self) -> None:
        """Write down which model the store is to have, without making any vectors yet.

        Raises:
            ServiceError: the file cannot be written.
        """
        with explained(self._path):
            await embedding_worker.choose_model(self._context)

    async def vectors(self) -> VectorReport:
        """The number of passages with a vector, and whether vectors can be made here.

        Raises:
            ServiceError: the file cannot be read.
        """
        with explained(self._path):
            return await embedding_worker.vector_state(self._context)


def _check_models(options: Options) -> None:
    """Refuse a folder that is no model's before anything is opened; loads none.

    Raises:
        UsageError: it says what is wrong with the folder.
    """
    for name, folder in (("embedder", options.embedder), ("reranker", options.reranker)):
        if folder and (name, folder) != ("embedder", SHIPPED):
            try:
                read_folder(Path(folder))
            except ModelFolderError as error:
                raise UsageError(f"{name}: {error}") from None


def _reranking(options: Options) -> Reranking | None:
    if not options.reranker:
        return None
    return Reranking(LazyReranker(options.reranker).load, options.rerank_seconds)


@asynccontextmanager
async def open_service(
    path: Path,
    *,
    runner: Runner | None = None,
    now: Callable[[], float] = time.time,
    options: Options = Options(),
    read_only: bool = False,
) -> AsyncIterator[Service]:
    """Open the service over one SQLite file, and finish the work of a killed process.

    The file may be open in several processes at once. Every answered request is committed; a SIGKILL at any
    instant leaves a file that this opens again.

    Args:
        path: the file; made when missing, with its folder.
        runner: runs all blocking work; by default each kind of work has a thread of its own.
        now: the clock, in Unix seconds, for everything that expires.
        read_only: answer what only reads, and leave the file as it is, or absent; no work is done behind the answers.

    Yields:
        The service. Its background work ends with the block; the next open goes on with it.

    Raises:
        UsageError: a model's folder holds none.
        ServiceError: the file cannot be used; one line that says what to do.
    """
    _check_models(options)
    async with AsyncExitStack() as stack:
        if runner is None:
            stack.enter_context(short_turns())
        database = await stack.enter_async_context(open_database(path, runner, read_only=read_only))
        claim = leases.new_claim()
        context = Context(
            database=database,
            options=options,
            now=now,
            claim=claim,
            embedder=LazyEmbedder(options.embedder),
            reranking=_reranking(options),
            embedding_runner=thread_runner(1) if runner is None else runner,
            quoting_runner=thread_runner(QUOTING) if runner is None else runner,
            isolated=runner is None,
        )
        try:
            failure: Exception | None = None
            async with trio.open_nursery() as nursery:
                if not read_only:
                    nursery.start_soon(Worker(context).run)
                if not read_only and options.background_vectors:
                    nursery.start_soon(embedding_worker.make_in_background, context)
                try:
                    yield Service(path, context)
                except Exception as error:
                    failure = error
                nursery.cancel_scope.cancel()
            # An error of the block leaves as it is, not in the nursery's group; a crash of our own tasks is a group.
            if failure is not None:
                raise failure
        finally:
            leases.end_claim(claim)
