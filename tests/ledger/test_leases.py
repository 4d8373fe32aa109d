"""A lease has one holder, and what relies on it is done only while it is held."""

import pytest

from objlib.core.ids import RunId
from objlib.ledger import SCAN, Lease, Ledger, LostLeaseError
from tests.support.clock import Clock

ONE, TWO = RunId("run-1"), RunId("run-2")


@pytest.fixture
async def lease(ledger: Ledger) -> Lease:
    """The lease, taken by the first of two runs."""
    for run_id in (ONE, TWO):
        await ledger.runs.start(run_id, 1, "host", "upload")
    return await ledger.leases.take(SCAN, ONE)


async def test_a_lease_has_one_holder(ledger: Ledger, lease: Lease, clock: Clock) -> None:
    clock.time += 1
    assert lease == (SCAN, ONE, 1000.0)
    assert await ledger.leases.take(SCAN, TWO) == lease
    assert await ledger.leases.take("another", TWO) == ("another", TWO, 1001.0)
    await ledger.leases.give_back(lease)
    assert await ledger.leases.take(SCAN, TWO) == (SCAN, TWO, 1001.0)


async def test_of_two_that_take_a_lease_over_one_gets_it(ledger: Ledger, lease: Lease, clock: Clock) -> None:
    clock.time += 1
    assert (await ledger.leases.take(SCAN, TWO, instead_of=lease)).run_id == TWO
    assert (await ledger.leases.take(SCAN, ONE, instead_of=lease)).run_id == TWO


async def test_who_lost_a_lease_neither_ends_it_nor_writes_under_it(
    ledger: Ledger, lease: Lease, clock: Clock
) -> None:
    clock.time += 1
    taken = await ledger.leases.take(SCAN, TWO, instead_of=lease)
    await ledger.leases.give_back(lease)
    assert await ledger.leases.take(SCAN, ONE) == taken
    with pytest.raises(LostLeaseError):
        await ledger.settings.set_under(lease, "key", "old")
    await ledger.settings.set_under(taken, "key", "new")
    await ledger.settings.set_under(None, "other", "of no lease")
    assert await ledger.settings.get("key") == "new"


async def test_a_lease_that_its_run_takes_again_is_another_one(
    ledger: Ledger, lease: Lease, clock: Clock
) -> None:
    clock.time += 1
    await ledger.leases.give_back(lease)
    again = await ledger.leases.take(SCAN, ONE)
    assert again.run_id == lease.run_id
    with pytest.raises(LostLeaseError):
        await ledger.settings.set_under(lease, "key", "old")
