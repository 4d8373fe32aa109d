"""A pause or a full store is on record for every run on a ledger."""

import pytest
import trio

from objlib.core.config.ledger_url import LedgerUrl
from objlib.core.ids import RunId
from objlib.core.pacing.closing import Closing
from objlib.ledger import Ledger, open_ledger
from objlib.ledger.closings import CLOSINGS_KEY
from tests.support.clock import Clock

ONE = RunId("run-1")
FULL = Closing(0.0, "store_full", "the store is full")


async def test_a_pause_is_over_when_its_time_is(ledger: Ledger, clock: Clock) -> None:
    await ledger.closings.record(ONE, Closing(30.0))
    await ledger.closings.record(ONE, Closing(10.0))
    for later, left in ((0.0, 30.0), (29.0, 1.0), (31.0, 0.0), (-500.0, 30.0)):
        assert await ledger.closings.read(clock() + later, 0) == ((left, "", ""), 1)


async def test_each_word_is_heeded_once_also_where_the_clock_is_set_back(
    ledger: Ledger, clock: Clock
) -> None:
    await ledger.closings.record(ONE, Closing(30.0))
    await ledger.closings.record(ONE, FULL)
    closing, last = await ledger.closings.read(clock(), 0)
    assert (closing, last) == ((30.0, "store_full", "the store is full"), 2)
    for later in (-3600.0, 0.0, 29.0):
        assert await ledger.closings.read(clock() + later, last) == (Closing(), 2)
    await ledger.closings.record(ONE, Closing(60.0))
    assert await ledger.closings.read(clock(), last) == (Closing(60.0), 3)
    assert await ledger.closings.read(clock(), 1) == (Closing(60.0, *FULL[1:]), 3)


@pytest.mark.parametrize(
    "text", ["", "[]", "nothing", '{"pause": {}}', '{"pause": {"until": "Infinity", "for": 1}}', '{"end": 3}']
)
async def test_what_cannot_be_read_closes_nothing(ledger: Ledger, clock: Clock, text: str) -> None:
    await ledger.settings.set(CLOSINGS_KEY, text)
    assert await ledger.closings.read(clock(), 0) == (Closing(), 0)
    await ledger.closings.record(ONE, Closing(7.0))
    assert await ledger.closings.read(clock(), 0) == (Closing(7.0), 1)


async def test_another_session_of_a_database_is_told_with_its_next_answer(
    ledger: Ledger, database: str, clock: Clock
) -> None:
    heard = trio.Event()
    async with open_ledger(ledger.place, now=clock) as other:
        other.listen(heard.set)
        await ledger.closings.record(ONE, Closing(30.0))
        await other.settings.get("any")
        await trio.testing.wait_all_tasks_blocked()
        assert heard.is_set() == isinstance(ledger.place, LedgerUrl)
