"""A misbehaving service: ASGI middleware that follows a script, and keeps the history of requests."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import trio
from starlette.middleware import Middleware

Scope = dict[str, Any]
App = Callable[..., Any]


@dataclass(frozen=True)
class Reply:
    """An answer of the script's own instead of the service's; with ``act`` the service acts all the same."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    act: bool = False


def throttled(seconds: float) -> Reply:
    """A rate limit that says when to come back."""
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{seconds}s"}]
    return refusal(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota", details)


def refusal(code: int, status: str, message: str, details: list[dict[str, Any]] | None = None) -> Reply:
    """An error envelope as the service sends it."""
    error = {"code": code, "status": status, "message": message, "details": details or []}
    return Reply(code, json.dumps({"error": error}).encode())


LOST = Reply(503, b"", act=True)
"""The service acted, and its answer was lost on the way."""
DOWN = Reply(503, b"<html>unavailable</html>")
"""The service did not act."""

Script = Callable[[str, int], Reply | None]
"""From the kind of request and how many of the kind there were before, to an answer; None lets it through."""


@dataclass
class Faults:
    """The script and what was seen. Each seen request is (virtual time, kind)."""

    script: Script = lambda _kind, _count: None
    seen: list[tuple[float, str]] = field(default_factory=list)
    count: Counter[str] = field(default_factory=Counter)
    before: Callable[[str], None] = lambda _kind: None

    def middleware(self) -> Middleware:
        """This, as the embedded service takes it."""
        return Middleware(_Wrapped, faults=self)


class _Wrapped:
    def __init__(self, app: App, faults: Faults) -> None:
        self.app = app
        self.faults = faults

    async def __call__(self, scope: Scope, receive: App, send: App) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        kind = kind_of(scope)
        reply = self.faults.script(kind, self.faults.count[kind])
        self.faults.seen.append((trio.current_time(), kind))
        self.faults.count[kind] += 1
        self.faults.before(kind)
        if reply is None:
            await self.app(scope, receive, send)
            return
        if reply.act:
            await self.app(scope, receive, _swallow)
        await send({"type": "http.response.start", "status": reply.status, "headers": list(reply.headers)})
        await send({"type": "http.response.body", "body": reply.body})


async def _swallow(_message: dict[str, Any]) -> None:
    await trio.lowlevel.checkpoint()


def kind_of(scope: Scope) -> str:
    """What a request is for, in the words of the client's own counters."""
    path, method = scope["path"], scope["method"]
    command = dict(scope["headers"]).get(b"x-goog-upload-command", b"").decode()
    commands = {"start": "start", "query": "query", "cancel": "cancel"}
    if command:
        return commands.get(command, "send")
    if "/operations/" in path:
        return "operation"
    if path.endswith("/documents"):
        return "list"
    if "/documents/" in path:
        return "delete" if method == "DELETE" else "document"
    if ":importFile" in path:
        return "import"
    return "ask" if ":generateContent" in path else "store"
