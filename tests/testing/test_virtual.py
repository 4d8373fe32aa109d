"""Virtual time (a MockClock) is repeatable, and the private names of trio that make it so are still there."""

import os
import random
import secrets

import pytest
import trio
import trio._core._run as trio_private
import trio.testing

from objlib.testing import EPOCH, run_virtual, seeded, wall_clock


async def race() -> list[str]:
    """Record the steps of five tasks, in order, with randomness in each."""
    trace: list[str] = []

    async def runner(name: int) -> None:
        for _ in range(5):
            await trio.sleep(random.random() if name % 2 else 0)
            trace.append(f"{name} {secrets.token_hex(2)} {wall_clock()}")

    async with trio.open_nursery() as nursery:
        for name in range(5):
            nursery.start_soon(runner, name)
    return trace


def test_the_same_seed_is_the_same_run_and_another_is_another() -> None:
    traces = [tuple(run_virtual(race, seed=seed)) for seed in (1, 1, 1, 2, 3)]
    assert len({*traces[:3]}) == 1
    assert len({*traces}) == 3


def test_the_names_of_trio_that_this_rests_on_are_there() -> None:
    before = trio_private._r, trio_private._ALLOW_DETERMINISTIC_SCHEDULING
    assert isinstance(trio_private._r, random.Random)
    with seeded(1):
        during = trio_private._r, trio_private._ALLOW_DETERMINISTIC_SCHEDULING
    assert during[1]
    assert during[0] is not before[0]
    assert (trio_private._r, trio_private._ALLOW_DETERMINISTIC_SCHEDULING) == before


def test_virtual_time_costs_no_time_and_nothing_random_leaks_out() -> None:
    async def a_day() -> float:
        await trio.sleep(86_400)
        return wall_clock()

    random.seed(5)
    before = random.getstate()
    assert run_virtual(a_day, seed=0) == EPOCH + 86_400
    assert random.getstate() == before
    assert os.urandom(8) != os.urandom(8)


def test_an_error_reaches_the_caller() -> None:
    async def fail() -> None:
        await trio.sleep(1)
        raise KeyError("here")

    with pytest.raises(KeyError, match="here"):
        run_virtual(fail, seed=0)
