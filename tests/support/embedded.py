"""A service in a box, as a client sees it: short calls over the ASGI app, and a clock that is trio's."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import trio

from objlib.embedded import Options, Service, open_service
from objlib.testing import wall_clock
from objlib.threads import Runner, inline_runner

V = "/v1beta"


def start_headers(size: int | None = None, mime_type: str = "text/plain", **more: str) -> dict[str, str]:
    """Headers of the start command."""
    headers = {"X-Goog-Upload-Protocol": "resumable", "X-Goog-Upload-Command": "start"}
    if mime_type:
        headers["X-Goog-Upload-Header-Content-Type"] = mime_type
    if size is not None:
        headers["X-Goog-Upload-Header-Content-Length"] = str(size)
    return headers | more


class Whole(httpx.AsyncByteStream):
    """A body in one piece; unlike httpx's own no generator, so the app may leave it before its end."""

    def __init__(self, data: bytes) -> None:
        self._pieces = [data] if data else []

    def __aiter__(self) -> "Whole":
        return self

    async def __anext__(self) -> bytes:
        await trio.lowlevel.checkpoint()
        if not self._pieces:
            raise StopAsyncIteration
        return self._pieces.pop()


@dataclass
class Box:
    """An open service and a client of it."""

    service: Service
    client: httpx.AsyncClient
    store: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, **query: str) -> Any:
        """JSON of a GET that must succeed."""
        return ok(await self.client.get(f"{V}/{path}", params=query, headers=self.headers))

    async def post(self, path: str, body: Any = None) -> Any:
        """JSON of a POST that must succeed."""
        return ok(await self.client.post(f"{V}/{path}", json=body, headers=self.headers))

    async def delete(self, path: str, **query: str) -> Any:
        """JSON of a DELETE that must succeed."""
        return ok(await self.client.delete(f"{V}/{path}", params=query, headers=self.headers))

    async def new_store(self, name: str = "library") -> str:
        """Make a store; it becomes the one the other calls use."""
        self.store = (await self.post("fileSearchStores", {"displayName": name}))["name"]
        return self.store

    async def start(
        self, size: int | None = None, body: Mapping[str, Any] | None = None, *, mime_type: str = "text/plain"
    ) -> str:
        """Begin an upload into the store: its session URL."""
        answer = await self.client.post(
            f"/upload{V}/{self.store}:uploadToFileSearchStore",
            json=dict(body or {}),
            headers=start_headers(size, mime_type) | self.headers,
        )
        assert answer.status_code == 200, answer.text
        assert answer.content == b""
        return answer.headers["x-goog-upload-url"]

    async def command(
        self, url: str, command: str, data: bytes = b"", offset: int | None = None
    ) -> httpx.Response:
        """A command on a session URL, without any key."""
        headers = {"X-Goog-Upload-Command": command}
        if offset is not None:
            headers["X-Goog-Upload-Offset"] = str(offset)
        request = self.client.build_request("POST", url, headers=headers | {"Content-Length": str(len(data))})
        request.stream = Whole(data)
        return await self.client.send(request)

    async def upload(self, data: bytes, name: str = "note.txt", **body: Any) -> str:
        """Upload in one go: the document's full name. It may still be PENDING."""
        mime_type = body.pop("mime_type", "text/plain")
        url = await self.start(len(data), {"displayName": name} | body, mime_type=mime_type)
        answer = ok(await self.command(url, "upload, finalize", data, 0))
        assert "done" not in answer
        return str(answer["response"]["documentName"])

    async def settled(self, document: str) -> dict[str, Any]:
        """The operation of a document once it is done."""
        store, _, doc = document.partition("/documents/")
        while True:
            operation: dict[str, Any] = await self.get(f"{store}/upload/operations/{doc}")
            if operation.get("done"):
                return operation
            await trio.sleep(0.01)  # real time where a test has no virtual clock

    async def active(self, data: bytes, name: str = "note.txt", **body: Any) -> str:
        """Upload and wait until it is ACTIVE."""
        document = await self.upload(data, name, **body)
        assert "error" not in await self.settled(document)
        return document

    async def all_pages(self, path: str, key: str, size: int = 20) -> list[Any]:
        """Everything of a list, page by page."""
        items: list[Any] = []
        token = ""
        while True:
            page = await self.get(path, pageSize=str(size), pageToken=token)
            items += page.get(key, [])
            token = page.get("nextPageToken", "")
            if not token:
                return items

    async def ask(self, question: str, **tool: Any) -> Any:
        """A candidate of generateContent over the store."""
        search = {"fileSearchStoreNames": [self.store]} | tool
        answer = await self.post(
            "models/gemini-test:generateContent",
            {
                "contents": [{"role": "user", "parts": [{"text": question}]}],
                "tools": [{"fileSearch": search}],
            },
        )
        (candidate,) = answer["candidates"]
        return candidate

    async def titles(self, question: str, **tool: Any) -> list[str]:
        """Titles of the passages that a question finds, best first."""
        grounding = (await self.ask(question, **tool))["groundingMetadata"]
        return [chunk["retrievedContext"]["title"] for chunk in grounding.get("groundingChunks", [])]


def ok(answer: httpx.Response) -> Any:
    """JSON of an answer that must be a success, which is 200 and nothing else."""
    assert answer.status_code == 200, answer.text
    return json.loads(answer.content or b"{}")


def refused(answer: httpx.Response, code: int, status: str, message: str = "") -> dict[str, Any]:
    """The error of an answer, checked against the envelope."""
    error: dict[str, Any] = answer.json()["error"]
    assert (answer.status_code, error["code"], error["status"]) == (code, code, status), answer.text
    assert message in error["message"], error["message"]
    return error


@asynccontextmanager
async def open_box(
    path: Path,
    *,
    options: Options | None = None,
    now: Callable[[], float] = wall_clock,
    runner: Runner | None = inline_runner,
    store: bool = True,
) -> AsyncIterator[Box]:
    """Open the service over ``path`` with a client and, unless told not to, a store."""
    async with open_service(path, runner=runner, now=now, options=options or Options()) as service:
        transport = httpx.ASGITransport(service.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://box.test") as client:
            box = Box(service, client)
            if store:
                await box.new_store()
            yield box
