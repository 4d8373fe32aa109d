"""Retries of the first requests of a command, and of throttled ones."""

from collections import Counter
from functools import partial
from itertools import count

import pytest
import trio

from objlib.core.errors import Exit
from objlib.core.events import Observer
from objlib.engine.requests.governor import Purpose, open_governor
from objlib.engine.requests.retry import MAX_TRIES, MAX_WAIT, Retrier
from objlib.engine.search.ask import search
from objlib.engine.upload.run import upload
from objlib.gemini import ErrorKind, GeminiError
from objlib.testing import (
    DAILY_QUOTA,
    DOWN,
    INTERNAL,
    LOST,
    STORE_FULL,
    Faults,
    RecordingObserver,
    Respond,
    throttled,
)
from tests.support.engine import Opener


@pytest.mark.parametrize("refusal", [throttled(1), DOWN], ids=["throttled", "down"])
async def test_a_throttled_first_request_is_retried(opened: Opener, faults: Faults, refusal: Respond) -> None:
    faults.script = lambda what, count: refusal if what == "store" and count < 3 else None
    async with opened() as app:
        assert (await upload(app)).indexed == 10


async def test_a_search_waits_for_its_turn(opened: Opener, faults: Faults) -> None:
    async with opened() as app:
        await upload(app)
        faults.script = lambda what, count: throttled(2) if what == "ask" and count < 2 else None
        began = trio.current_time()
        assert (await search(app, "virtue")).citations
        assert trio.current_time() - began >= 4
        assert faults.count["ask"] == 3


async def test_a_store_whose_making_was_not_answered_is_looked_for_and_not_made_twice(
    opened: Opener, faults: Faults
) -> None:
    faults.script = lambda what, count: LOST if what == "store" and count == 1 else None
    async with opened() as app:
        assert (await upload(app)).indexed == 10
        stores = await app.client.stores.find(app.settings.store)
    assert [store.name for store in stores] == [app.store]


async def test_a_server_error_to_the_request_that_makes_the_store_is_retried(
    opened: Opener, faults: Faults
) -> None:
    faults.script = lambda what, count: INTERNAL if what == "store" and count in {1, 3} else None
    async with opened() as app:
        stores = await app.client.stores.find(app.settings.store)
    assert [store.name for store in stores] == [app.store]
    assert faults.count["store"] == 7  # three lookups, three creations and the lookup of this test


async def test_the_retry_after_of_a_server_error_holds_its_own_request_only(
    opened: Opener, faults: Faults
) -> None:
    async with opened() as app:
        failures = iter([GeminiError("down", kind=ErrorKind.TRANSIENT, status=503, retry_after=30.0)])
        times: list[tuple[str, float]] = []

        async def ask(name: str) -> None:
            async def request() -> None:
                if name == "unlucky" and (error := next(failures, None)) is not None:
                    raise error

            await app.retrier.call(Purpose.POLL, request)
            times.append((name, trio.current_time() - began))

        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, "unlucky")
            await trio.sleep(1)
            nursery.start_soon(ask, "other")
    assert [name for name, _ in times] == ["other", "unlucky"]
    assert times[0][1] == 1
    assert times[1][1] >= 30


async def test_a_daily_quota_that_is_used_up_already_is_no_failure_of_the_command(
    opened: Opener, faults: Faults
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


async def test_a_full_store_says_how_full_it_is(opened: Opener, faults: Faults) -> None:
    faults.script = lambda what, count: STORE_FULL if what == "send" and count > 3 else None
    async with opened() as app:
        report = await upload(app)
    assert report.stopped == "store_full"
    assert report.indexed > 0
    assert report.store_documents == report.indexed
    assert report.store_bytes


async def test_nothing_new_begins_after_the_service_said_that_there_is_no_more_today() -> None:
    exhausted = GeminiError("no more today", kind=ErrorKind.DAILY_QUOTA, status=429, retry_after=3600.0)
    sent, heard = 0, []
    async with open_governor(16, Observer()) as governor, trio.open_nursery() as nursery:
        governor.share([{"requests": 2.0}])

        async def ask() -> None:
            nonlocal sent
            try:
                async with governor.request(intake=trio.CancelScope()):
                    sent += 1
                    await trio.sleep(0.1)
                    raise exhausted
            except GeminiError as error:
                heard.append((error.kind, error.retry_after))

        for _ in range(16):
            nursery.start_soon(ask)
        await trio.sleep(5)
        assert (sent, governor.tally.sent) == (1, 1)
        assert heard == [(ErrorKind.DAILY_QUOTA, 3600.0)] * 16
        async with governor.request():  # what has begun may finish
            pass


async def test_retries_end_and_an_unreachable_host_gets_none() -> None:
    tries = 0

    async def fail(error: GeminiError) -> None:
        nonlocal tries
        tries += 1
        raise error

    down = GeminiError("down", kind=ErrorKind.TRANSIENT, status=503)
    gone = GeminiError("refused", kind=ErrorKind.TRANSIENT, connect=True)
    async with open_governor(4, Observer()) as governor:
        for error, reconnect, most in ((down, False, MAX_TRIES), (gone, False, 1), (gone, True, MAX_TRIES)):
            tries = 0
            with pytest.raises(GeminiError):
                await Retrier(governor, Observer()).call(
                    Purpose.LIST, partial(fail, error), reconnect=reconnect
                )
            assert tries == most


async def test_a_wait_that_the_service_asks_for_is_reported_once(opened: Opener, faults: Faults) -> None:
    async with opened() as app:
        await upload(app)
    observer = RecordingObserver()
    faults.script = lambda what, count: throttled(41) if what == "ask" and count < 2 else None
    async with opened("search", observer=observer) as app:
        assert (await search(app, "virtue")).citations
    assert observer.notes == ["the service asks to wait 41 s"]


async def test_a_wait_of_an_hour_is_refused_and_says_when_to_come_back(
    opened: Opener, faults: Faults
) -> None:
    async with opened() as app:
        await upload(app)
        faults.script = lambda what, _count: throttled(3600) if what == "ask" else None
        began = trio.current_time()
        with pytest.raises(GeminiError, match=r"run the same command again in 1 h$"):
            await search(app, "virtue")
    assert trio.current_time() - began < 1
    assert faults.count["ask"] == 1


async def test_what_is_not_answered_at_all_is_not_waited_for_once_for_each_request() -> None:
    """A thousand questions to a service that is down cost as much time as one."""
    sent: list[float] = []
    gave_up = 0

    async def fail() -> None:
        sent.append(trio.current_time())
        await trio.sleep(0.1)
        raise GeminiError("down", kind=ErrorKind.TRANSIENT, status=503)

    async with open_governor(16, Observer()) as governor, trio.open_nursery() as nursery:
        retrier = Retrier(governor, Observer())

        async def ask() -> None:
            nonlocal gave_up
            with pytest.raises(GeminiError, match="down"):
                await retrier.call(Purpose.POLL, fail)
            gave_up += 1

        for _ in range(1000):
            nursery.start_soon(ask)
        await trio.sleep(MAX_WAIT + 60)
        assert gave_up == 1000
        assert sent[-1] <= MAX_WAIT + 15
        retrier.reset()
        asked = len(sent)
        with pytest.raises(GeminiError):
            await retrier.call(Purpose.POLL, fail)
        assert len(sent) > asked


async def test_after_an_answer_about_the_whole_run_nothing_more_is_sent() -> None:
    sent, heard = 0, 0

    async def refuse() -> None:
        nonlocal sent
        sent += 1
        await trio.sleep(0.1)
        raise GeminiError("no more today", kind=ErrorKind.DAILY_QUOTA, status=429)

    async with open_governor(16, Observer()) as governor, trio.open_nursery() as nursery:
        governor.share([{"requests": 2.0}])
        retrier = Retrier(governor, Observer())

        async def ask(purpose: Purpose) -> None:
            nonlocal heard
            with pytest.raises(GeminiError, match="no more today"):
                await retrier.call(purpose, refuse)
            heard += 1

        for purpose in (Purpose.DELETE, Purpose.POLL, Purpose.LIST) * 20:
            nursery.start_soon(ask, purpose)
        await trio.sleep(5)
        assert (sent, heard) == (1, 60)
        with pytest.raises(GeminiError, match="no more today"):
            await retrier.call(Purpose.POLL, refuse, retry=False)
        assert sent == 1


async def test_a_stop_ends_the_waiting_and_lets_what_is_under_way_finish() -> None:
    refused = GeminiError("too fast", kind=ErrorKind.RATE_LIMIT, status=429, retry_after=60.0)
    outcomes: dict[str, str] = {}

    async def answer(after: float, error: GeminiError | None) -> None:
        await trio.sleep(after)
        if error is not None:
            raise error

    async with open_governor(16, Observer()) as governor, trio.open_nursery() as nursery:
        retrier = Retrier(governor, Observer())

        async def ask(name: str, after: float, error: GeminiError | None = None) -> None:
            try:
                await retrier.call(Purpose.DELETE, partial(answer, after, error))
            except GeminiError as refusal:
                outcomes[name] = str(refusal)
            else:
                outcomes[name] = "answered"

        nursery.start_soon(ask, "under way", 10.0)
        nursery.start_soon(ask, "refused", 0.1, refused)
        await trio.sleep(1)
        nursery.start_soon(ask, "behind the gate", 0.1)
        await trio.sleep(1)
        retrier.drain()
        await trio.sleep(12)
        assert outcomes.pop("under way") == "answered"
        assert set(outcomes) == {"refused", "behind the gate"}
        assert "a stop was asked for" in outcomes["behind the gate"]


async def test_each_page_of_the_stores_waits_for_its_turn(opened: Opener, faults: Faults) -> None:
    async with opened("scan") as app:
        for number in range(25):
            await app.client.stores.create(f"another {number}")
    before = faults.count["store"]
    faults.script = lambda what, count: throttled(30) if what == "store" and count == before + 1 else None
    async with opened(store="another 24", ledger=app.settings.ledger_file.with_name("other.db")) as app:
        assert faults.count["store"] - before == 3
        assert app.governor.tally.sent == app.requests == 4, "and one looks whose documents the store holds"


async def test_one_request_without_any_answer_speaks_for_all_of_its_kind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A real clock has moved on at each call."""
    looks, virtual = count(), trio.current_time
    monkeypatch.setattr(trio, "current_time", lambda: virtual() + 1e-6 * next(looks))
    tries = 0

    async def fail() -> None:
        nonlocal tries
        tries += 1
        raise GeminiError("down", kind=ErrorKind.TRANSIENT, status=503)

    async with open_governor(4, Observer()) as governor:
        retrier = Retrier(governor, Observer())
        for most in (MAX_TRIES, 0):
            tries = 0
            with pytest.raises(GeminiError):
                await retrier.call(Purpose.DELETE, fail)
            assert tries == most
        assert retrier.blocked_by(Purpose.DELETE)


async def test_a_stop_during_a_backoff_ends_the_retries_of_a_request() -> None:
    tries = 0

    async def fail() -> None:
        nonlocal tries
        tries += 1
        raise GeminiError("down", kind=ErrorKind.TRANSIENT, status=503)

    async with open_governor(4, Observer()) as governor, trio.open_nursery() as nursery:
        retrier = Retrier(governor, Observer())

        async def stop() -> None:
            await trio.sleep(0.001)
            assert tries == 1
            retrier.drain()

        nursery.start_soon(stop)
        with pytest.raises(GeminiError, match="down"):
            await retrier.call(Purpose.DELETE, fail)
        assert tries == 1
        with pytest.raises(GeminiError, match="down"):
            await retrier.call(Purpose.DELETE, fail)
        assert tries == 2, "after a stop each request is sent once"


async def test_a_purpose_without_an_answer_does_not_shorten_the_retries_of_another() -> None:
    tries: Counter[Purpose] = Counter()

    async def fail(purpose: Purpose) -> None:
        tries[purpose] += 1
        raise GeminiError("down", kind=ErrorKind.TRANSIENT, status=503)

    async with open_governor(4, Observer()) as governor, trio.open_nursery() as nursery:
        retrier = Retrier(governor, Observer())

        async def ask(purpose: Purpose) -> None:
            with pytest.raises(GeminiError, match="down"):
                await retrier.call(purpose, partial(fail, purpose))

        nursery.start_soon(ask, Purpose.DELETE)
        await trio.sleep(1)
        nursery.start_soon(ask, Purpose.LIST)
    assert tries == {Purpose.DELETE: MAX_TRIES, Purpose.LIST: MAX_TRIES}
