"""An answer that closes the gate of one run closes those of all runs on the ledger."""

import pytest
import trio

from objlib.core.stop_reason import StopReason
from objlib.engine.runs import HEARTBEAT
from objlib.engine.upload.run import upload
from objlib.gemini import ErrorKind, GeminiError
from objlib.testing import DAILY_QUOTA, STORE_FULL, Action, Faults
from tests.support.engine import Opener

BOTH_DATABASES = True


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(DAILY_QUOTA, StopReason.DAILY_QUOTA), (STORE_FULL, StopReason.STORE_FULL)],
    ids=["daily quota", "full store"],
)
async def test_a_run_sends_nothing_more_when_another_one_was_refused_for_good(
    opened: Opener, faults: Faults, answer: Action, reason: StopReason
) -> None:
    async with opened() as refused, opened(max_uploads=1) as other:
        with pytest.raises(GeminiError):
            async with refused.governor.request():
                raise GeminiError("no more", kind=ErrorKind(reason), status=429)
        await trio.sleep(HEARTBEAT + 1)
        before = faults.count["send"]
        report = await upload(other)
        assert (report.stopped, report.uploaded, faults.count["send"]) == (reason, 0, before)
        assert report.advice.startswith("no more")
    async with opened() as later:
        faults.script = lambda kind, _: answer if kind == "send" else None
        report = await upload(later)
    assert faults.count["send"] > before, "a later run did not try for itself"
    assert report.stopped is reason


async def test_a_long_pause_holds_the_other_runs_too(opened: Opener, faults: Faults) -> None:
    async with opened() as refused, opened() as other:
        with pytest.raises(GeminiError):
            async with refused.governor.request():
                raise GeminiError("slow", kind=ErrorKind.RATE_LIMIT, status=429, retry_after=60.0)
        closed = trio.current_time()
        await trio.sleep(HEARTBEAT + 1)
        assert other.governor.statistics().paused_for == pytest.approx(60.0 - HEARTBEAT - 1, abs=HEARTBEAT)
        assert (await upload(other)).uploaded == 10
    first = min(moment for moment, _ in faults.seen if moment > closed)
    assert 60.0 <= first - closed < 130.0, "at the pace that was learnt, once the pause is over"


async def test_a_short_pause_is_the_matter_of_one_run(opened: Opener) -> None:
    async with opened() as refused, opened() as other:
        with pytest.raises(GeminiError):
            async with refused.governor.request():
                raise GeminiError("slow", kind=ErrorKind.RATE_LIMIT, status=429, retry_after=1.0)
        await trio.sleep(0.5)
        assert refused.governor.statistics().paused_for > 0
        await trio.sleep(HEARTBEAT)
        assert not other.governor.news.is_set()
        assert other.governor.statistics().paused_for == 0


async def test_a_pause_ends_also_where_the_clock_is_set_back(opened: Opener) -> None:
    async with opened() as refused:
        with pytest.raises(GeminiError):
            async with refused.governor.request():
                raise GeminiError("slow", kind=ErrorKind.RATE_LIMIT, status=429, retry_after=60.0)
        await trio.sleep(HEARTBEAT + 1)
    async with opened(ahead=-3600.0) as later:
        await trio.sleep(70)
        assert later.governor.statistics().paused_for == 0


async def test_a_run_after_a_clock_was_set_back_tries_for_itself(opened: Opener) -> None:
    async with opened() as refused:
        with pytest.raises(GeminiError):
            async with refused.governor.request():
                raise GeminiError("no more", kind=ErrorKind.DAILY_QUOTA, status=429)
        await trio.sleep(HEARTBEAT + 1)
    async with opened(ahead=-30.0) as later:
        await trio.sleep(60)
        assert (await upload(later)).uploaded == 10


async def test_runs_that_begin_at_once_know_a_limit_before_the_first_heartbeat(opened: Opener) -> None:
    async with opened() as refused, opened() as other:
        with pytest.raises(GeminiError):
            async with refused.governor.request():
                raise GeminiError("slow", kind=ErrorKind.RATE_LIMIT, status=429, retry_after=1.0)
        assert (refused.governor.rate, other.governor.rate) != (None, None)
        await trio.sleep(HEARTBEAT / 2)
        rates = [app.governor.rate for app in (refused, other)]
        assert rates[0] is not None
        assert rates[0] == rates[1]
