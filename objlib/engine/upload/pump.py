"""The pump of an upload run: it claims files in the ledger, and gives each its task.

It takes a slot (files between claimed and indexed) and an upload token *before* it claims a file, so tasks never
outnumber either, and shrinking the tokens takes effect at once. Memory is bounded by the slots: the pump claims as
many files as there are tokens, and forgets a file as soon as its task ends.
"""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

import trio

from objlib.engine.upload.file_task import FileUpload
from objlib.engine.upload.state import UploadRun

CLAIMED_AT_ONCE: Final = 32
"""Files that one transaction claims at most: the uploads in flight of a fast service."""


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
    run.feeding = trio.CancelScope()
    with run.feeding:
        while not run.stopped:
            run.changed = trio.Event()
            claimed = 0
            with ExitStack() as unused:
                tokens = _free_tokens(run)
                if not tokens and await run.any_due():
                    tokens = [await _next_token(run)]
                for slot, token in tokens:
                    unused.push(slot)
                    unused.push(token)
                # No checkpoint follows: what was claimed gets its task, also where the feeding ends now.
                for (row, attempt_id), (slot, token) in zip(
                    await run.claim(len(tokens)), tokens, strict=False
                ):
                    claimed += 1
                    run.begin(row.file_id)
                    spawn(FileUpload(run, row, attempt_id, slot.pop_all(), token.pop_all()))
            if claimed:
                continue
            if not run.active and not await run.any_left():
                break
            await run.wait()
    while run.active:
        run.changed = trio.Event()
        await run.changed.wait()


Tokens = tuple[ExitStack, ExitStack]
"""A slot and an upload token, each returned once, at the end of its block or by an earlier ``close``."""


def _free_tokens(run: UploadRun) -> list[Tokens]:
    """The pairs that can be had at once."""
    governor, pairs = run.app.governor, list[Tokens]()
    while len(pairs) < min(CLAIMED_AT_ONCE, run.room):
        try:
            slot = _hold_now(governor.pending)
        except trio.WouldBlock:
            break
        try:
            token = _hold_now(governor.uploads)
        except trio.WouldBlock:
            slot.close()
            break
        pairs.append((slot, token))
    return pairs


async def _next_token(run: UploadRun) -> Tokens:
    """The next pair, however long that takes: the gate may be closed."""
    with await hold_token(run.app.governor.pending) as slot:
        token = await hold_token(run.app.governor.uploads)
        return slot.pop_all(), token


async def hold_token(limiter: trio.CapacityLimiter) -> ExitStack:
    """Wait for a token, and hold it: the end of its block, or an earlier ``close``, returns it once."""
    holder = object()
    await limiter.acquire_on_behalf_of(holder)
    return _held(limiter, holder)


def _hold_now(limiter: trio.CapacityLimiter) -> ExitStack:
    holder = object()
    limiter.acquire_on_behalf_of_nowait(holder)
    return _held(limiter, holder)


def _held(limiter: trio.CapacityLimiter, holder: object) -> ExitStack:
    token = ExitStack()
    token.callback(limiter.release_on_behalf_of, holder)
    return token
