"""A token of a limiter that one task holds for another: taken before the task exists, returned by it."""

from contextlib import ExitStack

import trio

from objlib.core.ids import FileId


async def hold_token(limiter: trio.CapacityLimiter, file_id: FileId) -> ExitStack:
    """Wait for a token, and hold it for a file: the end of its block, or an earlier ``close``, returns it once."""
    await limiter.acquire_on_behalf_of(file_id)
    token = ExitStack()
    token.callback(limiter.release_on_behalf_of, file_id)
    return token
