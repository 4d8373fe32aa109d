"""What a command does when the service pushes back before anything has begun."""

from functools import partial

import pytest
import trio
import trio.testing

from objlib.core.errors import Exit
from objlib.core.observe import Silent
from objlib.engine.ask import search
from objlib.engine.governor import Purpose, open_governor
from objlib.engine.insist import TRIES, insist
from objlib.engine.upload import upload
from objlib.gemini import GeminiError, Kind
from objlib.testing import DAILY_QUOTA, DOWN, LOST, STORE_FULL, Faults, Reply, throttled

from .conftest import Opener


@pytest.mark.parametrize("refusal", [throttled(1), DOWN], ids=["throttled", "down"])
async def test_a_push_back_at_the_first_request_is_waited_for(
    opened: Opener, faults: Faults, autojump_clock: trio.testing.MockClock, refusal: Reply
) -> None:
    faults.script = lambda what, count: refusal if what == "store" and count < 3 else None
    async with opened() as app:
        assert (await upload(app)).indexed == 10


async def test_a_search_waits_for_its_turn(
    opened: Opener, faults: Faults, autojump_clock: trio.testing.MockClock
) -> None:
    async with opened() as app:
        await upload(app)
        faults.script = lambda what, count: throttled(2) if what == "ask" and count < 2 else None
        began = trio.current_time()
        assert (await search(app, "virtue")).citations
        assert trio.current_time() - began >= 4
        assert faults.count["ask"] == 3


async def test_a_store_whose_making_was_not_answered_is_looked_for_and_not_made_twice(
    opened: Opener, faults: Faults, autojump_clock: trio.testing.MockClock
) -> None:
    faults.script = lambda what, count: LOST if what == "store" and count == 1 else None
    async with opened() as app:
        assert (await upload(app)).indexed == 10
        found = await app.client.find_stores(app.settings.store)
    assert [store.name for store in found] == [app.store]


async def test_a_daily_quota_that_is_used_up_already_is_no_failure_of_the_command(
    opened: Opener, faults: Faults, autojump_clock: trio.testing.MockClock
) -> None:
    faults.script = lambda _what, _count: DAILY_QUOTA
    midnight = pytest.RaisesExc(
        GeminiError,
        match="run the same command again after midnight",
        check=lambda error: error.exit_code is Exit.SOME_FAILED,
    )
    with pytest.RaisesGroup(midnight, flatten_subgroups=True):
        async with opened():
            pass
    assert faults.count["store"] == 1


async def test_a_full_store_says_how_full_it_is(
    opened: Opener, faults: Faults, autojump_clock: trio.testing.MockClock
) -> None:
    faults.script = lambda what, count: STORE_FULL if what == "send" and count > 3 else None
    async with opened() as app:
        report = await upload(app)
    assert report.stopped == "store_full"
    assert report.indexed > 0
    assert report.store_documents == report.indexed
    assert report.store_bytes


async def test_nothing_new_begins_after_the_service_said_that_there_is_no_more_today(
    autojump_clock: trio.testing.MockClock,
) -> None:
    said = GeminiError("no more today", kind=Kind.DAILY_QUOTA, status=429, retry_after=3600.0)
    sent, heard = 0, []
    async with open_governor(16, Silent()) as governor, trio.open_nursery() as nursery:
        governor.share([{"requests": 2.0}])

        async def ask() -> None:
            nonlocal sent
            try:
                async with governor.request(anew=True):
                    sent += 1
                    await trio.sleep(0.1)
                    raise said
            except GeminiError as error:
                heard.append((error.kind, error.retry_after))

        for _ in range(16):
            nursery.start_soon(ask)
        await trio.sleep(5)
        assert (sent, governor.requests) == (1, 1)
        assert heard == [(Kind.DAILY_QUOTA, 3600.0)] * 16
        async with governor.request():  # what has begun may finish
            pass


async def test_it_is_not_tried_for_ever_and_not_where_nobody_is_there(
    autojump_clock: trio.testing.MockClock,
) -> None:
    tries = 0

    async def fail(error: GeminiError) -> None:
        nonlocal tries
        tries += 1
        raise error

    down = GeminiError("down", kind=Kind.TRANSIENT, status=503)
    gone = GeminiError("refused", kind=Kind.TRANSIENT, connect=True)
    async with open_governor(4, Silent()) as governor:
        for error, reconnect, most in ((down, False, TRIES), (gone, False, 1), (gone, True, TRIES)):
            tries = 0
            with pytest.raises(GeminiError):
                await insist(governor, Purpose.LIST, partial(fail, error), reconnect=reconnect)
            assert tries == most
