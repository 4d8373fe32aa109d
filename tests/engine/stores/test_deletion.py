"""The deletion of a store that dies at any point: the next recovery finishes it, and the next upload starts anew."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio

from objlib.api import Library, open_library
from objlib.core.config.settings import Backend, Settings
from objlib.core.errors import RefusedError
from objlib.core.ids import RunId
from objlib.embedded import open_service
from objlib.engine.app import Overrides
from objlib.gemini import Client, Endpoint, open_client
from objlib.ledger import identify, open_ledger
from objlib.testing import EPOCH, Died, Failpoints, run_virtual
from objlib.testing.databases import read_database
from objlib.threads import inline_runner
from tests.support.library import library_settings

Step = Callable[[Library, Client], Awaitable[None]]
TEXTS = {"moon.md": "The moon is far away.", "sun.md": "The sun is hot."}


def at_service(folder: Path) -> Settings:
    """A library at a service that outlives each process."""
    return library_settings(
        folder, TEXTS, backend=Backend.GEMINI, base_url="http://service.test", api_key="k"
    )


def live(settings: Settings, step: Step, *, die_at: int | None = None, life: int = 0) -> Failpoints:
    """One process in virtual time, whose every way to disk and service leads through failpoints."""
    failpoints = Failpoints(die_at)

    async def process() -> None:
        async with open_service(settings.embedded, runner=inline_runner) as service:
            overrides = Overrides(
                now=lambda: EPOCH + 1000 * life + trio.current_time(),
                runner=failpoints.run,
                asgi=failpoints.app(service.app),
                signals=False,
            )
            async with open_client(Endpoint("http://other.test", "k"), asgi=service.app) as other:
                async with open_library(settings, overrides=overrides) as library:
                    await step(library, other)

    try:
        run_virtual(process, seed=100 * life + (die_at or 0))
    except (Died, BaseExceptionGroup):
        if not failpoints.dead:
            raise
    return failpoints


def stores_at(settings: Settings) -> int:
    """How many stores the service has."""
    with read_database(settings.embedded) as db:
        (number,) = db.execute("SELECT count(*) FROM stores WHERE NOT deleted").fetchone()
    return int(number)


async def upload(library: Library, _: Client) -> None:
    """Bring the store up to date."""
    assert (await library.upload()).indexed == len(TEXTS)


async def delete(library: Library, _: Client) -> None:
    """Delete the library's own store."""
    assert (await library.stores.delete("tests")).deleted


async def nothing_left(library: Library, _: Client) -> None:
    """Recover where nothing is to be recovered."""
    report = await library.recover()
    assert (report.found, report.stores) == (0, 0)


async def go_on(library: Library, _: Client) -> None:
    """Recover from a deletion that died, and start anew."""
    with pytest.raises(RefusedError, match="objlib recover` finishes it"):
        await library.upload()
    report = await library.recover()
    assert (report.found, report.stores) == (1, 1)
    assert (await library.stores.all()).stores == ()
    assert not library.settings.ledger_file.exists()
    assert len(list(library.settings.ledger_file.parent.glob("ledger-of-deleted-store-*.db"))) == 1


def test_a_deletion_that_dies_at_any_point_is_finished_by_the_next_recovery(tmp_path: Path) -> None:
    settings = at_service(tmp_path)
    live(settings, upload)
    databases = {path: path.read_bytes() for path in (settings.ledger_file, settings.embedded)}
    ends, point, alive = set(), 0, False
    while not alive:
        point += 1
        for path in tmp_path.glob("*.db*"):
            path.unlink()
        for path, content in databases.items():
            path.write_bytes(content)
        alive = not live(settings, delete, die_at=point, life=1).dead
        identity = identify(settings.ledger)
        if identity is not None and identity.deleting:
            ends.add("begun")
            live(settings, go_on, life=2)
        else:
            ends.add("done" if identity is None else "untouched")
            assert stores_at(settings) == (0 if identity is None else 1)
    live(settings, upload, life=3)
    live(settings, nothing_left, life=4)
    assert ends == {"untouched", "begun", "done"}


def test_the_command_goes_on_with_a_deletion_whose_answer_never_came(tmp_path: Path) -> None:
    settings = at_service(tmp_path)
    live(settings, upload)

    async def die_after_the_request(library: Library, other: Client) -> None:
        (entry,) = (await library.stores.all()).stores
        async with open_ledger(settings.ledger, runner=inline_runner) as ledger:
            table = ledger.store_deletions
            await table.open(entry.name, "tests", force=True, documents=2, run_id=RunId("dead"))
        await other.stores.delete(entry.name)

    async def delete_again(library: Library, _: Client) -> None:
        done = await library.stores.delete("tests")
        assert (done.deleted, done.documents) == (True, 2)
        assert Path(done.put_aside).is_file()
        assert (await library.upload()).indexed == len(TEXTS)

    live(settings, die_after_the_request, life=1)
    live(settings, delete_again, life=2)


def test_a_deletion_of_another_store_is_finished_and_touches_no_ledger(tmp_path: Path) -> None:
    settings = at_service(tmp_path)
    live(settings, upload)

    async def die_before_the_request(_: Library, other: Client) -> None:
        name = (await other.stores.create("other")).name
        async with open_ledger(settings.ledger, runner=inline_runner) as ledger:
            await ledger.store_deletions.open(name, "other", force=True, documents=0, run_id=RunId("dead"))

    async def recover(library: Library, _: Client) -> None:
        assert (await library.upload()).recovered.stores == 1
        assert [entry.display_name for entry in (await library.stores.all()).stores] == ["tests"]
        assert (await library.recover()).stores == 0

    live(settings, die_before_the_request, life=1)
    live(settings, recover, life=2)
