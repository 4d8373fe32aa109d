"""The store that a ledger belongs to: found, created, pinned, or refused."""

import pytest
import trio

from objlib.core.config.settings import Settings
from objlib.core.errors import RefusedError
from objlib.engine.upload.run import upload
from objlib.testing import Delay, Faults
from objlib.testing.databases import read_database
from tests.support.engine import Opener, assert_exactly_once


async def test_first_runs_at_once_agree_on_one_store(
    opened: Opener, settings: Settings, faults: Faults
) -> None:
    """Found by killing processes: each created a store of the same name, and all but one were refused."""
    faults.script = lambda kind, count: Delay(1) if kind == "store" and count < 3 else None
    stores: list[str] = []

    async def first_run() -> None:
        async with opened() as app:
            stores.append(app.store)
            await upload(app)

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(first_run)
    assert len(stores) == 3
    assert len(set(stores)) == 1
    with read_database(settings.embedded) as db:
        assert db.execute("SELECT name FROM stores WHERE NOT deleted").fetchall() == [(stores[0],)]
    assert_exactly_once(settings)


async def test_a_ledger_of_another_store_is_refused(opened: Opener, faults: Faults) -> None:
    async with opened() as app:
        await upload(app)
    before = faults.count["start"]
    with pytest.RaisesGroup(RefusedError, flatten_subgroups=True):
        async with opened(store="another", store_given=True):
            pytest.fail("opened")
    assert faults.count["start"] == before
