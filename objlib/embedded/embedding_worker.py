"""The second pass: vectors for passages that are searchable by words already.

It may stop at any time and goes on where it was: what is left stands in the file. Several processes may do it
at once; a passage that was embedded twice is stored twice with the same result.
"""

import logging
import sqlite3
from collections.abc import Awaitable, Callable
from functools import partial
from math import inf
from typing import Final

import trio

from objlib.core.reports.upload import VectorReport
from objlib.embedded import index
from objlib.embedded.context import Context

_log = logging.getLogger(__name__)

BATCH: Final = 32
"""Passages between two looks at the clock; under a second of work."""

QUIET: Final = 1.0
"""Seconds without a request after which the background pass goes on."""

PATIENCE: Final = 30.0
"""Seconds that it waits for such a moment; after that it makes one batch all the same."""

LOOK_AGAIN: Final = 60.0
"""Seconds after which the background pass looks for passages that another process has indexed, or tries again."""


async def vector_state(context: Context) -> VectorReport:
    """How far it has come, and whether vectors can be made here at all; loads nothing to say so."""
    done, total = await context.database.read(index.vector_progress)
    reason = await context.embedding_runner(context.embedder.obstacle)
    return VectorReport(done=done, total=total, available=not reason, reason=reason)


async def make_vectors(
    context: Context,
    *,
    seconds: float,
    progress: Callable[[int, int], None],
    turn: Callable[[], Awaitable[None]] = trio.lowlevel.checkpoint,
) -> VectorReport:
    """Make vectors until all passages have one or the time is over.

    The batch that is under way when the time is over is finished; cancelling stops between two batches.

    Args:
        context: the open service.
        seconds: time budget.
        progress: called with (passages with a vector, all passages) at the beginning and after each batch.
        turn: awaited before each batch.
    """
    deadline = trio.current_time() + seconds
    embedder, _ = await context.embedding_runner(context.embedder.load)
    state = await vector_state(context)
    progress(state.done, state.total)
    if embedder is None:
        return state
    await context.database.write(partial(index.adopt_model, model_id=embedder.model_id))
    while trio.current_time() < deadline:
        await turn()
        rows = await context.database.bulk.run(partial(index.pending_chunks, limit=BATCH))
        if not rows:
            break
        texts = [text for _, text in rows]
        vectors = await context.embedding_runner(partial(embedder.embed, texts))
        pairs = list(zip((chunk_id for chunk_id, _ in rows), vectors, strict=True))
        await context.database.write(partial(index.store_vectors, rows=pairs, model_id=embedder.model_id))
        progress(*await context.database.read(index.vector_progress))
    return await vector_state(context)


async def _quiet(context: Context) -> None:
    """Wait until no request came for a moment: a model that takes every core would slow an upload down."""
    with trio.move_on_after(PATIENCE):
        while True:
            context.requests.clear()
            with trio.move_on_after(QUIET) as moment:
                await context.requests.wait()
            if moment.cancelled_caught:
                return


async def keep_making(context: Context) -> None:
    """Make vectors in the background whenever there are new passages, until cancelled.

    A file that cannot be written just now (a full disk, say) ends neither this nor the service around it.
    """
    while True:
        context.passages.clear()
        try:
            state = await make_vectors(
                context,
                seconds=inf,
                progress=lambda _done, _total: None,
                turn=partial(_quiet, context),
            )
        except sqlite3.Error as error:
            _log.warning("vectors have to wait, the store file cannot be used just now: %s", error)
        else:
            if not state.available:
                return
        with trio.move_on_after(LOOK_AGAIN):
            await context.passages.wait()
