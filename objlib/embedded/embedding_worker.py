"""The second pass: vectors for passages that are searchable by words already.

It may stop at any time and goes on later: the passages without a vector stand in the file. Several processes
may run it at once; a passage embedded twice is stored twice with the same result.
"""

import logging
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from math import inf
from typing import Final

import trio

from objlib.core.reports.upload import VectorReport
from objlib.embedded import index
from objlib.embedded.context import Context
from objlib.embedded.encoders.errors import ModelError

_log = logging.getLogger(__name__)

EMBEDDING_BATCH: Final = 32
"""Passages between two looks at the clock: under a second of work."""
QUIET_SECONDS: Final = 1.0
"""Seconds without a request after which the background pass makes a batch."""
MAX_QUIET_WAIT_SECONDS: Final = 30.0
"""Seconds that the background pass waits for a quiet moment before it makes a batch all the same."""
LOOK_AGAIN_SECONDS: Final = 60.0
"""Seconds after which the background pass looks for passages of other processes, or retries after an error."""


async def vector_state(context: Context) -> VectorReport:
    """The progress, and whether vectors can be made here at all; loads no model."""
    report, answering = await context.database.read(partial(_progress, embedder=context.embedder))
    reason = await context.embedding_runner(
        partial(context.embedder.obstacle, answering.folder, answering.model_id)
    )
    report = replace(report, words_only=reason)
    if report.coming or not answering.model_id:
        folder = await context.database.read(context.embedder.folder)
        reason = await context.embedding_runner(partial(context.embedder.obstacle, folder))
    return replace(report, available=not reason, reason=reason)


def _progress(db: sqlite3.Connection, embedder: index.LazyEmbedder) -> tuple[VectorReport, index.StoredModel]:
    """The progress of the model that the store is to have, and the model that answers."""
    folder = embedder.folder(db)
    answering, coming = index.ANSWERING.model(db), index.COMING.model(db)
    done, total = index.vector_progress(db)
    current = answering or index.StoredModel("", folder)
    if answering is None or index.ANSWERING.is_empty(db) or answering.folder == folder:
        return VectorReport(done, total), current
    begun = coming is not None and coming.folder == folder
    done = index.vector_progress(db, index.COMING)[0] if begun else 0
    return VectorReport(done, total, coming=folder or "default", begun=begun), current


async def make_vectors(
    context: Context,
    *,
    seconds: float,
    progress: Callable[[int], None],
    before_batch: Callable[[], Awaitable[None]] = trio.lowlevel.checkpoint,
) -> VectorReport:
    """Make vectors until all passages have one or the time is over.

    The batch under way at the end of the time is finished; cancelling stops between two batches.

    Args:
        seconds: time budget.
        progress: called with the number of passages of each batch that is done, and with 0 first.
    """
    deadline = trio.current_time() + seconds
    embedder = await choose_model(context)
    state = await vector_state(context)
    progress(0)
    if embedder is None:
        return state
    write = context.database.write
    while state.coming and trio.current_time() < deadline and await write(index.move_older):
        await before_batch()  # a set that comes has a place for passages of our word index alone
    while trio.current_time() < deadline:
        await before_batch()
        pending = partial(index.pending_chunks, limit=EMBEDDING_BATCH, model_id=embedder.model_id)
        rows = await context.database.bulk.run(pending)
        if not rows:
            await write(index.replace_answering)
            break
        texts = [text for _, text in rows]
        try:
            vectors = await context.embedding_runner(partial(embedder.embed, texts))
        except ModelError as error:
            return replace(await vector_state(context), available=False, reason=str(error))
        pairs = list(zip((chunk_id for chunk_id, _ in rows), vectors, strict=True))
        await write(partial(index.store_vectors, rows=pairs, model_id=embedder.model_id))
        progress(len(pairs))
    return await vector_state(context)


async def choose_model(context: Context) -> index.Embedder | None:
    """Load the model that the store is to have, and write down that it is; None if it cannot be loaded."""
    folder = await context.database.read(context.embedder.folder)
    embedder, _ = await context.embedding_runner(partial(context.embedder.load, folder))
    if embedder is not None:
        scale = await context.database.read(partial(index.scale_of, model_id=embedder.model_id))
        if scale is None and folder:
            scale = await context.embedding_runner(partial(_scale, embedder))
        model = index.StoredModel(embedder.model_id, folder, embedder.dimensions, scale)
        await context.database.write(partial(index.aim_at, model=model))
    return embedder


def _scale(embedder: index.Embedder) -> index.CosineScale | None:
    try:
        return index.measure_scale(embedder)
    except ModelError:  # the first passages tell the user
        return None


async def _wait_for_quiet(context: Context) -> None:
    """Wait for a moment without requests: a model that takes every core would slow an upload down."""
    with trio.move_on_after(MAX_QUIET_WAIT_SECONDS):
        while True:
            context.requests.clear()
            with trio.move_on_after(QUIET_SECONDS) as moment:
                await context.requests.wait()
            if moment.cancelled_caught:
                return


async def make_in_background(context: Context) -> None:
    """Make vectors whenever there are new passages, until cancelled.

    A file that cannot be written now, as on a full disk, ends neither this task nor the service around it.
    """
    while True:
        context.passages.clear()
        try:
            state = await make_vectors(
                context,
                seconds=inf,
                progress=lambda _made: None,
                before_batch=partial(_wait_for_quiet, context),
            )
        except sqlite3.Error as error:
            _log.warning("vectors have to wait, the store file cannot be used just now: %s", error)
        else:
            if not state.available:
                return
        with trio.move_on_after(LOOK_AGAIN_SECONDS):
            await context.passages.wait()
