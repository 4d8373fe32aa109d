"""A proxy that breaks answers in seven ways, in front of a service that is sound.

It forwards one request at a time on each connection, and breaks a share of the answers by a seeded choice. It can also
turn a service that refuses into one that is overloaded: each 429 becomes a 503 without a hint.
"""

import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import trio

from .served import Seen

WAYS: Final = ("500", "503", "502", "dropped before", "dropped after", "truncated", "silence")
"""Server errors (503 with a Retry-After of 1 s, 502 in HTML), connections dropped before and after the service acted,
an answer cut in its JSON, and a connection that is dropped after 1.5 s of silence."""
QUICK: Final = WAYS[:-1]
"""Those that take no time of their own."""
ACTED: Final = ("dropped after", "truncated")
"""Those of requests on which the service acted, so that they count against its quota."""
SILENCE: Final = 1.5
"""Seconds."""
CANNED: Final = {
    "500": b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    "503": b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
    "overload": b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
    "502": b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 24\r\n\r\n<h1>502 Bad Gateway</h1>",
}


@dataclass
class Proxy:
    """The proxy.

    Attributes:
        upstream: address of the sound service.
        share: of the answers, those that break.
        rng: the choice.
        ways: in which they break.
        overload: whether a refusal becomes a server error.
        requests: forwarded and broken ones.
        broken: the broken ones.
        seen: every request, as the clients were answered.
    """

    upstream: str
    share: float
    rng: random.Random
    ways: tuple[str, ...] = WAYS
    overload: bool = False
    url: str = ""
    requests: int = 0
    broken: int = 0
    seen: list[Seen] = field(default_factory=list)

    async def serve(self, client: trio.SocketStream) -> None:
        """Serve one connection; either side may go away at any time."""
        address = urlsplit(self.upstream)
        assert address.hostname is not None
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError, OSError):
            server = await trio.open_tcp_stream(address.hostname, address.port or 80)
            async with client, server:
                incoming, outgoing = Messages(client), Messages(server)
                while (request := await incoming.receive()) is not None:
                    if not await self._exchange(request, client, server, outgoing):
                        return

    async def _exchange(
        self, request: bytes, client: trio.SocketStream, server: trio.SocketStream, outgoing: "Messages"
    ) -> bool:
        """Answer one request; whether the connection goes on."""
        self.requests += 1
        at, path = time.time(), request.split(b" ", 2)[1].decode("ascii", "replace")
        way = self.rng.choice(self.ways) if self.rng.random() < self.share else ""
        self.broken += bool(way)
        if way in {*CANNED, "dropped before"}:
            self.seen.append(Seen(at, path, admitted=False, wait=0.0, broken=True))
        if way == "dropped before":
            return False
        if way in CANNED:
            await client.send_all(CANNED[way])
            return True
        await server.send_all(request)
        reply = await outgoing.receive()
        admitted = reply is not None and reply.split(b" ", 2)[1] != b"429"
        self.seen.append(
            Seen(at, path, admitted=admitted and not way, wait=0.0, broken=admitted and bool(way))
        )
        if self.overload and not admitted and reply is not None:
            await client.send_all(CANNED["overload"])
            return True
        if reply is None or way == "dropped after":
            return False
        if way == "silence":
            await trio.sleep(SILENCE)
            return False
        await client.send_all(_truncated(reply) if way == "truncated" else reply)
        return True


class Messages:
    """HTTP/1.1 messages of a stream: a head, and as many bytes as its Content-Length says."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._data = bytearray()

    async def receive(self) -> bytes | None:
        """Receive a whole message; None at the end of the stream."""
        while (end := self._data.find(b"\r\n\r\n")) < 0:
            if not await self._more():
                return None
        size = end + 4 + _length(bytes(self._data[:end]))
        while len(self._data) < size:
            if not await self._more():
                return None
        message = bytes(self._data[:size])
        del self._data[:size]
        return message

    async def _more(self) -> bool:
        more = await self._stream.receive_some()
        self._data += more
        return bool(more)


def _length(head: bytes) -> int:
    """Content-Length of a head; 0 without one."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0


def _truncated(reply: bytes) -> bytes:
    """Cut half of the body, with a Content-Length that fits."""
    head, _, body = reply.partition(b"\r\n\r\n")
    half = body[: len(body) // 2]
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
    return b"\r\n".join([*lines, b"Content-Length: %d" % len(half)]) + b"\r\n\r\n" + half


@asynccontextmanager
async def breaking(
    upstream: str, share: float, seed: int, *, ways: tuple[str, ...] = WAYS, overload: bool = False
) -> AsyncIterator[Proxy]:
    """Open the proxy on a free port of 127.0.0.1."""
    proxy = Proxy(upstream, share, random.Random(seed), ways, overload)
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    proxy.url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_listeners, proxy.serve, listeners)
        yield proxy
        nursery.cancel_scope.cancel()
