"""Throttling, a stop, and an answer that ends the run: their effect on single files."""

from contextlib import suppress

import pytest
import trio
import trio.testing

from objlib.core.config.settings import Settings
from objlib.core.events import Observer
from objlib.core.stop_reason import StopReason
from objlib.engine.app import App
from objlib.engine.requests.governor import NotBegunError, open_governor
from objlib.engine.upload.run import STORE_STATISTICS_SECONDS, upload
from objlib.engine.upload.state import UploadRun
from objlib.gemini import ErrorKind, GeminiError
from objlib.testing import DAILY_QUOTA, DOWN, STORE_FULL, Action, Faults, Refuse, Respond, throttled
from tests.support.engine import Opener, assert_exactly_once, ledger_rows


@pytest.mark.parametrize("answer", [DAILY_QUOTA, STORE_FULL], ids=["daily quota", "full store"])
async def test_attempts_of_runs_that_the_service_ended_do_not_count(
    opened: Opener, settings: Settings, faults: Faults, answer: Respond
) -> None:
    """A job that runs each hour meets a full store many times before the user makes room."""
    faults.script = lambda what, _count: answer if what == "start" else None
    for _ in range(10):
        async with opened() as app:
            report = await upload(app)
        assert (report.failed, report.pending, report.uploaded) == (0, 10, 0)
    faults.script = lambda _what, _count: None
    async with opened() as app:
        began = trio.current_time()
        assert (await upload(app)).indexed == 10
        assert trio.current_time() - began < 10  # nothing waits for a backoff
    assert_exactly_once(settings)


async def test_throttled_attempts_do_not_count_towards_the_limit(
    opened: Opener, settings: Settings, faults: Faults
) -> None:
    answers = [throttled(1)] * 30 + [DOWN] * 7
    faults.script = lambda what, count: answers[count] if what == "start" and count < len(answers) else None
    async with opened() as app:
        report = await upload(app, limit=1)
    assert (report.failed, report.indexed) == (0, 1)


async def test_a_stop_calls_off_uploads_that_wait_behind_a_closed_gate(
    opened: Opener, settings: Settings, faults: Faults
) -> None:
    begun: list[int] = []
    faults.script = lambda what, count: throttled(12) if what == "start" and count == 6 else None
    async with opened() as app, trio.open_nursery() as nursery:

        async def stop() -> None:
            await trio.sleep(5)
            assert app.governor.statistics().paused_for > 6
            begun.append(faults.count["start"])
            app.drain.stop()

        nursery.start_soon(stop)
        report = await upload(app)
    assert report.stopped == "interrupted"
    assert begun == [faults.count["start"]] == [report.indexed + 1]
    assert {state for _, _, state, _ in ledger_rows(settings)} == {"indexed", "untracked"}
    async with opened() as app:
        assert (await upload(app)).indexed == 10
    assert_exactly_once(settings)


async def test_a_run_that_ends_stops_waiting_for_a_token_behind_a_closed_gate(
    opened: Opener, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults.script = lambda what, _count: throttled(300) if what == "start" else None
    runs: list[UploadRun] = []

    def noted(app: App, limit: int | None, root: tuple[int, int] | None) -> UploadRun:
        runs.append(UploadRun(app, limit, root))
        return runs[0]

    monkeypatch.setattr("objlib.engine.upload.run.UploadRun", noted)
    async with opened() as app, trio.open_nursery() as nursery:

        async def stop() -> None:
            with suppress(GeminiError):
                async with app.governor.request():
                    await trio.sleep(5)
                    raise GeminiError("no room", kind=ErrorKind.STORE_FULL, status=429)
            runs[0].stop(StopReason.STORE_FULL, "make room")

        nursery.start_soon(stop)
        await trio.testing.wait_all_tasks_blocked()
        report = await upload(app)
        assert trio.current_time() == pytest.approx(5 + STORE_STATISTICS_SECONDS)
    assert report.stopped == "store_full"


async def test_a_waiting_request_departs_as_soon_as_the_pace_rises() -> None:
    slow = GeminiError("slow down", kind=ErrorKind.RATE_LIMIT, status=429, retry_after=1.0)
    async with open_governor(4, Observer()) as governor, trio.open_nursery() as nursery:
        governor.share([{"requests": 0.1}])
        with pytest.raises(GeminiError):
            async with governor.request():
                raise slow
        started: list[float] = []

        async def ask() -> None:
            async with governor.request():
                started.append(trio.current_time())

        nursery.start_soon(ask)
        await trio.sleep(2)
        assert not started
        governor.share([{"requests": 0.1}, {"requests": 19.9}])
        await trio.testing.wait_all_tasks_blocked()
        assert started == [2.0]


async def test_a_request_called_off_while_it_waits_is_not_sent() -> None:
    async with open_governor(4, Observer()) as governor:
        governor.share([{"requests": 0.1}])
        async with governor.request():
            pass
        scope = trio.CancelScope(relative_deadline=3)
        with pytest.raises(NotBegunError):
            async with governor.request(intake=scope):
                pytest.fail("its turn would have been after 10 s")
        assert trio.current_time() == 3
        assert governor.tally.sent == 1


async def test_a_run_ends_within_minutes_of_the_last_connection(opened: Opener, faults: Faults) -> None:
    """Files that it has taken stay as they are for the next run."""
    gone = False

    def script(what: str, count: int) -> Action | None:
        nonlocal gone
        gone = gone or (what == "document" and count == 2)
        return Refuse() if gone else None

    faults.script = script
    async with opened() as app:
        report = await upload(app)
        assert trio.current_time() < 300
    assert report.pending
