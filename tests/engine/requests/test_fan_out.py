"""Bounded fan-out: how many run at once, and what a stop ends."""

import pytest
import trio

from objlib.engine.requests.fan_out import fan_out


async def test_no_more_items_are_in_progress_than_the_limit() -> None:
    in_progress, most = 0, 0
    done: list[int] = []

    async def work(number: int) -> None:
        nonlocal in_progress, most
        in_progress += 1
        most = max(most, in_progress)
        await trio.sleep(1 + number % 3)
        in_progress -= 1
        done.append(number)

    async with fan_out(work, limit=4) as items:
        for number in range(20):
            await items.start(number)
        assert len(done) >= 16  # a task is spawned only once it has a token
    assert most == 4
    assert sorted(done) == list(range(20))


async def test_waiting_until_idle_waits_for_every_item() -> None:
    done: list[str] = []

    async def work(name: str, seconds: float) -> None:
        await trio.sleep(seconds)
        done.append(name)

    async with fan_out(work, limit=3) as items:
        await items.start("slow", 5)
        await items.start("quick", 1)
        await items.wait_idle()
        assert done == ["quick", "slow"]


async def test_a_stop_ends_the_starting_and_lets_work_in_progress_finish() -> None:
    done: list[int] = []

    async def work(number: int) -> None:
        await trio.sleep(10)
        done.append(number)

    async with fan_out(work, limit=2) as items:
        with trio.move_on_after(1) as intake:
            for number in range(5):
                await items.start(number)
        assert intake.cancelled_caught
    assert sorted(done) == [0, 1]


async def test_an_error_of_one_item_ends_the_others() -> None:
    async def work(number: int) -> None:
        await trio.sleep(number)
        raise ValueError(number)

    with pytest.RaisesGroup(ValueError):
        async with fan_out(work, limit=3) as items:
            for number in range(1, 4):
                await items.start(number)
    assert trio.current_time() < 2
