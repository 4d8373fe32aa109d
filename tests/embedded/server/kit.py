"""A connection in memory, whose limits run in virtual time, and a server on a real port."""

import json
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import h11
import trio
import trio.testing
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from objlib.embedded.server import Limits, listen, serve_app
from objlib.embedded.server.connection import DEFAULT_LIMITS, Connection
from objlib.embedded.server.silence import SilentConnections

GET = b"GET /a?b=c HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


class Echo:
    """An app that reads the body of each request, unless its path is ``/refuse``, and says what it got."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []
        self.disconnects = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        body = b""
        while scope["path"] != "/refuse":
            message = await receive()
            if message["type"] == "http.disconnect":
                self.disconnects += 1
                break
            body += message["body"]
            if not message["more_body"]:
                break
        if scope["path"] == "/fail":
            raise ZeroDivisionError("the app is broken")
        if scope["path"] == "/break":
            raise ConnectionResetError("the app breaks the connection")
        answer = body or scope["path"].encode()
        if scope["path"] == "/large":
            answer = b"y" * 5_000_000
        start: Message = {
            "type": "http.response.start",
            "status": 400 if scope["path"] == "/refuse" else 200,
            "headers": [(b"content-length", str(len(answer)).encode())],
        }
        await send(start)
        await send({"type": "http.response.body", "body": answer})


class Client:
    """The client's end of a connection: bytes out, whole answers in."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self._http = h11.Connection(h11.CLIENT)

    async def ask(self, data: bytes, method: bytes = b"GET") -> tuple[int, bytes]:
        """Send bytes, and read one answer: its status and body."""
        await self.stream.send_all(data)
        return await self.answer(method)

    async def answer(self, method: bytes = b"GET") -> tuple[int, bytes]:
        """Read one answer; status 0 if the connection ends instead."""
        if self._http.our_state is h11.DONE:
            self._http.start_next_cycle()
        self._http.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
        self._http.send(h11.EndOfMessage())
        status, body = 0, b""
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                data = await self.stream.receive_some(65536)
                if not data and not status:
                    return 0, b""
                self._http.receive_data(bytes(data))
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                return status, body

    async def ends(self) -> bool:
        """Wait for the end of the connection; whether it ends without further bytes."""
        with suppress(trio.BrokenResourceError):
            return not await self.stream.receive_some(10)
        return True


def error(body: bytes) -> dict[str, Any]:
    """The error of an answer, which is in the shape of the API."""
    envelope: dict[str, Any] = json.loads(body)["error"]
    assert set(envelope) == {"code", "message", "status"}
    return envelope


@asynccontextmanager
async def connected(
    app: ASGIApp,
    limits: Limits = DEFAULT_LIMITS,
    *,
    lockstep: bool = False,
    silent: SilentConnections | None = None,
) -> AsyncIterator[Client]:
    """A client of one connection in memory; ``lockstep`` holds no byte that the other end has not read."""
    pair = trio.testing.lockstep_stream_pair if lockstep else trio.testing.memory_stream_pair
    ours, theirs = pair()
    ends = ("127.0.0.1", 5000), ("127.0.0.1", 8765)

    async def serve(task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        silence = silent or SilentConnections(10)
        with silence.room():
            task_status.started()
            await Connection(app, theirs, ends, silence, limits).run()
        await trio.aclose_forcefully(theirs)

    async with trio.open_nursery() as nursery:
        await nursery.start(serve)
        yield Client(ours)
        await trio.aclose_forcefully(ours)
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def on_a_port(app: ASGIApp, limits: Limits = DEFAULT_LIMITS) -> AsyncIterator[int]:
    """The app on a free port of 127.0.0.1."""
    listener = listen("127.0.0.1", 0)
    stopping = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(serve_app, app, listener, stopping=stopping, limits=limits, grace=1.0))
        yield listener.getsockname()[1]
        stopping.set()


def reset(stream: trio.SocketStream) -> None:
    """Close a connection with a reset, as a dying process or a cut line does."""
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.socket.close()
