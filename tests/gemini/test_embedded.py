"""The client against the embedded service: the two halves of the wire agree."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest
import trio

from objlib.embedded import Options, open_service
from objlib.gemini import (
    Client,
    Document,
    DocumentState,
    Endpoint,
    ErrorKind,
    FileState,
    GeminiError,
    UploadStatus,
    open_client,
)
from objlib.threads import inline_runner
from tests.gemini.service import HOST, KEY

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
async def box(path: Path, **options: object) -> AsyncIterator[Client]:
    settings = Options(granularity=GRANULE, **options)  # type: ignore[arg-type]
    async with open_service(path / "store.db", runner=inline_runner, options=settings) as service:
        async with open_client(Endpoint(HOST, KEY), asgi=service.app) as client:
            yield client


async def settled(client: Client, name: str) -> Document:
    """The document when it is no longer pending; the waiting is virtual."""
    for _ in range(60):
        document = await client.get_document(name)
        if document.state is not DocumentState.PENDING:
            return document
        await trio.sleep(5)
    raise AssertionError(f"{name} stays pending")


async def put(client: Client, store: str, name: str = " Ethics/1 Über.txt") -> str:
    """Upload :data:`TEXT` in two chunks and return the document's name."""
    session = await client.start_upload(
        store, display_name=name, mime_type="text/plain", size=len(TEXT), metadata=METADATA
    )
    cut = GRANULE * 2
    assert (await client.send_chunk(session, TEXT[:cut], offset=0, final=False)).received == cut
    asked = await client.query_upload(session)
    assert (asked.status, asked.received) == (UploadStatus.ACTIVE, cut)
    final = await client.send_chunk(session, TEXT[cut:], offset=cut, final=True)
    assert final.status is UploadStatus.FINAL
    assert final.landed is not None
    assert final.landed.document is not None
    again = await client.query_upload(session)
    assert (again.status, again.landed) == (UploadStatus.FINAL, final.landed)
    operation = await client.get_operation(final.landed.operation or "")
    assert operation.document == final.landed.document
    return final.landed.document


async def test_a_document_goes_in_is_found_and_goes_out(tmp_path: Path) -> None:
    async with box(tmp_path) as client:
        store = (await client.create_store("Library")).name
        assert [found.name for found in await client.find_stores("Library")] == [store]
        assert (await client.get_store(store)).display_name == "Library"
        name = await put(client, store)
        document = await settled(client, name)
        assert (document.state, document.size) == (DocumentState.ACTIVE, len(TEXT))
        assert (document.display_name, document.metadata) == ("Ethics/1 Über.txt", METADATA)
        assert document.create_time > 1.7e9
        answer = await client.ask(
            model="m", question="promise", store=store, metadata_filter='objlib_id = "f1"'
        )
        assert answer.searched
        assert {passage.metadata["objlib_id"] for passage in answer.passages} == {"f1"}
        assert {passage.store for passage in answer.passages} == {store}
        for start, stop, cited in answer.supports:
            assert answer.text[start:stop].strip()
            assert all(0 <= index < len(answer.passages) for index in cited)
        assert await client.delete_document(name)
        assert not await client.delete_document(name)
        with pytest.raises(GeminiError) as caught:
            await client.get_document(name)
        assert caught.value.kind is ErrorKind.NOT_FOUND
        assert await client.delete_store(store)
        assert not await client.delete_store(store)


async def test_the_two_step_path_ends_in_a_document_too(tmp_path: Path) -> None:
    async with box(tmp_path) as client:
        store = (await client.create_store("Library")).name
        session = await client.start_file_upload(
            "files/a", display_name="a", mime_type="text/plain", size=len(TEXT)
        )
        landed = (await client.send_chunk(session, TEXT, offset=0, final=True)).landed
        assert landed is not None
        assert landed.file is not None
        await trio.sleep(60)
        file = await client.get_file(landed.file)
        assert (file.state, file.sha256, file.size) == (FileState.ACTIVE, landed.sha256, len(TEXT))
        operation = await client.import_file(store, file.name, metadata=METADATA)
        assert operation.document is not None
        document = await settled(client, operation.document)
        assert (document.state, document.metadata) == (DocumentState.ACTIVE, METADATA)
        done = await client.get_operation(operation.name)
        assert (done.done, done.document, done.hint) == (True, operation.document, False)
        with pytest.raises(GeminiError) as caught:
            await client.get_file("files/nowhere")
        assert caught.value.kind is ErrorKind.NOT_FOUND


async def test_a_listing_over_several_pages_is_complete(tmp_path: Path) -> None:
    async with box(tmp_path) as client:
        store = (await client.create_store("Library")).name
        names = [await put(client, store, f"{number}.txt") for number in range(23)]
        first = await client.list_documents(store)
        assert len(first.documents) == 20
        assert first.next_page_token is not None
        async with aclosing(client.each_document(store)) as documents:
            assert [document.name async for document in documents] == names


async def test_sessions_that_disagree_are_asked_and_ended(tmp_path: Path) -> None:
    async with box(tmp_path) as client:
        store = (await client.create_store("Library")).name
        session = await client.start_upload(
            store, display_name="a", mime_type="text/plain", size=len(TEXT), metadata={}
        )
        with pytest.raises(GeminiError) as caught:
            await client.send_chunk(session, TEXT[:10], offset=GRANULE, final=True)
        assert caught.value.kind is ErrorKind.UNKNOWN
        assert (await client.query_upload(session)).received == 0
        await client.cancel_upload(session)
        assert (await client.query_upload(session)).status in {UploadStatus.CANCELLED, UploadStatus.GONE}
        await client.cancel_upload(session)
        assert (
            await client.query_upload(session.replace("upload_id=", "upload_id=0"))
        ).status is UploadStatus.GONE


async def test_refusals_have_their_kinds(tmp_path: Path) -> None:
    async with box(tmp_path, require_key="another", storage_limit=None) as client:
        with pytest.raises(GeminiError) as caught:
            await client.create_store("Library")
        assert caught.value.kind is ErrorKind.AUTH
    async with box(tmp_path, storage_limit=1) as client:
        store = (await client.create_store("Library")).name

        def cases() -> tuple[tuple[Callable[[], object], ErrorKind], ...]:
            return (
                (lambda: client.get_store("fileSearchStores/nowhere"), ErrorKind.NOT_FOUND),
                (lambda: client.get_operation(f"{store}/operations/nowhere"), ErrorKind.NOT_FOUND),
                (
                    lambda: client.ask(model="m", question="?", store=store, metadata_filter="(("),
                    ErrorKind.PERMANENT,
                ),
                (lambda: put(client, store), ErrorKind.STORE_FULL),
            )

        for asking, kind in cases():
            with pytest.raises(GeminiError) as caught:
                await asking()  # type: ignore[misc]
            assert caught.value.kind is kind
