"""A request that a command cannot go on without: what passes by itself is waited for."""

import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import trio

from objlib.core.waits import backoff
from objlib.engine.governor import Governor, Purpose
from objlib.gemini import GeminiError, Kind

T = TypeVar("T")

TRIES: Final = 8
"""How often it is sent at most: some two minutes of a service that is down."""


async def insist(
    governor: Governor, purpose: Purpose, request: Callable[[], Awaitable[T]], *, reconnect: bool = False
) -> T:
    """Send a request, again if it was pushed back or lost and repeating it does no harm.

    Args:
        governor: admits each try.
        purpose: whose tokens it takes.
        request: sends it once.
        reconnect: whether it is also tried again where no connection was made; at the start of a command a person is
            better told at once.

    Raises:
        GeminiError: an answer that waiting does not heal, or the last try's.
    """
    for tries in range(1, TRIES + 1):
        try:
            async with governor.slot(purpose):
                return await request()
        except GeminiError as error:
            passing = error.kind in {Kind.TRANSIENT, Kind.RATE_LIMIT} and (reconnect or not error.connect)
            if not passing or tries == TRIES:
                raise
        await trio.sleep(backoff(tries, jitter=random.random()))
    raise AssertionError("the last try returns or raises")
