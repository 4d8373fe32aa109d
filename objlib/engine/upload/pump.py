"""The pump of an upload run: it takes files from the ledger, and gives each its task.

It takes a slot (files between claimed and indexed) and an upload token *before* it spawns a task, so tasks never
outnumber either, and shrinking the tokens takes effect at once. Memory is bounded by the slots: the pump reads the
ledger in pages and forgets a file as soon as its task ends.
"""

from collections.abc import Callable
from contextlib import ExitStack

import trio

from objlib.core.ids import FileId
from objlib.engine.upload.file_task import FileUpload
from objlib.engine.upload.state import UploadRun


async def pump(run: UploadRun) -> None:
    """Send all files that are due, until none is left or a stop is requested, and wait for their tasks."""
    app = run.app
    app.retrier.reset()
    # The nursery is outside the intake scope: a stop ends the feeding, not the files in flight.
    async with trio.open_nursery() as nursery:
        with app.drain.intake():
            await _feed(run, lambda task: nursery.start_soon(task.run))
        if app.drain.requested:
            app.retrier.drain()


async def _feed(run: UploadRun, spawn: Callable[[FileUpload], None]) -> None:
    governor = run.app.governor
    run.feeding = trio.CancelScope()
    with run.feeding:
        while not run.stopped:
            run.changed = trio.Event()
            rows = await run.claimable()
            if not rows and not run.active and await run.next_due() is None:
                break
            if not rows:
                await run.wait()
            for row in rows:
                with ExitStack() as held:
                    slot = held.enter_context(await hold_token(governor.pending, row.file_id))
                    token = held.enter_context(await hold_token(governor.uploads, row.file_id))
                    if run.stopped or not run.may_begin(row.file_id):
                        break
                    held.pop_all()  # from here on they are the task's
                run.begin(row.file_id)
                spawn(FileUpload(run, row, slot, token))
    while run.active:
        run.changed = trio.Event()
        await run.changed.wait()


async def hold_token(limiter: trio.CapacityLimiter, file_id: FileId) -> ExitStack:
    """Wait for a token, and hold it for a file: the end of its block, or an earlier ``close``, returns it once."""
    await limiter.acquire_on_behalf_of(file_id)
    token = ExitStack()
    token.callback(limiter.release_on_behalf_of, file_id)
    return token
