"""Tokens that are taken for a task before it exists."""

import trio

from objlib.engine.upload.pump import hold_token


async def test_a_token_is_returned_once_however_often_it_is_closed() -> None:
    limiter = trio.CapacityLimiter(2)
    first = await hold_token(limiter)
    with first, await hold_token(limiter):
        assert limiter.borrowed_tokens == 2
        first.close()
        first.close()
        assert limiter.borrowed_tokens == 1
    assert limiter.borrowed_tokens == 0


async def test_a_released_token_does_not_return_that_of_the_next_task_of_its_file() -> None:
    limiter = trio.CapacityLimiter(1)
    with await hold_token(limiter) as first:
        first.close()
        second = await hold_token(limiter)
    assert limiter.borrowed_tokens == 1
    second.close()
    assert limiter.borrowed_tokens == 0
