"""The second pass: vectors for passages that are searchable by words already.

It may stop at any time and goes on later: the passages without a vector stand in the file. Several processes
may run it at once; a passage embedded twice is stored twice with the same result.
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
    done, total = await context.database.read(index.vector_progress)
    reason = await context.embedding_runner(context.embedder.obstacle)
    return VectorReport(done=done, total=total, available=not reason, reason=reason)


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
    embedder, _ = await context.embedding_runner(context.embedder.load)
    state = await vector_state(context)
    progress(0)
    if embedder is None:
        return state
    await context.database.write(partial(index.adopt_model, model_id=embedder.model_id))
    while trio.current_time() < deadline:
        await before_batch()
        rows = await context.database.bulk.run(partial(index.pending_chunks, limit=EMBEDDING_BATCH))
        if not rows:
            break
        texts = [text for _, text in rows]
        vectors = await context.embedding_runner(partial(embedder.embed, texts))
        pairs = list(zip((chunk_id for chunk_id, _ in rows), vectors, strict=True))
        await context.database.write(partial(index.store_vectors, rows=pairs, model_id=embedder.model_id))
        progress(len(pairs))
    return await vector_state(context)


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
