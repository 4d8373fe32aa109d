"""The client against the embedded service: the two halves of the wire agree."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from objlib.core.remote import DocumentState, SessionState
from objlib.embedded import Options, open_service
from objlib.gemini import (
    Client,
    Document,
    Endpoint,
    ErrorKind,
    FileState,
    GeminiError,
    open_client,
)
from objlib.threads import inline_runner
from tests.support.gemini import HOST, KEY

pytestmark = pytest.mark.usefixtures("autojump_clock")

TEXT = "Was ist das Gute? 🌱 A promise binds the one who makes it. ".encode() * 20
GRANULE = 256
METADATA: dict[str, str | float | list[str]] = {
    "objlib_id": "f1",
    "objlib_attempt": "a1",
    "year": 2021,
    "tags": ["ethics", "prömise"],
}


@asynccontextmanager
async def box(path: Path, **options: Any) -> AsyncIterator[Client]:
    settings = Options(granularity=GRANULE, **options)
    async with open_service(path / "store.db", runner=inline_runner, options=settings) as service:
        async with open_client(Endpoint(HOST, KEY), asgi=service.app) as client:
            yield client


async def settled(client: Client, name: str) -> Document:
    """The document when it is no longer pending; the waiting is virtual."""
    for _ in range(60):
        document = await client.documents.get(name)
        if document.state is not DocumentState.PENDING:
            return document
        await trio.sleep(5)
    raise AssertionError(f"{name} stays pending")


async def put(client: Client, store: str, name: str = " Ethics/1 Über.txt") -> str:
    """Upload :data:`TEXT` in two chunks and return the document's name."""
    session = await client.uploads.start(
        store, display_name=name, mime_type="text/plain", size=len(TEXT), metadata=METADATA
    )
    cut = GRANULE * 2
    assert (await client.uploads.send(session, TEXT[:cut], offset=0, final=False)).received == cut
    progress = await client.uploads.query(session)
    assert (progress.status, progress.received) == (SessionState.ACTIVE, cut)
    final = await client.uploads.send(session, TEXT[cut:], offset=cut, final=True)
    assert final.status is SessionState.FINAL
    assert final.result is not None
    assert final.result.document is not None
    again = await client.uploads.query(session)
    assert (again.status, again.result) == (SessionState.FINAL, final.result)
    operation = await client.operations.get(final.result.operation or "")
    assert operation.document == final.result.document
    return final.result.document


async def test_a_document_goes_in_is_found_and_goes_out(tmp_path: Path) -> None:
    async with box(tmp_path) as client:
        store = (await client.stores.create("Library")).name
        assert [listed.name for listed in await client.stores.find("Library")] == [store]
        assert (await client.stores.get(store)).display_name == "Library"
        name = await put(client, store)
        document = await settled(client, name)
        assert (document.state, document.size) == (DocumentState.ACTIVE, len(TEXT))
        assert (document.display_name, document.metadata) == ("Ethics/1 Über.txt", METADATA)
        assert document.create_time > 1.7e9
        answer = await client.models.ask(
            model="gemini-3.5-flash", question="promise", store=store, metadata_filter='objlib_id = "f1"'
        )
        assert {passage.metadata["objlib_id"] for passage in answer.passages} == {"f1"}
        assert {passage.store for passage in answer.passages} == {store}
        for start, stop, cited in answer.supports:
            assert answer.text[start:stop].strip()
            assert all(0 <= index < len(answer.passages) for index in cited)
        assert await client.documents.delete(name)
        assert not await client.documents.delete(name)
        with pytest.raises(GeminiError) as caught:
            await client.documents.get(name)
        assert caught.value.kind is ErrorKind.NOT_FOUND
        assert await client.stores.delete(store)
        assert not await client.stores.delete(store)


async def test_the_two_step_path_ends_in_a_document_too(tmp_path: Path) -> None:
    async with box(tmp_path) as client:
        store = (await client.stores.create("Library")).name
        session = await client.uploads.start_file(
            "files/a", display_name="a", mime_type="text/plain", size=len(TEXT)
        )
        result = (await client.uploads.send(session, TEXT, offset=0, final=True)).result
        assert result is not None
        assert result.file is not None
        await trio.sleep(60)
        assert await client.files.state(result.file) is FileState.ACTIVE
        operation = await client.stores.import_file(store, result.file, metadata=METADATA)
        assert operation.document is not None
        document = await settled(client, operation.document)
        assert (document.state, document.metadata) == (DocumentState.ACTIVE, METADATA)
        done = await client.operations.get(operation.name)
        assert (done.done, done.document, done.hint) == (True, operation.document, False)
        with pytest.raises(GeminiError) as caught:
            await client.files.state("files/nowhere")
        assert caught.value.kind is ErrorKind.NOT_FOUND


async def test_a_listing_over_several_pages_is_complete(tmp_path: Path) -> None:
    async with box(tmp_path) as client:
        store = (await client.stores.create("Library")).name
        names = [await put(client, store, f"{number}.txt") for number in range(23)]
        first = await client.documents.list(store)
        assert len(first.documents) == 20
        assert first.next_page_token is not None
        pages = [page async for page in client.documents.pages(store)]
        assert [document.name for page in pages for document in page.documents] == names


async def test_sessions_that_disagree_are_asked_and_ended(tmp_path: Path) -> None:
    async with box(tmp_path) as client:
        store = (await client.stores.create("Library")).name
        session = await client.uploads.start(
            store, display_name="a", mime_type="text/plain", size=len(TEXT), metadata={}
        )
        with pytest.raises(GeminiError) as caught:
            await client.uploads.send(session, TEXT[:10], offset=GRANULE, final=True)
        assert caught.value.kind is ErrorKind.UNKNOWN
        assert (await client.uploads.query(session)).received == 0
        await client.uploads.cancel(session)
        assert (await client.uploads.query(session)).status in {SessionState.CANCELLED, SessionState.GONE}
        await client.uploads.cancel(session)
        assert (
            await client.uploads.query(session.replace("upload_id=", "upload_id=0"))
        ).status is SessionState.GONE


async def test_refusals_have_their_kinds(tmp_path: Path) -> None:
    async with box(tmp_path, require_key="another", storage_limit=None) as client:
        with pytest.raises(GeminiError) as caught:
            await client.stores.create("Library")
        assert caught.value.kind is ErrorKind.AUTH
    async with box(tmp_path, storage_limit=1) as client:
        store = (await client.stores.create("Library")).name

        def cases() -> tuple[tuple[Callable[[], Awaitable[object]], ErrorKind], ...]:
            return (
                (lambda: client.stores.get("fileSearchStores/nowhere"), ErrorKind.NOT_FOUND),
                (lambda: client.operations.get(f"{store}/operations/nowhere"), ErrorKind.NOT_FOUND),
                (
                    lambda: client.models.ask(
                        model="gemini-3.5-flash", question="?", store=store, metadata_filter="(("
                    ),
                    ErrorKind.PERMANENT,
                ),
                (lambda: put(client, store), ErrorKind.STORE_FULL),
            )

        for asking, kind in cases():
            with pytest.raises(GeminiError) as caught:
                await asking()
            assert caught.value.kind is kind
