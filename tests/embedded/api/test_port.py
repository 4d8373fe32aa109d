"""Over a real port: streaming, large bodies, and two clients that are not ours where they are installed."""

import importlib
import importlib.util
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from objlib.embedded import Options, Service, open_service
from objlib.embedded.options import GRANULARITY
from objlib.embedded.server import AllowedHosts, guarded, listen, serve_app
from tests.support.embedded import Box, ok

pytestmark = pytest.mark.real_time

LINES = "Bees bring honey. The keeper of the lighthouse of Ölhafen is called Jörg.\n"

LONG = (
    "Bees bring honey from the flowers of every garden between the harbour and the hills, from the clover along the"
    " railway, from the lime trees in the square and from the heather that nobody owns but everybody loves."
)


@asynccontextmanager
async def serving(path: Path, options: Options | None = None) -> AsyncIterator[tuple[str, Service]]:
    """The service on a free port: its address."""
    async with open_service(path, options=options or Options()) as service, trio.open_nursery() as nursery:
        listener = listen("127.0.0.1", 0)
        app = guarded(service.app, AllowedHosts.of(()))
        nursery.start_soon(partial(serve_app, app, listener, stopping=trio.Event()))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", service
        nursery.cancel_scope.cancel()


async def test_upload_ask_and_stream_over_a_port(tmp_path: Path) -> None:
    async with serving(tmp_path / "s.db") as (address, service):
        async with httpx.AsyncClient(base_url=address, timeout=30) as client:
            box = Box(service, client)
            await box.new_store()
            assert (await box.start()).startswith(f"{address}/upload/v1beta/{box.store}:")
            await box.active(LONG.encode(), "long.txt")
            body = {
                "contents": [{"parts": [{"text": "where do bees bring honey from?"}]}],
                "tools": [{"file_search": {"file_search_store_names": [box.store]}}],
            }
            url = "/v1/models/gemini-m:streamGenerateContent?alt=sse"
            async with client.stream("POST", url, json=body) as answer:
                assert answer.headers["content-type"].startswith("text/event-stream")
                events = [line async for line in answer.aiter_lines() if line]
            assert len(events) > 1
            assert all(line.startswith("data: {") for line in events)


async def test_chunks_of_eight_mebibytes_over_a_port(tmp_path: Path) -> None:
    async with serving(tmp_path / "s.db", Options(settle_seconds=1e6)) as (address, service):
        async with httpx.AsyncClient(base_url=address, timeout=60) as client:
            box = Box(service, client)
            await box.new_store()
            url = await box.start(2 * GRANULARITY + 5)
            ok(await box.command(url, "upload", b"y" * GRANULARITY, 0))
            query = await box.command(url, "query")
            assert query.headers["x-goog-upload-size-received"] == str(GRANULARITY)
            final = await box.command(url, "upload, finalize", b"y" * (GRANULARITY + 5), GRANULARITY)
            document = ok(final)["response"]["documentName"]
            assert (await box.get(document))["sizeBytes"] == str(2 * GRANULARITY + 5)


def use_sdk(genai: Any, address: str, folder: Path) -> None:
    """Use google-genai from the first store to the last delete."""
    client = genai.Client(api_key="any", http_options=genai.types.HttpOptions(base_url=address))
    stores = client.file_search_stores
    store = stores.create(config={"display_name": "probe store"})
    assert store.name.startswith("fileSearchStores/probe-store-")
    assert stores.get(name=store.name).display_name == "probe store"
    path = folder / "hello.txt"
    path.write_text(LINES, encoding="utf-8")
    operation = stores.upload_to_file_search_store(
        file_search_store_name=store.name,
        file=str(path),
        config={
            "display_name": "hello Ω",
            "custom_metadata": [
                {"key": "author", "string_value": "Ada"},
                {"key": "year", "numeric_value": 1843},
                {"key": "tags", "string_list_value": {"values": ["a", "b"]}},
            ],
            "chunking_config": {
                "white_space_config": {"max_tokens_per_chunk": 200, "max_overlap_tokens": 20}
            },
        },
    )
    while not operation.done:
        operation = client.operations.get(operation)
    assert operation.error is None
    large = io.BytesIO(LINES.encode() * (9 * 1024 * 1024 // len(LINES)))
    uploads = [(large, "large.txt"), (io.BytesIO(b""), "empty.txt")]
    for stream, name in uploads:
        stores.upload_to_file_search_store(
            file_search_store_name=store.name,
            file=stream,
            config={"display_name": name, "mime_type": "text/plain"},
        )
    file = client.files.upload(file=str(path), config={"name": "probe123", "display_name": "hello"})
    assert client.files.get(name=file.name).size_bytes == len(LINES.encode())
    assert [each.name for each in client.files.list()] == ["files/probe123"]
    operation = stores.import_file(file_search_store_name=store.name, file_name=file.name)
    while not operation.done:
        operation = client.operations.get(operation)
    assert operation.response.document_name.startswith("probe123-")
    documents = {document.display_name: document for document in stores.documents.list(parent=store.name)}
    assert set(documents) == {"hello Ω", "large.txt", "empty.txt", "probe123"}
    assert documents["hello Ω"].custom_metadata[1].numeric_value == 1843
    search = genai.types.FileSearch(
        file_search_store_names=[store.name], metadata_filter='author = "Ada"', top_k=3
    )
    config = genai.types.GenerateContentConfig(tools=[genai.types.Tool(file_search=search)])
    question = "How is the keeper of the lighthouse of Ölhafen called?"
    answer = client.models.generate_content(model="gemini-2.5-flash", contents=question, config=config)
    grounding = answer.candidates[0].grounding_metadata
    assert {chunk.retrieved_context.title for chunk in grounding.grounding_chunks} == {"hello Ω"}
    segment = grounding.grounding_supports[0].segment
    assert answer.text.encode()[segment.start_index or 0 : segment.end_index].decode() == segment.text
    stream = client.models.generate_content_stream(model="gemini-2.5-flash", contents=question, config=config)
    assert "".join(event.text or "" for event in stream) == answer.text
    assert client.models.count_tokens(model="gemini-2.5-flash", contents="hi").total_tokens == 1
    with pytest.raises(genai.errors.ClientError, match="FAILED_PRECONDITION"):
        stores.documents.delete(name=documents["hello Ω"].name)
    stores.documents.delete(name=documents["hello Ω"].name, config={"force": True})
    client.files.delete(name=file.name)
    stores.delete(name=store.name, config={"force": True})
    with pytest.raises(genai.errors.ClientError, match="404"):
        stores.get(name=store.name)
    assert list(stores.list()) == []
    client.close()


def installed(package: str) -> bool:
    """Whether a package, or a part of a namespace package, can be imported."""
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.skipif(not installed("google.genai"), reason="google-genai is not installed")
@pytest.mark.filterwarnings("ignore")  # they are the SDK's own
async def test_the_official_sdk_finds_nothing_missing(tmp_path: Path) -> None:
    genai = importlib.import_module("google.genai")
    importlib.import_module("google.genai.errors")
    async with serving(tmp_path / "s.db") as (address, _):
        await trio.to_thread.run_sync(use_sdk, genai, address, tmp_path)
