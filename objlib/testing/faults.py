"""Scripted faults: ASGI middleware around the embedded service, and the history of its requests.

For each request the middleware decides which response the client gets, and whether the service acts at once,
late or never. It works in process (``Options.middleware``, or :meth:`Faults.around`) and behind a port.
"""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import assert_never

import trio
from starlette.middleware import Middleware
from starlette.requests import Request as AsgiRequest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from objlib.testing.actions import Action, ActLate, Alter, Delay, Drop, Refuse, Respond, Response, Script
from objlib.testing.history import Request, document_of, kind_of, tags_of, target_of

RequestHook = Callable[[Request], Awaitable[None]]
"""Called with a request right before the service acts on it."""


@dataclass
class Faults:
    """A script, and the record of the requests it was applied to.

    Attributes:
        script: the action for each request.
        history: every request, in the order of arrival.
        before: called with each request's kind before anything happens to it.
        in_flight: unanswered requests by kind.
        answered: time of the last response, on trio's clock.
        travel: latency in seconds of a request, by kind and number, and of its response.
        watch: called with each request right before the service acts on it.
    """

    script: Script = lambda _kind, _count: None
    history: list[Request] = field(default_factory=list)
    count: Counter[str] = field(default_factory=Counter)
    in_flight: Counter[str] = field(default_factory=Counter)
    answered: float = 0.0
    before: Callable[[str], None] = lambda _kind: None
    travel: Callable[[str, int], tuple[float, float]] = lambda _kind, _count: (0.0, 0.0)
    watch: RequestHook | None = None
    _late: trio.Nursery | None = field(default=None, init=False)
    _outstanding: int = field(default=0, init=False)
    _idle: trio.Event | None = field(default=None, init=False)

    @property
    def seen(self) -> list[tuple[float, str]]:
        """(time, kind) of every request."""
        return [(request.moment, request.kind) for request in self.history]

    async def settled(self) -> None:
        """Wait until no late action is outstanding."""
        await trio.lowlevel.checkpoint()
        if self._outstanding:
            self._idle = trio.Event()
            await self._idle.wait()

    def middleware(self) -> Middleware:
        """Return the middleware for ``Options.middleware``."""
        return Middleware(self.around)

    def around(self, app: ASGIApp, client: str = "") -> ASGIApp:
        """Wrap ``app``; its requests are recorded as those of ``client``."""

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            kind = kind_of(scope)
            self.in_flight[kind] += 1
            try:
                request = Request(trio.current_time(), len(self.history), kind, client, target_of(scope))
                await self._serve(app, request, scope, receive, send)
            finally:
                self.in_flight[kind] -= 1
                self.answered = trio.current_time()

        return serve

    @asynccontextmanager
    async def acting_late(self) -> AsyncIterator[None]:
        """Allow :class:`ActLate` while open; the end cancels what is outstanding."""
        async with trio.open_nursery() as nursery:
            self._late = nursery
            try:
                yield
            finally:
                self._late = None
                nursery.cancel_scope.cancel(reason="the service is closed")

    async def _act_late(
        self, app: ASGIApp, scope: Scope, request: Request, body: bytes, seconds: float
    ) -> None:
        if self._late is None:
            raise RuntimeError("a late action needs Faults.acting_late")

        async def act() -> None:
            try:
                await trio.sleep(seconds)
                await self._act(app, scope, request, body)
            finally:
                self._outstanding -= 1
                if not self._outstanding and self._idle is not None:
                    self._idle.set()

        self._outstanding += 1
        self._late.start_soon(act)
        await trio.lowlevel.checkpoint()

    async def _act(self, app: ASGIApp, scope: Scope, request: Request, body: bytes) -> Response:
        """Let the service act, and record its response."""
        if self.watch is not None:
            await self.watch(request)
        status: list[int] = []
        headers: list[tuple[bytes, bytes]] = []
        parts: list[bytes] = []
        pending = [body]

        async def receive() -> Message:
            await trio.lowlevel.checkpoint()
            return {"type": "http.request", "body": pending.pop() if pending else b"", "more_body": False}

        async def send(message: Message) -> None:
            await trio.lowlevel.checkpoint()
            if message["type"] == "http.response.start":
                status.append(message["status"])
                headers.extend(message.get("headers", []))
            else:
                parts.append(message.get("body", b""))

        await app(scope, receive, send)
        response = Response(status[0], tuple(headers), b"".join(parts))
        request.acted, request.status = trio.current_time(), response.status
        if request.kind in {"send", "import"}:
            request.document = document_of(response.body)
        return response

    async def _serve(
        self, app: ASGIApp, request: Request, scope: Scope, receive: Receive, send: Send
    ) -> None:
        kind = request.kind
        number = self.count[kind]
        action = self.script(kind, number)
        request.action = _label(action)
        self.history.append(request)
        self.count[kind] += 1
        self.before(kind)
        there, back = self.travel(kind, number)
        if isinstance(action, Refuse):
            raise ConnectionRefusedError("the script refuses the connection")
        body = await AsgiRequest(scope, receive).body()
        if kind in {"start", "import"}:
            request.tags = tags_of(body)
        await trio.sleep(there)
        response = await self._play(action, app, scope, request, body)
        await trio.sleep(back)
        await send(
            {"type": "http.response.start", "status": response.status, "headers": list(response.headers)}
        )
        await send({"type": "http.response.body", "body": response.body})

    async def _play(
        self, action: Action | None, app: ASGIApp, scope: Scope, request: Request, body: bytes
    ) -> Response:
        match action:
            case None:
                return await self._act(app, scope, request, body)
            case Respond(status, content, headers, act):
                if act:
                    await self._act(app, scope, request, body)
                return Response(status, headers, content)
            case Drop(act):
                if act:
                    await self._act(app, scope, request, body)
                raise ConnectionResetError("the script breaks the connection")
            case ActLate(seconds):
                await self._act_late(app, scope, request, body, seconds)
                raise ConnectionResetError("the script breaks the connection, and the service acts later")
            case Delay(seconds):
                response = await self._act(app, scope, request, body)
                await trio.sleep(seconds)
                return response
            case Alter(_, change):
                response = change(await self._act(app, scope, request, body))
                length = str(len(response.body)).encode()
                others = [pair for pair in response.headers if pair[0] != b"content-length"]
                return Response(response.status, (*others, (b"content-length", length)), response.body)
            case Refuse():
                raise AssertionError("refused before its body was read")
            case _:
                assert_never(action)


def _label(action: Action | None) -> str:
    match action:
        case None:
            return ""
        case Respond(status, _, _, act):
            return f"{status}{', acted' if act else ''}"
        case Drop(act):
            return "acted, answer lost" if act else "lost before acting"
        case ActLate(seconds):
            return f"lost, acts {seconds:g} s later"
        case Delay(seconds):
            return f"answers {seconds:g} s later"
        case Alter(name, _):
            return name
        case Refuse():
            return "refused"
        case _:
            assert_never(action)
