"""Clients of a raw socket: one that asks, one that is cut, one that is slow, one that is silent."""

import socket
import struct
from contextlib import suppress
from random import Random
from typing import Final, NamedTuple

import trio

ANSWER_SECONDS: Final = 120.0
"""Seconds that a client waits for an answer."""


class Answer(NamedTuple):
    """An answer; status 0 where the connection ended instead."""

    status: int
    headers: dict[str, str]
    body: bytes


async def ask(port: int, data: bytes) -> Answer:
    """Send bytes, end the sending side, and read until the answer is there.

    Raises:
        OSError: no connection, or no answer in time.
    """
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    try:
        with trio.move_on_after(ANSWER_SECONDS) as scope:
            with suppress(trio.BrokenResourceError):
                await stream.send_all(data)
            with suppress(trio.BrokenResourceError, OSError):
                await stream.send_eof()
            return await _answer(stream)
        assert scope.cancelled_caught
        raise OSError(f"no answer within {ANSWER_SECONDS:g} s to {data[:100]!r}")
    finally:
        await trio.aclose_forcefully(stream)


async def _answer(stream: trio.SocketStream) -> Answer:
    data = b""
    with suppress(trio.BrokenResourceError):
        while piece := await stream.receive_some(65536):
            data += bytes(piece)
            head, end, body = data.partition(b"\r\n\r\n")
            if head.startswith(b"HTTP/1.1 100"):
                data = body
            elif end and (size := _headers(head).get("content-length")) and len(body) >= int(size):
                break
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        return Answer(0, {}, data)
    return Answer(int(head.split(b" ", 2)[1]), _headers(head), body)


def _headers(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


async def cut(port: int, path: str, number: int, seed: int) -> None:
    """A request that is cut somewhere: in its head, in its body, after 100 Continue, or in the answer.

    Raises:
        OSError: no connection.
    """
    rng = Random(f"{seed} cut {number}")
    protocol = rng.choice([b"raw", b"resumable", b"multipart", b"none"])
    size = rng.choice([2, 5_000, 200_000, 3_000_000])
    head = b"POST " + path.encode() + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Goog-Upload-Protocol: " + protocol
    head += b"\r\nContent-Type: application/json\r\nX-Goog-Upload-Command: start\r\n"
    expects = rng.random() < 0.4
    head += b"Expect: 100-continue\r\n" * expects + f"Content-Length: {size}\r\n\r\n".encode()
    whole = head + b"{" + b" " * (size - 2) + b"}"
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    with trio.move_on_after(ANSWER_SECONDS), suppress(trio.BrokenResourceError):
        if expects:
            await stream.send_all(head)
            await stream.receive_some(1000)
            await stream.send_all(whole[len(head) :][: rng.randrange(size)])
        else:
            await stream.send_all(
                whole[: rng.choice([rng.randrange(len(head)), rng.randrange(len(whole)), len(whole)])]
            )
        if rng.random() < 0.3:
            await stream.send_all(b"GET /v1beta/fileSearchStores HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 20)
            with trio.move_on_after(0.02):
                await stream.receive_some(10)
        if rng.random() < 0.3:
            await trio.sleep(rng.random() * 0.02)  # real time
    if rng.random() < 0.7:  # with a reset, as a dying process or a cut line does
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stream.socket.close()
    await trio.aclose_forcefully(stream)


async def slow(port: int, seconds: float) -> Answer:
    """A request that comes a byte at a time; its answer comes as if it were a fast one.

    Raises:
        OSError: no connection.
    """
    data = b"GET /v1beta/fileSearchStores HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    try:
        for at in range(len(data)):
            await stream.send_all(data[at : at + 1])
            await trio.sleep(seconds / len(data))  # real time
        return await _answer(stream)
    except trio.BrokenResourceError:
        return Answer(0, {}, b"")
    finally:
        await trio.aclose_forcefully(stream)


async def silent(port: int, seconds: float) -> None:
    """A connection that sends half a head and no more, and goes after some time.

    Raises:
        OSError: no connection.
    """
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    try:
        with suppress(trio.BrokenResourceError):
            await stream.send_all(b"GET /v1beta/fileSea")
            await trio.sleep(seconds)  # real time
    finally:
        await trio.aclose_forcefully(stream)
