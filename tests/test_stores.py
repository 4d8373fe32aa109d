"""The stores of a service over the Python API: offline, and at a service behind the network's place."""

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import trio

from objlib.api import Library, open_library
from objlib.core.config.settings import Backend, Settings
from objlib.core.errors import RefusedError, UsageError
from objlib.core.events import Observer
from objlib.core.ids import KEY_FILE, KEY_LEDGER
from objlib.core.remote import DocumentState
from objlib.embedded import open_service
from objlib.engine.app import Overrides
from objlib.gemini import Client, Endpoint, open_client
from tests.support.library import library_settings

TEXTS = {"moon.md": "The moon is far away.", "sun.md": "The sun is hot.", "sub/sea.md": "The sea is deep."}


@dataclass
class Desk:
    """A library, and the same service as another tool sees it."""

    library: Library
    other: Client

    async def plant(self, store: str, name: str, text: str, metadata: Mapping[str, Any] | None = None) -> str:
        """Upload a document as another tool does; its resource name, once it is searchable."""
        data = text.encode()
        session = await self.other.uploads.start(
            store, display_name=name, mime_type="text/plain", size=len(data), metadata=metadata or {}
        )
        result = (await self.other.uploads.send(session, data, offset=0, final=True)).result
        assert result is not None
        return await self.active(result.document)

    async def active(self, document: str | None) -> str:
        assert document is not None

        async def is_pending() -> bool:
            return (await self.other.documents.get(document)).state is DocumentState.PENDING

        while await is_pending():
            pass
        return document

    async def store(self, name: str = "tests") -> str:
        """Make a store as another tool does."""
        return (await self.other.stores.create(name)).name


@asynccontextmanager
async def opened(settings: Settings, backend: Backend) -> AsyncIterator[Desk]:
    """A library whose store is in its own process, or at a service that takes the network's place."""
    async with open_service(settings.embedded) as service:
        overrides = Overrides(signals=False)
        if backend is Backend.GEMINI:
            settings = replace(settings, backend=backend, base_url="http://service.test", api_key="k")
            overrides = Overrides(asgi=service.app, signals=False)
        async with open_client(Endpoint("http://other.test", "k"), asgi=service.app) as other:
            async with open_library(settings, overrides=overrides) as library:
                yield Desk(library, other)


@pytest.fixture(params=[Backend.EMBEDDED, Backend.GEMINI], ids=str)
async def desk(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    async with opened(library_settings(tmp_path, TEXTS), request.param) as desk:
        yield desk


async def test_stores_are_listed_with_their_documents_and_libraries(desk: Desk) -> None:
    assert (await desk.library.stores.all()).stores == ()
    assert not desk.library.settings.ledger_file.exists(), "a list makes no ledger"
    await desk.library.upload()
    other = await desk.store("other")
    listed = await desk.library.stores.all()
    own, foreign = listed.stores
    assert (own.display_name, own.active, own.own) == ("tests", 3, True)
    assert own.libraries == (str(desk.library.settings.library),)
    assert own.size == sum(map(len, TEXTS.values())) == listed.size
    assert (foreign.name, foreign.documents, foreign.libraries) == (other, 0, ())
    at_service = desk.library.settings.backend is Backend.GEMINI
    assert listed.tier == ("free" if at_service else "")


async def test_more_stores_than_a_page_are_listed(desk: Desk) -> None:
    for number in range(23):
        await desk.store(f"store {number}")
    assert len((await desk.library.stores.all()).stores) == 23


async def test_a_store_is_made_once(desk: Desk) -> None:
    planned = await desk.library.stores.create("new", dry_run=True)
    assert planned.dry_run
    assert (await desk.library.stores.all()).stores == ()
    made = await desk.library.stores.create("new")
    assert made.name.startswith("fileSearchStores/")
    with pytest.raises(RefusedError, match="already"):
        await desk.library.stores.create(" new ")
    for name in (" ", "fileSearchStores/x", "x" * 513):
        with pytest.raises(UsageError):
            await desk.library.stores.create(name)


async def test_a_store_goes_with_its_documents_and_the_next_upload_starts_anew(desk: Desk) -> None:
    await desk.library.upload()
    planned = await desk.library.stores.delete("tests", dry_run=True)
    assert (planned.documents, planned.own, planned.foreign, planned.deleted) == (3, 3, 0, False)
    assert len((await desk.library.stores.all()).stores) == 1
    done = await desk.library.stores.delete(planned.name)
    assert done.deleted
    assert Path(done.put_aside).is_file()
    assert not desk.library.settings.ledger_file.exists()
    assert (await desk.library.upload()).uploaded == 3
    assert (await desk.library.verify(sample=None)).drift == {}


async def test_documents_of_others_go_only_with_their_number(desk: Desk) -> None:
    await desk.library.upload()
    store = (await desk.library.stores.all()).stores[0].name
    await desk.plant(store, "theirs.txt", "By another tool.")
    await desk.plant(store, "lost.txt", "Of a lost ledger.", {KEY_FILE: "f", KEY_LEDGER: "l"})
    planned = await desk.library.stores.delete(store, dry_run=True)
    assert (planned.own, planned.foreign) == (3, 2)
    assert set(planned.others) == {"a ledger that is not here (l)", "another tool"}
    for number in (0, 1, 3):
        with pytest.raises(RefusedError, match="--others 2"):
            await desk.library.stores.delete(store, others=number)
    assert (await desk.library.verify(sample=None)).drift == {}
    assert (await desk.library.stores.delete(store, others=2)).deleted
    assert (await desk.library.stores.all()).stores == ()


async def test_the_store_of_another_library_is_deleted_without_touching_this_ledger(desk: Desk) -> None:
    await desk.library.upload()
    other = await desk.store("other")
    done = await desk.library.stores.delete("other")
    assert (done.name, done.put_aside) == (other, "")
    assert (await desk.library.upload()).uploaded == 0


async def test_a_name_that_fits_none_or_several_is_refused(desk: Desk) -> None:
    with pytest.raises(RefusedError, match="no store none"):
        await desk.library.stores.delete("none")
    await desk.store("twin")
    await desk.store("twin")
    with pytest.raises(RefusedError, match="2 stores are called twin"):
        await desk.library.stores.delete("twin")


async def test_documents_with_the_bytes_of_files_are_taken_over_and_nothing_is_sent(desk: Desk) -> None:
    store = await desk.store()
    digest = hashlib.sha256(TEXTS["moon.md"].encode()).hexdigest()
    await desk.plant(store, "lecture 7", TEXTS["moon.md"], {"checksum": digest})
    await desk.plant(store, "sea.md", TEXTS["sub/sea.md"])
    await desk.plant(store, "stranger.md", "Nobody's text.")
    planned = await desk.library.stores.adopt(dry_run=True)
    assert ([each.path for each in planned.by_content], [each.path for each in planned.by_name]) == (
        ["moon.md"],
        ["sub/sea.md"],
    )
    report = await desk.library.stores.adopt()
    assert (report.adopted, report.unmatched) == (1, 1)
    with pytest.raises(RefusedError, match="--by-name says 2"):
        await desk.library.stores.adopt(by_name=2)
    assert (await desk.library.stores.adopt(by_name=1)).adopted == 1
    again = await desk.library.stores.adopt()
    assert (again.adopted, again.documents) == (0, 1)
    uploaded = await desk.library.upload()
    assert (uploaded.uploaded, uploaded.indexed) == (1, 3)
    assert (await desk.library.verify(sample=None)).drift == {}
    found = await desk.library.search("how far is the moon")
    assert (found.citations[0].path, found.citations[0].line_start) == ("moon.md", 1)


async def test_a_document_that_was_taken_over_is_replaced_and_removed_with_its_file(desk: Desk) -> None:
    store = await desk.store()
    for name, text in TEXTS.items():
        await desk.plant(store, name, text)
    assert (await desk.library.stores.adopt(by_name=3)).adopted == 3
    root = desk.library.settings.library
    (root / "moon.md").write_text("The moon is near.", encoding="utf-8")
    (root / "sun.md").unlink()
    report = await desk.library.sync(prune=True, grace=0, max_delete="100%")
    assert report.upload.uploaded == 1
    listed = (await desk.library.stores.all()).stores[0]
    assert listed.active == 2
    assert (await desk.library.verify(sample=None)).drift == {}


async def test_an_imported_document_is_known_by_its_temporary_file(desk: Desk) -> None:
    store, data = await desk.store(), TEXTS["moon.md"].encode()
    session = await desk.other.uploads.start_file(
        "files/abc-123", display_name="x.md", mime_type="text/plain", size=len(data)
    )
    await desk.other.uploads.send(session, data, offset=0, final=True)
    operation = await desk.other.stores.import_file(store, "files/abc-123", metadata={})
    while operation.document is None:
        operation = await desk.other.operations.get(operation.name)
    await desk.active(operation.document)
    report = await desk.library.stores.adopt()
    assert [(each.path, each.display_name) for each in report.by_content] == [("moon.md", "abc-123")]
    assert (await desk.library.search("moon")).citations[0].path == "moon.md"


async def test_a_document_of_a_ledger_is_taken_over_by_no_file(desk: Desk) -> None:
    store = await desk.store()
    digest = hashlib.sha256(TEXTS["moon.md"].encode()).hexdigest()
    await desk.plant(store, "moon.md", TEXTS["moon.md"], {KEY_LEDGER: "l", "checksum": digest})
    assert (await desk.library.stores.adopt()).documents == 0
    await desk.plant(store, "moon.md", TEXTS["moon.md"], {KEY_FILE: "f", KEY_LEDGER: "l"})
    with pytest.raises(RefusedError, match="2 documents that are not"):
        await desk.library.stores.delete("tests")
    assert (await desk.library.stores.adopt()).documents == 0


async def test_a_store_in_which_a_run_is_at_work_stays(desk: Desk) -> None:
    class First(Observer):
        def event(self, kind: object, /, **fields: object) -> None:
            half.set()

    half, over = trio.Event(), trio.Event()

    async def run() -> None:
        await desk.library.upload(observer=First())
        over.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        await half.wait()
        with pytest.raises(RefusedError, match=r"a run \(upload, process .* is at work on "):
            await desk.library.stores.delete("tests")
        assert not over.is_set()
