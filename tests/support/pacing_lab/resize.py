"""Tokens that go from 10 to 2 to 8 while ten requests are in flight: the governor's own limiter, in virtual time."""

import random
from dataclasses import dataclass, field

import trio
import trio.testing

from objlib.core.events import Observer
from objlib.engine.requests.governor import open_governor

REQUESTS = 60
"""How many there are in all, each of half a second to two."""


@dataclass(slots=True)
class Resized:
    """The course of one resize.

    Attributes:
        finished: requests that came to their end.
        cancelled: requests that were stopped on the way.
        beside: of each request that started while there were two tokens: how many were in flight then, it included.
        woken: requests that started at the moment at which the tokens were eight again.
    """

    finished: int = 0
    cancelled: int = 0
    beside: list[int] = field(default_factory=list)
    woken: int = 0


def resize(seed: int) -> Resized:
    """Run it once."""
    return trio.run(_resize, random.Random(seed), clock=trio.testing.MockClock(autojump_threshold=0))


async def _resize(rng: random.Random) -> Resized:
    seen = Resized()
    async with open_governor(10, Observer()) as governor:
        limiter = governor.uploads
        limiter.total_tokens = 10
        raised = 8.0

        async def request(seconds: float) -> None:
            async with limiter:
                if limiter.total_tokens == 2:
                    seen.beside.append(limiter.borrowed_tokens)
                seen.woken += trio.current_time() == began + raised
                try:
                    await trio.sleep(seconds)
                except trio.Cancelled:
                    seen.cancelled += 1
                    raise
                seen.finished += 1

        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            for _ in range(REQUESTS):
                nursery.start_soon(request, rng.uniform(0.5, 2))
            await trio.sleep(rng.uniform(1, 3))
            limiter.total_tokens = 2
            await trio.sleep_until(began + raised)
            limiter.total_tokens = 8
    return seen
