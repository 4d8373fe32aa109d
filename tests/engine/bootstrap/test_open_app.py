"""Opening the resources of a command, and the library that its ledger belongs to."""

from dataclasses import replace
from pathlib import Path

import pytest

from objlib.core.config.settings import Backend, Settings
from objlib.core.errors import RefusedError, ServiceError
from objlib.engine.app import Overrides
from objlib.engine.bootstrap.open_app import Command, StoreNeed, open_app
from objlib.engine.upload.run import upload
from objlib.gemini import ErrorKind, GeminiError
from objlib.testing import Faults, Refuse, refusal
from objlib.threads import inline_runner
from tests.support.engine import Opener, write
from tests.support.gemini import HOST, KEY, STORE, Reply, Service


async def test_a_ledger_belongs_to_one_library_until_that_is_moved(
    opened: Opener, settings: Settings, library: Path, faults: Faults, tmp_path: Path
) -> None:
    async with opened() as app:
        await upload(app)
    write(tmp_path, "other/only.txt", "Another library altogether.\n")
    with pytest.RaisesGroup(RefusedError, flatten_subgroups=True):
        async with opened(library=tmp_path / "other"):
            pytest.fail("opened")
    moved = library.rename(tmp_path / "moved")
    before = faults.count["start"]
    async with opened(library=moved) as app:
        report = await upload(app)
    assert (report.indexed, report.unchanged, report.missing) == (10, 10, 0)
    assert faults.count["start"] == before


async def test_a_service_that_refuses_connections_is_reported_with_the_remedy(
    opened: Opener, faults: Faults
) -> None:
    faults.script = lambda _kind, _count: Refuse()
    remedy = pytest.RaisesExc(ServiceError, match="check that the service runs, and the port in --base-url")
    with pytest.RaisesGroup(remedy, flatten_subgroups=True):
        async with opened():
            pytest.fail("opened")


async def test_a_service_that_refuses_the_key_is_reported_as_such(opened: Opener, faults: Faults) -> None:
    faults.script = lambda _kind, _count: refusal(401, "UNAUTHENTICATED", "bad key")
    bad_key = pytest.RaisesExc(GeminiError, check=lambda error: error.kind is ErrorKind.AUTH)
    with pytest.RaisesGroup(bad_key, flatten_subgroups=True):
        async with opened():
            pytest.fail("opened")


async def test_the_gemini_backend_opens_no_embedded_service(settings: Settings) -> None:
    stores = Reply(200, {"fileSearchStores": [{"name": STORE, "displayName": settings.store}]})
    service = Service([stores, Reply(200, {})])  # the second one lists the documents: none
    gemini = replace(settings, backend=Backend.GEMINI, base_url=HOST, api_key=KEY)
    command = Command("search", records=False, store=StoreNeed.EXISTING)
    overrides = Overrides(runner=inline_runner, asgi=service)
    async with open_app(gemini, command, overrides=overrides) as app:
        assert (app.service, app.store, app.requests) == (None, STORE, 2)
    assert service.seen[0].headers["x-goog-api-key"] == KEY
    assert not settings.embedded.exists()


async def test_a_command_without_a_store_sends_nothing(opened: Opener, faults: Faults) -> None:
    async with opened("scan", need=StoreNeed.NONE) as app:
        assert (app.requests, app.store) == (0, "")
        with pytest.raises(RefusedError, match="works on the ledger alone"):
            _ = app.client
    assert not faults.seen


def test_a_look_copies_no_ledger_that_is_there(tmp_path: Path) -> None:
    look = Command("stores", records=False, store=StoreNeed.SERVICE, dry_run=True, looks=True)
    ledger = tmp_path / "library.db"
    assert look.copies(ledger), "it would be made"
    ledger.write_bytes(b"")
    assert not look.copies(ledger), "a copy takes time with each file of the library"
    assert replace(look, looks=False).copies(ledger)
    assert not Command("upload", records=True, store=StoreNeed.CREATE).copies(ledger)
