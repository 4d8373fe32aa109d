"""A File Search service that follows a script: it answers what it was told to, in order, and remembers what it saw."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import trio

from objlib.gemini import Client, Endpoint, open_client

KEY = "test-key-0123456789"
HOST = "http://box.test"
STORE = "fileSearchStores/library-abc123def456"
SESSION = (
    f"{HOST}/upload/v1beta/{STORE}:uploadToFileSearchStore?upload_id=s3cr3t-session&upload_protocol=resumable"
)


@dataclass(frozen=True)
class Reply:
    """One answer; ``content`` that is not bytes is sent as JSON."""

    status: int = 200
    content: Any = b""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        return self.content if isinstance(self.content, bytes) else json.dumps(self.content).encode()


@dataclass(frozen=True)
class Seen:
    """One request."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    pieces: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)


HANG = object()
"""An answer that never comes."""


@dataclass
class Service:
    """The ASGI application. An exception among the answers is raised; a callable is asked for the answer."""

    answers: list[Any] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)

    async def __call__(
        self, scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]
    ) -> None:
        body, pieces, more = b"", 0, True
        while more:
            message = await receive()
            body += message.get("body", b"")
            pieces += bool(message.get("body"))
            more = message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.seen.append(
            Seen(scope["method"], scope["path"], scope["query_string"].decode(), headers, body, pieces)
        )
        answer = self.answers.pop(0)
        if answer is HANG:
            await trio.sleep_forever()
        if isinstance(answer, BaseException):
            raise answer
        raw = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": raw})
        await send({"type": "http.response.body", "body": answer.body})


@asynccontextmanager
async def scripted(*answers: Any, key: str = KEY) -> AsyncIterator[tuple[Client, Service]]:
    """A client of a service with these answers; every one of them has to be used."""
    service = Service(list(answers))
    async with open_client(Endpoint(HOST, key), asgi=service) as client:
        yield client, service
    assert not service.answers, "not every answer was asked for"


def refusal(code: int, message: str = "", status: str = "", *details: dict[str, Any]) -> Reply:
    """An error envelope."""
    return Reply(
        code, {"error": {"code": code, "message": message, "status": status, "details": list(details)}}
    )


def started(url: str = SESSION) -> Reply:
    """The answer to a start."""
    return Reply(headers={"X-Goog-Upload-Status": "active", "X-Goog-Upload-URL": url})


def stands(status: str, content: Any = b"", received: int | None = None, code: int = 200) -> Reply:
    """The answer to a chunk or a query."""
    headers = {"X-Goog-Upload-Status": status}
    if received is not None:
        headers["X-Goog-Upload-Size-Received"] = str(received)
    return Reply(code, content, headers)
