"""The store that a ledger belongs to: found, created, pinned, or refused."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from objlib.core.config.settings import Settings
from objlib.core.errors import RefusedError
from objlib.engine.app import App
from objlib.engine.bootstrap.open_app import StoreNeed
from objlib.engine.recover import recover
from objlib.engine.upload.run import upload
from objlib.gemini import ErrorKind, GeminiError
from objlib.testing import (
    DOWN,
    INTERNAL,
    INTERNAL_ACTED,
    LOST,
    Action,
    Alter,
    Delay,
    Faults,
    Response,
    refusal,
)
from objlib.testing.databases import read_database
from tests.support.engine import Opener, assert_exactly_once


def stores_of(settings: Settings) -> list[str]:
    """Names of all stores at the service, oldest first."""
    with read_database(settings.embedded) as db:
        return [name for (name,) in db.execute("SELECT name FROM stores WHERE NOT deleted ORDER BY rowid")]


async def first_runs(
    opened: Opener, count: int, *, work: Callable[[App], Awaitable[object]] | None = None
) -> list[str]:
    """The stores of runs that begin at once where there is none yet, and do ``work`` with it."""
    stores: list[str] = []

    async def run() -> None:
        async with opened() as app:
            stores.append(app.store)
            if work is not None:
                await work(app)

    async with trio.open_nursery() as nursery:
        for _ in range(count):
            nursery.start_soon(run)
    return stores


@pytest.fixture
def second(tmp_path: Path) -> Path:
    """The file of another ledger, which has no store yet."""
    return tmp_path / "second.db"


async def test_first_runs_at_once_agree_on_one_store(
    opened: Opener, settings: Settings, faults: Faults
) -> None:
    """Found by killing processes: each created a store of the same name, and all but one were refused."""
    faults.script = lambda kind, count: Delay(1) if kind == "store" and count < 3 else None
    stores = await first_runs(opened, 3, work=upload)
    assert len(stores) == 3
    assert len(set(stores)) == 1
    assert stores_of(settings) == [stores[0]]
    assert_exactly_once(settings)


async def test_a_surplus_store_that_cannot_be_deleted_does_no_harm(
    opened: Opener, settings: Settings, faults: Faults
) -> None:
    """Of two first runs one keeps the store of the other, and its own stays behind, empty."""
    faults.script = lambda kind, count: (
        None if kind != "store" else Delay(1) if count < 2 else INTERNAL if count >= 4 else None
    )
    stores = await first_runs(opened, 2)
    assert len(set(stores)) == 1
    assert len(stores_of(settings)) == 2
    faults.script = lambda _kind, _count: None
    async with opened() as app:
        assert app.store == stores[0]
        assert (await recover(app)).stores == 1
        assert (await recover(app)).found == 0
    assert stores_of(settings) == [stores[0]]


async def test_a_first_run_that_sees_the_stores_of_two_others_takes_the_pinned_one(
    opened: Opener, settings: Settings, faults: Faults
) -> None:
    """Its listing arrives when both have created a store, and before the surplus one is deleted."""
    faults.travel = lambda kind, count: (5.0, 0.0) if (kind, count) == ("store", 2) else (0.0, 0.0)
    faults.script = lambda kind, count: (
        None if kind != "store" else Delay(1) if count < 2 else INTERNAL if count == 5 else None
    )
    stores = await first_runs(opened, 3)
    assert len(stores_of(settings)) == 2
    assert (len(stores), len(set(stores))) == (3, 1)


async def test_a_first_run_that_sees_the_stores_of_two_others_waits_for_a_pin(
    opened: Opener, settings: Settings, faults: Faults
) -> None:
    """Found by freezing processes: the answers to both creations were on their way, and the third run was refused."""
    faults.travel = lambda kind, count: (0.0, 3.0) if kind == "store" and count in {2, 3} else (0.0, 0.0)
    faults.script = lambda kind, count: Delay(1) if kind == "store" and count < 2 else None
    stores: list[str] = []

    async def first_run(after: float) -> None:
        await trio.sleep(after)
        async with opened() as app:
            stores.append(app.store)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(first_run, 0.0)
        nursery.start_soon(first_run, 0.0)
        await trio.sleep(2)
        assert len(stores_of(settings)) == 2
        nursery.start_soon(first_run, 0.0)
    assert (len(stores), len(set(stores))) == (3, 1)
    assert len(stores_of(settings)) == 1


@pytest.mark.parametrize("answer", [LOST, INTERNAL_ACTED], ids=["no answer", "an error instead"])
@pytest.mark.parametrize("lost", [{2}, {3}, {2, 3}], ids=["the first", "the second", "both"])
async def test_of_two_first_runs_whose_creations_are_not_answered_both_use_one_store(
    opened: Opener, settings: Settings, faults: Faults, lost: set[int], answer: Action
) -> None:
    """Neither knows which of the listed stores it has made; the pin decides, and what is surplus is empty."""
    faults.script = lambda kind, count: (
        None if kind != "store" else Delay(1) if count < 2 else answer if count in lost else None
    )
    stores = await first_runs(opened, 2, work=upload)
    assert (len(stores), len(set(stores))) == (2, 1)
    assert stores[0] in stores_of(settings)
    assert_exactly_once(settings)
    with read_database(settings.embedded) as db:
        holders = db.execute("SELECT DISTINCT name FROM documents").fetchall()
    assert {name.partition("/documents/")[0] for (name,) in holders} == {stores[0]}
    async with opened() as later:
        assert later.store == stores[0]
        assert (await upload(later)).uploaded == 0


async def test_of_first_runs_at_once_with_different_stores_one_is_refused(
    opened: Opener, settings: Settings, faults: Faults
) -> None:
    faults.script = lambda kind, count: Delay(1) if kind == "store" and count < 2 else None
    bound: list[str] = []
    refused: list[str] = []

    async def first_run(store: str) -> None:
        try:
            async with opened(store=store) as app:
                bound.append(app.store)
        except* RefusedError:
            refused.append(store)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(first_run, "one")
        nursery.start_soon(first_run, "two")
    assert (len(bound), len(refused)) == (1, 1)
    async with opened(store="one") as app:
        assert await app.ledger.settings.pinned() == (bound[0], "one" if refused == ["two"] else "two")


async def test_a_ledger_of_another_store_is_refused(opened: Opener, faults: Faults) -> None:
    async with opened() as app:
        await upload(app)
    before = faults.count["start"]
    with pytest.RaisesGroup(RefusedError, flatten_subgroups=True):
        async with opened(store="another", store_given=True):
            pytest.fail("opened")
    assert faults.count["start"] == before


@pytest.mark.parametrize("by", ["name", "display name"])
async def test_another_ledger_joins_a_store_that_exists(
    opened: Opener, settings: Settings, second: Path, by: str
) -> None:
    async with opened() as app:
        name = app.store
    store = name if by == "name" else settings.store
    async with opened("search", need=StoreNeed.EXISTING, ledger=second, store=store) as app:
        assert app.store == name
        assert await app.ledger.settings.pinned() is None, "a search decides nothing"
    async with opened(ledger=second, store=store) as app:
        assert app.store == name
        assert await app.ledger.settings.pinned() == (name, store)
    assert stores_of(settings) == [name]


async def test_of_two_stores_of_one_name_none_is_chosen(
    opened: Opener, settings: Settings, second: Path
) -> None:
    async with opened() as app:
        names = [app.store, (await app.client.stores.create(settings.store)).name]
    ambiguous = pytest.RaisesExc(RefusedError, check=lambda error: all(name in str(error) for name in names))
    with pytest.RaisesGroup(ambiguous, flatten_subgroups=True):
        async with opened(ledger=second):
            pytest.fail("opened")
    async with opened(ledger=second, store=names[1]) as app:
        assert app.store == names[1]


async def test_a_command_that_only_reads_creates_no_store(opened: Opener, settings: Settings) -> None:
    with pytest.RaisesGroup(
        pytest.RaisesExc(RefusedError, match="there is no store called objlib-test yet"),
        flatten_subgroups=True,
    ):
        async with opened("search", need=StoreNeed.EXISTING):
            pytest.fail("opened")
    assert stores_of(settings) == []


@pytest.mark.parametrize("pinned", [True, False])
async def test_a_store_that_is_gone_is_refused_and_not_made_again(
    opened: Opener, settings: Settings, second: Path, pinned: bool
) -> None:
    async with opened() as app:
        name = app.store
        await app.client.stores.delete(name)
    changes = {} if pinned else {"ledger": second, "store": name}
    gone = pytest.RaisesExc(RefusedError, match="does not exist")
    with pytest.RaisesGroup(gone, flatten_subgroups=True):
        async with opened(**changes):
            pytest.fail("opened")
    assert stores_of(settings) == []


async def test_a_store_whose_creation_got_no_answer_is_found_and_used(
    opened: Opener, settings: Settings, faults: Faults
) -> None:
    faults.script = lambda kind, count: LOST if (kind, count) == ("store", 1) else None
    async with opened() as app:
        assert stores_of(settings) == [app.store]
        assert await app.ledger.settings.pinned() == (app.store, settings.store)


async def test_a_store_that_was_refused_is_created_by_the_next_run(
    opened: Opener, settings: Settings, faults: Faults
) -> None:
    bad_name = refusal(400, "INVALID_ARGUMENT", "no such display name")
    faults.script = lambda kind, count: bad_name if (kind, count) == ("store", 1) else None
    permanent = pytest.RaisesExc(GeminiError, check=lambda error: error.kind is ErrorKind.PERMANENT)
    with pytest.RaisesGroup(permanent, flatten_subgroups=True):
        async with opened():
            pytest.fail("opened")
    assert stores_of(settings) == []
    async with opened() as app:
        assert stores_of(settings) == [app.store]


async def test_a_store_whose_creation_was_not_answered_is_created_by_the_same_run(
    opened: Opener, settings: Settings, faults: Faults
) -> None:
    faults.script = lambda kind, count: DOWN if (kind, count) == ("store", 1) else None
    async with opened() as app:
        assert stores_of(settings) == [app.store]
    assert faults.count["store"] == 4, "list, create, list again, create again"


@pytest.mark.parametrize("answer", [LOST, INTERNAL_ACTED], ids=["no answer", "an error instead"])
async def test_a_store_that_is_listed_late_is_not_created_twice(
    opened: Opener, settings: Settings, faults: Faults, answer: Action
) -> None:
    """An empty second store stayed, and the next ledger was refused because two had its name."""
    created: list[float] = []

    def late(response: Response) -> Response:
        listed = trio.current_time() >= created[0] + 3.0
        return response if listed else replace(response, body=b"{}")

    def script(kind: str, count: int) -> Action | None:
        if count == 1:
            created.append(trio.current_time())
            return answer
        return Alter("lags", late) if count > 1 and kind == "store" else None

    faults.script = script
    async with opened() as app:
        assert stores_of(settings) == [app.store]
        assert await app.ledger.settings.pinned() == (app.store, settings.store)
