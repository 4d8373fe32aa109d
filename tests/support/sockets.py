"""A real port on this machine, answered byte by byte: for what only a network can do wrong."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import trio

Handler = Callable[[trio.SocketStream, int], Awaitable[None]]
"""Serves one connection; the number says how many there were before it."""


@asynccontextmanager
async def port(handler: Handler) -> AsyncIterator[str]:
    """The address of a listening port; every connection is closed on the way out."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    count = 0

    async def serve(stream: trio.SocketStream) -> None:
        nonlocal count
        number, count = count, count + 1
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):  # the client may go away
            await handler(stream, number)

    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_listeners, serve, listeners)
        name = listeners[0].socket.getsockname()
        yield f"http://{name[0]}:{name[1]}"
        nursery.cancel_scope.cancel()


async def request(stream: trio.SocketStream) -> bytes:
    """One request, head and body; empty when the client closed the connection instead."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = await stream.receive_some()
        if not more:
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            while len(body) < int(value):
                body += await stream.receive_some()
    return head + b"\r\n\r\n" + body


def reply(status: str, body: bytes = b"", *headers: str) -> bytes:
    """An answer with a Content-Length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def reset(stream: trio.SocketStream) -> None:
    """Close with a reset instead of an orderly end."""
    linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    stream.socket.close()


async def unused() -> str:
    """An address that refuses connections."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    name = listeners[0].socket.getsockname()
    await listeners[0].aclose()
    return f"http://{name[0]}:{name[1]}"
