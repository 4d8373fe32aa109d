"""Listings of the store: noted a page at a time, resumed when their run is dead, and dropped when done."""

import pytest

from objlib.core.errors import LedgerError
from objlib.core.ids import RunId
from objlib.ledger import LEDGER_KEY, Ledger, Listed, Listing
from objlib.ledger.database import LedgerConnection
from objlib.ledger.listings import ListingTable
from objlib.testing.databases import raw

FIRST, SECOND, THIRD = RunId("first"), RunId("second"), RunId("third")


def listed(name: str, **changes: str) -> Listed:
    about = {"display_name": f"{name}.txt", "state": "active"} | changes
    return Listed(
        document=name,
        file_id="f",
        attempt_id="a",
        ledger_id="l",
        content_hash="h",
        state=about["state"],
        created=1.0,
        display_name=about["display_name"],
        size=3,
        mime_type="text/plain",
        metadata={"year": 2021.0, "who": ["Mill", "Kant"]},
    )


async def begin(
    ledger: Ledger, run_id: RunId, *alive: str, store: str = "s", since: float = 0, now: float = 10
) -> Listing:
    return await raw(ledger).write(
        lambda conn: ListingTable.begin(conn, now, store=store, run_id=run_id, alive=alive, since=since)
    )


async def note(
    ledger: Ledger, listing: Listing, run_id: RunId, token: str | None, *documents: Listed
) -> None:
    await raw(ledger).write(
        lambda conn: ListingTable.add_page(
            conn, 20, listing.listing_id, run_id=run_id, documents=documents, token=token
        )
    )


async def held(ledger: Ledger) -> int:
    def count(conn: LedgerConnection) -> int:
        return int(conn.execute("SELECT count(*) FROM listed").fetchone()[0])

    return await raw(ledger).read(count)


async def test_a_dead_runs_listing_is_resumed_and_a_living_runs_is_not(ledger: Ledger) -> None:
    one = await begin(ledger, FIRST)
    await note(ledger, one, FIRST, "t1", listed("a"), listed("b"))
    other = await begin(ledger, SECOND, FIRST)
    assert other.listing_id != one.listing_id
    again = await begin(ledger, THIRD, SECOND)
    assert (again.listing_id, again.token, again.pages) == (one.listing_id, "t1", 1)
    with pytest.raises(LedgerError, match="another run"):
        await note(ledger, one, FIRST, "t2", listed("c"))
    await note(ledger, again, THIRD, None, listed("b"), listed("c"))
    assert await ledger.listings.count(one.listing_id) == 3
    await ledger.listings.drop(one.listing_id)
    assert await held(ledger) == 0


async def test_a_listing_that_is_old_complete_or_of_another_store_is_dropped(ledger: Ledger) -> None:
    for since, store in ((30.0, "s"), (0.0, "another")):
        one = await begin(ledger, FIRST)
        await note(ledger, one, FIRST, "t1", listed("a"))
        two = await begin(ledger, SECOND, since=since, now=40, store=store)
        assert (two.listing_id != one.listing_id, two.token) == (True, None)
        assert await held(ledger) == 0
    one = await begin(ledger, FIRST)
    await note(ledger, one, FIRST, None, listed("a"))
    assert (await begin(ledger, SECOND)).token is None
    assert await held(ledger) == 0


async def test_a_listing_that_starts_over_forgets_what_it_held(ledger: Ledger) -> None:
    one = await begin(ledger, FIRST)
    await note(ledger, one, FIRST, "t1", listed("a"))
    await ledger.listings.restart(one.listing_id)
    assert await held(ledger) == 0
    await note(ledger, one, FIRST, "t1", listed("b"))
    again = await begin(ledger, SECOND)
    assert (again.token, again.pages) == ("t1", 1)


async def test_a_document_that_is_listed_twice_is_noted_as_it_was_last(ledger: Ledger) -> None:
    one = await begin(ledger, FIRST)
    await note(ledger, one, FIRST, "t1", listed("a", state="pending"))
    await note(ledger, one, FIRST, None, listed("a", state="active"))

    def read(conn: LedgerConnection) -> list[Listed]:
        return Listed.all(conn, "")

    assert await raw(ledger).read(read) == [listed("a")]


async def test_a_ledger_keeps_its_id(ledger: Ledger) -> None:
    first = await ledger.settings.ledger_id()
    assert await ledger.settings.ledger_id() == first
    assert await ledger.settings.get(LEDGER_KEY) == first
