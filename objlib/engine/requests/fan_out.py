"""Work on many items at once, and on no more than a limit."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVarTuple, Unpack

import trio

Item = TypeVarTuple("Item")


class FanOut(Generic[*Item]):
    """Starts work on items; made by :func:`fan_out`, which owns the tasks."""

    def __init__(
        self, work: Callable[[Unpack[Item]], Awaitable[None]], limit: int, nursery: trio.Nursery
    ) -> None:
        self._work = work
        self._nursery = nursery
        self._limiter = trio.CapacityLimiter(limit)

    async def start(self, *item: *Item) -> None:
        """Start the work on one item, as soon as fewer than the limit are in progress."""
        token = object()
        await self._limiter.acquire_on_behalf_of(token)
        self._nursery.start_soon(self._run, token, item)

    async def wait_idle(self) -> None:
        """Wait until no work is in progress; the last call inside an intake scope, which a stop cancels."""
        for number in range(int(self._limiter.total_tokens)):
            await self._limiter.acquire_on_behalf_of(number)

    async def _run(self, token: object, item: tuple[*Item]) -> None:
        try:
            await self._work(*item)
        finally:
            self._limiter.release_on_behalf_of(token)


@asynccontextmanager
async def fan_out(
    work: Callable[[Unpack[Item]], Awaitable[None]], *, limit: int
) -> AsyncIterator[FanOut[*Item]]:
    """Work on items, ``limit`` of them at once; the block ends when the work on all of them has.

    A token is taken before a task is spawned, so that a million items are not a million tasks. Open an intake scope
    inside the block: a stop then ends the starting and the waiting, not the work in progress.
    """
    async with trio.open_nursery() as nursery:
        yield FanOut(work, limit, nursery)
