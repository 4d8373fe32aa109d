"""The governor under virtual time: its gate, its tokens, and what it learns."""

import contextlib
import random
from itertools import pairwise

import pytest
import trio
import trio.testing

from objlib.core.events import EventKind, Observer
from objlib.core.ids import RunId
from objlib.core.pacing.quota import Meter, parse_quota
from objlib.core.pacing.tuning import TUNING
from objlib.engine.requests.governor import REQUEST_RATE, Governor, Purpose, open_governor
from objlib.engine.runs import HEARTBEAT
from objlib.gemini import ErrorKind, GeminiError
from objlib.testing import RecordingObserver
from tests.support.engine import Opener


def rates_after(observer: RecordingObserver) -> list[float]:
    """The rate of requests after each throttled one."""
    throttlings = observer.fields_of(EventKind.THROTTLED)
    return [fields["requests_per_second"] for fields in throttlings if "pending" not in fields]


def windows_after(observer: RecordingObserver) -> list[tuple[str, int]]:
    """Why and to what the pending window shrank, each time."""
    throttlings = observer.fields_of(EventKind.THROTTLED)
    return [(fields["kind"], fields["pending"]) for fields in throttlings if "pending" in fields]


def throttling_error(retry_after: float | None = None) -> GeminiError:
    return GeminiError("slow down", kind=ErrorKind.RATE_LIMIT, status=429, retry_after=retry_after)


async def throttle(governor: Governor, error: GeminiError) -> None:
    with contextlib.suppress(GeminiError):
        async with governor.request():
            await trio.sleep(0.1)
            raise error


async def test_a_retry_after_stops_every_purpose_until_it_is_over() -> None:
    async with open_governor(8, Observer()) as governor:
        await throttle(governor, throttling_error(20))
        began = trio.current_time()
        assert governor.uploads.total_tokens == 0
        for purpose in Purpose:
            async with governor.slot(purpose):
                assert trio.current_time() - began >= 20
        assert governor.uploads.total_tokens >= 1


async def test_requests_are_counted_by_purpose_and_result() -> None:
    async with open_governor(8, Observer()) as governor:
        for kind, status in (
            (ErrorKind.NOT_FOUND, 404),
            (ErrorKind.TRANSIENT, 503),
            (ErrorKind.TRANSIENT, None),
        ):
            with contextlib.suppress(GeminiError):
                async with governor.slot(Purpose.POLL):
                    await trio.sleep(0.3)
                    raise GeminiError("an answer", kind=kind, status=status)
        async with governor.slot(Purpose.DELETE):
            await trio.sleep(90)
        await throttle(governor, throttling_error(5))
        assert governor.tally.totals.take() == {
            "requests poll answered": 1,
            "request_seconds poll 0.5": 1,
            "request_seconds poll sum": pytest.approx(0.3),
            "requests poll failed": 2,
            "requests delete answered": 1,
            "request_seconds delete +Inf": 1,
            "request_seconds delete sum": 90,
            "requests upload throttled": 1,
        }


async def test_the_later_of_two_retry_afters_decides() -> None:
    async with open_governor(8, Observer()) as governor:
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(throttle, governor, throttling_error(50))
            nursery.start_soon(throttle, governor, throttling_error(20))
        async with governor.slot(Purpose.UPLOAD):
            assert trio.current_time() - began >= 50


async def test_sixteen_refusals_at_once_cut_once() -> None:
    observer = RecordingObserver()
    async with open_governor(16, observer) as governor:
        async with trio.open_nursery() as nursery:
            for _ in range(16):
                nursery.start_soon(throttle, governor, throttling_error())
        assert governor.throttled == 16
        assert len(rates_after(observer)) == 16
        assert len(set(rates_after(observer))) == 1


async def test_lowering_the_tokens_lets_holders_finish_and_admits_no_request() -> None:
    """10 in flight, 10 → 2 → 8 tokens: nothing is cancelled, and never more than 2 start while it is 2."""
    async with open_governor(10, Observer()) as governor:
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


async def test_success_raises_the_window_up_to_the_ceiling() -> None:
    async with open_governor(6, Observer()) as governor:

        async def busy() -> None:
            for _ in range(20):
                async with governor.slot(Purpose.UPLOAD):
                    await trio.sleep(0.2)

        async with trio.open_nursery() as nursery:
            for _ in range(8):
                nursery.start_soon(busy)
        assert governor.uploads.total_tokens == 6
        assert governor.rate is None


async def test_answers_that_come_together_raise_the_window_like_any() -> None:
    async with open_governor(16, Observer()) as governor, trio.open_nursery() as nursery:

        async def busy() -> None:
            while True:
                async with governor.slot(Purpose.UPLOAD):
                    await trio.sleep(0.2)

        for _ in range(16):
            nursery.start_soon(busy)
        totals = []
        for _ in range(5):
            totals.append(governor.uploads.total_tokens)
            await trio.sleep(0.2)
            await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert totals == [4, 6, 9, 14, 16]


@pytest.mark.parametrize(
    "error",
    [
        GeminiError("down", kind=ErrorKind.TRANSIENT, status=503, retry_after=60),
        GeminiError("an error page", kind=ErrorKind.TRANSIENT, status=502),
        GeminiError("reset by peer", kind=ErrorKind.TRANSIENT),
        GeminiError("reset by peer", kind=ErrorKind.UNKNOWN),
    ],
    ids=["503 with Retry-After", "502", "lost", "lost, maybe carried out"],
)
async def test_one_fault_neither_closes_the_gate_nor_sets_a_limit(error: GeminiError) -> None:
    async with open_governor(8, Observer()) as governor:
        await throttle(governor, error)
        assert governor.rate is None
        assert governor.statistics().paused_for == 0
        assert governor.throttled == 0
        began = trio.current_time()
        for purpose in Purpose:
            async with governor.slot(purpose):
                assert trio.current_time() == began


async def test_random_faults_leave_the_speed_as_it_is() -> None:
    chance, sent = random.Random(3), 0
    async with open_governor(16, Observer()) as governor:

        async def ask() -> None:
            nonlocal sent
            while True:
                with contextlib.suppress(GeminiError):
                    async with governor.slot(Purpose.UPLOAD):
                        sent += 1
                        await trio.sleep(0.2)
                        if chance.random() < 0.12:
                            raise GeminiError("down", kind=ErrorKind.TRANSIENT, status=500)

        with trio.move_on_after(60):
            async with trio.open_nursery() as nursery:
                for _ in range(16):
                    nursery.start_soon(ask)
    assert sent > 0.9 * 16 / 0.2 * 60


async def test_an_overload_that_shows_as_server_errors_limits_the_rate() -> None:
    meter, refusals, served = Meter(parse_quota("20/s")), 0, 0
    async with open_governor(16, Observer()) as governor:

        async def ask() -> None:
            nonlocal refusals, served
            while True:
                with contextlib.suppress(GeminiError):
                    async with governor.slot(Purpose.UPLOAD):
                        await trio.sleep(0.1)
                        if meter.refuse(trio.current_time()) is not None:
                            refusals += 1
                            raise GeminiError("overloaded", kind=ErrorKind.TRANSIENT, status=503)
                        meter.done()
                        served += 1

        with trio.move_on_after(60):
            async with trio.open_nursery() as nursery:
                for _ in range(16):
                    nursery.start_soon(ask)
        assert governor.rate == pytest.approx(20, rel=0.15)
        assert governor.rates() == {}  # it is no quota to start with next time
        assert governor.throttled > 0
    assert served > 0.9 * 20 * 60
    assert refusals < 0.06 * served


async def test_an_outage_gets_few_requests_and_full_speed_after_it() -> None:
    sent: list[float] = []
    async with open_governor(16, Observer()) as governor:

        async def ask() -> None:
            while True:
                with contextlib.suppress(GeminiError):
                    async with governor.slot(Purpose.UPLOAD):
                        sent.append(trio.current_time() - began)
                        await trio.sleep(0.1)
                        if 10 < trio.current_time() - began < 40:
                            raise GeminiError("reset by peer", kind=ErrorKind.TRANSIENT)

        began = trio.current_time()
        with trio.move_on_after(60):
            async with trio.open_nursery() as nursery:
                for _ in range(16):
                    nursery.start_soon(ask)
    assert sum(10 < at < 40 for at in sent) <= 36  # 16 of them were sent before the first error was known
    assert sum(43.5 < at < 44.5 for at in sent) > 0.9 * 16 / 0.1


async def test_a_rate_learnt_from_server_errors_alone_is_not_kept() -> None:
    async with open_governor(8, Observer()) as governor:
        await throttle(governor, GeminiError("down", kind=ErrorKind.TRANSIENT, status=503))
        assert governor.rates() == {}
        await throttle(governor, throttling_error(0.5))
        assert governor.rates() == {REQUEST_RATE: governor.rate}


async def test_an_unfinished_ramp_is_kept_with_its_achieved_throughput() -> None:
    """The quota of 2/s is gone: the next run must not begin there."""
    async with open_governor(8, Observer()) as governor, trio.open_nursery() as nursery:
        governor.share([{REQUEST_RATE: 2.0}])

        async def busy() -> None:
            while True:
                async with governor.slot(Purpose.UPLOAD):
                    await trio.sleep(0.1)

        for _ in range(8):
            nursery.start_soon(busy)
        await trio.sleep(60)
        nursery.cancel_scope.cancel()
    assert governor.rates(final=True)[REQUEST_RATE] > 20


async def test_no_request_of_any_purpose_starts_inside_a_gate() -> None:
    """Requests of each purpose are refused now and then; each Retry-After is a gate for all."""
    chance = random.Random(4)
    gates: list[tuple[float, float]] = []
    starts: list[float] = []
    async with open_governor(8, Observer()) as governor:

        async def busy(purpose: Purpose) -> None:
            for _ in range(60):
                with contextlib.suppress(GeminiError):
                    async with governor.slot(purpose):
                        starts.append(trio.current_time())
                        await trio.sleep(chance.uniform(0.05, 2))
                        if chance.random() < 0.1:
                            pause = chance.choice([0.3, 1.0, 7.0, 40.0])
                            gates.append((trio.current_time(), trio.current_time() + pause))
                            raise throttling_error(pause)

        async with trio.open_nursery() as nursery:
            for purpose in Purpose:
                for _ in range(4):
                    nursery.start_soon(busy, purpose)
    assert len(gates) > 50
    assert len(starts) == 60 * 4 * len(Purpose)
    assert not [at for at in starts for begin, end in gates if begin < at < end]


async def test_an_answer_that_does_not_throttle_changes_nothing() -> None:
    async with open_governor(8, Observer()) as governor:
        await throttle(governor, GeminiError("no such thing", kind=ErrorKind.NOT_FOUND, status=404))
        await throttle(governor, GeminiError("connection refused", kind=ErrorKind.TRANSIENT, connect=True))
        assert governor.rate is None
        assert governor.throttled == 0


async def test_an_inherited_rate_spaces_the_first_requests() -> None:
    async with open_governor(16, Observer()) as governor:
        governor.share([{REQUEST_RATE: 2.0}])
        began = trio.current_time()
        for _ in range(9):
            async with governor.slot(Purpose.UPLOAD):
                pass
        assert trio.current_time() - began == pytest.approx(8 / (2 * TUNING.cruise_gain))


async def test_three_processes_take_equal_shares() -> None:
    async with open_governor(16, Observer()) as governor:
        governor.share([{REQUEST_RATE: 6.0}, {REQUEST_RATE: 3.0}, {}])
        assert governor.rate == pytest.approx(3.0)
        assert governor.rates() == {REQUEST_RATE: pytest.approx(3.0)}


async def test_all_purposes_find_their_common_quota() -> None:
    """Two uploads for each poll, with short round trips: only refusals show the requests of the other purpose."""
    meter, seconds = Meter(parse_quota("20/s")), 60.0
    passed, refusals = dict.fromkeys(Purpose, 0), 0
    async with open_governor(16, Observer()) as governor:

        async def ask(purpose: Purpose) -> None:
            nonlocal refusals
            with contextlib.suppress(GeminiError):
                async with governor.slot(purpose):
                    await trio.sleep(0.01)
                    if (wait := meter.refuse(trio.current_time())) is not None:
                        refusals += 1
                        raise throttling_error(wait)
                    meter.done()
                    passed[purpose] += 1

        async def file() -> None:
            while True:
                for purpose in (Purpose.UPLOAD, Purpose.UPLOAD, Purpose.POLL):
                    await ask(purpose)

        with trio.move_on_after(seconds):
            async with trio.open_nursery() as nursery:
                for _ in range(16):
                    nursery.start_soon(file)
    together = sum(passed.values())
    assert together >= 0.9 * 20 * seconds
    assert refusals <= 0.03 * (together + refusals)
    assert passed[Purpose.POLL] == pytest.approx(together / 3, rel=0.05)


async def test_a_poll_waits_only_behind_uploads_that_hold_a_token() -> None:
    """Forty uploads wait, two start in a second; only those that hold a token come before the poll."""
    async with open_governor(16, Observer()) as governor:
        governor.share([{REQUEST_RATE: 2.0}])

        async def upload() -> None:
            async with governor.slot(Purpose.UPLOAD):
                await trio.sleep(0.5)

        async with trio.open_nursery() as nursery:
            for _ in range(40):
                nursery.start_soon(upload)
            await trio.sleep(5)
            for purpose in (Purpose.POLL, Purpose.DELETE):
                began = trio.current_time()
                async with governor.slot(purpose):
                    turns = (trio.current_time() - began) * 2 * TUNING.cruise_gain
                    assert turns <= governor.uploads.total_tokens + 1.001


async def test_a_rise_without_a_refusal_is_reported_at_the_next_heartbeat() -> None:
    observer, meter = RecordingObserver(), Meter(parse_quota("2/s for 20s, then 20/s"))
    async with open_governor(16, observer) as governor:

        async def ask() -> None:
            while True:
                with contextlib.suppress(GeminiError):
                    async with governor.slot(Purpose.UPLOAD):
                        await trio.sleep(0.1)
                        if (wait := meter.refuse(trio.current_time())) is not None:
                            raise throttling_error(wait)
                        meter.done()

        with trio.move_on_after(120):
            async with trio.open_nursery() as nursery:
                for _ in range(16):
                    nursery.start_soon(ask)
                while True:
                    await trio.sleep(5)
                    governor.report()
                    assert observer.pressures[-1].requests_per_second == governor.speed
    refusals = [now.throttled for now in observer.pressures]
    # Faster, without a refusal since the last report: only the heartbeat can have reported it.
    assert any(
        before == after and (then.requests_per_second or 0) < 0.9 * (now.requests_per_second or 0)
        for (before, after), (then, now) in zip(pairwise(refusals), pairwise(observer.pressures), strict=True)
    )


async def test_unchanged_statistics_are_not_reported_again() -> None:
    observer = RecordingObserver()
    async with open_governor(16, observer) as governor:
        governor.report()
        governor.report()
        governor.share([{REQUEST_RATE: 4.0}])
        governor.report()
        governor.report()
    assert [now.requests_per_second for now in observer.pressures] == [None, 4 * TUNING.cruise_gain]


async def test_a_run_reports_changes_at_each_heartbeat(opened: Opener) -> None:
    observer, other = RecordingObserver(), RunId("another")
    async with opened(observer=observer) as app:
        for rate in (8.0, 4.0):  # of both, then the other one's part of it
            last_share = {REQUEST_RATE: 4.0} if rate == 4 else None
            await app.ledger.rates.exchange(other, rates={REQUEST_RATE: rate}, last_share=last_share)
            await trio.sleep(1.5 * HEARTBEAT)
        await app.ledger.rates.leave(other, rates={REQUEST_RATE: 6.0}, last_share={REQUEST_RATE: 4.0})
        await trio.sleep(1.5 * HEARTBEAT)
    assert [now.requests_per_second for now in observer.pressures] == [
        4 * TUNING.cruise_gain,
        10 * TUNING.cruise_gain,
    ]


async def test_a_burst_of_failed_documents_shrinks_the_pending_window() -> None:
    observer = RecordingObserver()
    async with open_governor(8, observer, max_pending=20) as governor:
        for file in range(20):
            await governor.pending.acquire_on_behalf_of(file)
        for _ in range(10):
            governor.failed(trio.current_time())
        assert governor.pending.total_tokens == 16
        assert windows_after(observer) == [("failed_documents", 16)]
        assert governor.failure_burst
        assert governor.failed_confirmations > 4


async def test_slow_documents_shrink_the_pending_window() -> None:
    observer = RecordingObserver()
    async with open_governor(8, observer, max_pending=20) as governor:
        for file in range(20):
            await governor.pending.acquire_on_behalf_of(file)
        for took in (2.0, 2.0, 30.0):
            began = trio.current_time()
            await trio.sleep(30)
            governor.indexed(began, took)
        assert governor.pending.total_tokens == 16
        assert windows_after(observer) == [("slow_documents", 16)]
        assert not governor.failure_burst


async def test_a_daily_quota_lets_requests_in_flight_finish() -> None:
    async with open_governor(8, Observer()) as governor:
        await throttle(
            governor, GeminiError("no more", kind=ErrorKind.DAILY_QUOTA, status=429, retry_after=80_000)
        )
        began = trio.current_time()
        async with governor.slot(Purpose.POLL):
            assert trio.current_time() == began
        assert governor.throttled == 1


async def test_the_reported_speed_after_a_refusal_is_that_after_the_round_trip() -> None:
    """For one round trip requests start at half of it; the report leaves that out."""
    observer = RecordingObserver()
    async with open_governor(4, observer) as governor:
        governor.share([{REQUEST_RATE: 10.0}])
        await trio.sleep(1)
        await throttle(governor, throttling_error())
        assert rates_after(observer)[-1] > 8
