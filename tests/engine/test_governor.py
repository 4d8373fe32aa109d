"""The governor under virtual time: its gate, its tokens, and what it learns."""

import contextlib
from typing import Any

import pytest
import trio
import trio.testing

from objlib.core.observe import Silent
from objlib.engine.governor import Governor, Purpose, open_governor
from objlib.gemini import GeminiError, Kind


class Told(Silent):
    """Notes the rate after each push-back."""

    def __init__(self) -> None:
        self.rates: list[float] = []

    def event(self, name: str, **fields: Any) -> None:
        if name == "push_back":
            self.rates.append(fields["rate"])


def push_back(retry_after: float | None = None) -> GeminiError:
    return GeminiError("slow down", kind=Kind.RATE_LIMIT, status=429, retry_after=retry_after)


async def refused(governor: Governor, error: GeminiError, purpose: Purpose = Purpose.UPLOAD) -> None:
    with contextlib.suppress(GeminiError):
        async with governor.request(purpose):
            await trio.sleep(0.1)
            raise error


async def test_a_pause_parks_every_budget_and_ends_by_itself(autojump_clock: trio.testing.MockClock) -> None:
    async with open_governor(8, Silent()) as governor:
        await refused(governor, push_back(20))
        began = trio.current_time()
        assert governor.uploads.total_tokens == 0
        for purpose in Purpose:
            async with governor.slot(purpose):
                assert trio.current_time() - began >= 20
        assert governor.uploads.total_tokens >= 1


async def test_the_latest_of_two_pauses_decides(autojump_clock: trio.testing.MockClock) -> None:
    async with open_governor(8, Silent()) as governor:
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(refused, governor, push_back(50), Purpose.POLL)
            nursery.start_soon(refused, governor, push_back(20), Purpose.UPLOAD)
        async with governor.slot(Purpose.UPLOAD):
            assert trio.current_time() - began >= 50


async def test_sixteen_push_backs_at_once_cut_once(autojump_clock: trio.testing.MockClock) -> None:
    told = Told()
    async with open_governor(16, told) as governor:
        async with trio.open_nursery() as nursery:
            for _ in range(16):
                nursery.start_soon(refused, governor, push_back())
        assert governor.throttled == 16
        assert len(told.rates) == 16
        assert len(set(told.rates)) == 1


async def test_lowering_the_tokens_lets_holders_finish_and_admits_nobody(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """10 in flight, 10 → 2 → 8 tokens: nothing is cancelled, and never more than 2 start while it is 2."""
    async with open_governor(10, Silent()) as governor:
        limiter = governor.uploads
        limiter.total_tokens = 10
        started: list[tuple[float, int]] = []
        finished: list[int] = []

        async def one(name: int) -> None:
            async with limiter:
                started.append((trio.current_time(), name))
                await trio.sleep(1)
                finished.append(name)

        async with trio.open_nursery() as nursery:
            for name in range(30):
                nursery.start_soon(one, name)
            await trio.sleep(0.5)
            limiter.total_tokens = 2
            await trio.sleep(3)
            limiter.total_tokens = 8
        assert sorted(finished) == list(range(30))
        for moment in (1.0, 2.0, 3.0):
            assert len([at for at, _ in started if at == pytest.approx(moment)]) <= 2
        assert len([at for at, _ in started if at == pytest.approx(3.5)]) == 6


async def test_success_raises_the_window_up_to_the_ceiling(autojump_clock: trio.testing.MockClock) -> None:
    async with open_governor(6, Silent()) as governor:

        async def busy() -> None:
            for _ in range(20):
                async with governor.slot(Purpose.UPLOAD):
                    await trio.sleep(0.2)

        async with trio.open_nursery() as nursery:
            for _ in range(8):
                nursery.start_soon(busy)
        assert governor.uploads.total_tokens == 6
        assert governor.rate is None


async def test_a_server_error_slows_down_without_a_gate(autojump_clock: trio.testing.MockClock) -> None:
    async with open_governor(8, Silent()) as governor:
        await refused(governor, GeminiError("down", kind=Kind.TRANSIENT, status=503))
        assert governor.rate is not None
        assert governor.uploads.total_tokens > 0
        assert governor.throttled == 0


async def test_an_answer_that_is_no_push_back_changes_nothing(autojump_clock: trio.testing.MockClock) -> None:
    async with open_governor(8, Silent()) as governor:
        await refused(governor, GeminiError("no such thing", kind=Kind.NOT_FOUND, status=404))
        await refused(governor, GeminiError("nobody there", kind=Kind.TRANSIENT, connect=True))
        assert governor.rate is None
        assert governor.throttled == 0


async def test_a_rate_that_was_learnt_before_spaces_the_first_requests(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_governor(16, Silent()) as governor:
        governor.share([{"upload": 2.0}])
        began = trio.current_time()
        for _ in range(9):
            async with governor.slot(Purpose.UPLOAD):
                pass
        assert trio.current_time() - began == pytest.approx(8 / (2 * 0.975))


async def test_three_processes_take_the_same_part(autojump_clock: trio.testing.MockClock) -> None:
    async with open_governor(16, Silent()) as governor:
        governor.share([{"upload": 6.0}, {"upload": 3.0, "poll": 5.0}, {}])
        assert governor.rate == pytest.approx(3.0)
        assert governor.rates() == {"upload": pytest.approx(3.0), "poll": pytest.approx(5 / 3)}


async def test_polling_is_not_slowed_down_by_a_limit_on_uploads(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_governor(16, Silent()) as governor:
        governor.share([{"upload": 0.1}])
        began = trio.current_time()
        for _ in range(50):
            async with governor.slot(Purpose.POLL):
                pass
        assert trio.current_time() == began


async def test_a_burst_of_failed_documents_leaves_fewer_places(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_governor(8, Silent(), max_pending=20) as governor:
        for file in range(20):
            await governor.pending.acquire_on_behalf_of(file)
        for _ in range(10):
            governor.failed(trio.current_time())
        assert governor.pending.total_tokens == 16
        assert governor.strained
        assert governor.asks > 4


async def test_a_daily_quota_lets_what_is_in_flight_come_to_its_end(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_governor(8, Silent()) as governor:
        await refused(governor, GeminiError("no more", kind=Kind.DAILY_QUOTA, status=429, retry_after=80_000))
        began = trio.current_time()
        async with governor.slot(Purpose.POLL):
            assert trio.current_time() == began
        assert governor.throttled == 1
