"""Over a real port: streaming, large bodies, and two clients that are not ours where they are installed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

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
