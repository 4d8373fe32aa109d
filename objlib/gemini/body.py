"""Bodies of requests and of answers, whichever transport carries them."""

import zlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final, Protocol, cast

import httpx
import trio

WRITE_SIZE: Final = 64 * 1024
"""Bytes handed to an application of this process, or to httpx's transport, at once. The write timeout of the latter is
per piece, so a slow line may take longer."""
MAX_BODY: Final = 64 * 1024 * 1024
"""Bytes of an answer at most, packed or unpacked; a longer one is no answer of this API."""
CLOSE_SECONDS: Final = 1.0
"""Seconds that closing an answer may take after a cancellation: it hands its connection back and does no more."""


class Pieces(httpx.AsyncByteStream):
    """A body in memory; its request has to have the Content-Length, or it would be chunk-encoded.

    Not a generator: httpx leaves one unfinished when the connection breaks under it.

    Attributes:
        view: the whole body, for a transport that need not cut it.
    """

    def __init__(self, content: bytes) -> None:
        self.view = memoryview(content)
        self._sent = 0

    def __aiter__(self) -> "Pieces":
        return self

    async def __anext__(self) -> bytes:
        """The next piece; a checkpoint, for applications that take the body in this process."""
        await trio.lowlevel.checkpoint()
        piece = bytes(self.view[self._sent : self._sent + WRITE_SIZE])
        if not piece:
            raise StopAsyncIteration
        self._sent += len(piece)
        return piece


class BodySource(Protocol):
    """Bytes that are made while they are sent."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    async def take(self) -> memoryview:
        """The next of them, valid until the next call; empty at the end. It raises whatever it likes."""
        ...


class BodySourceError(Exception):
    """A source gave up: the request ended before its body did, so it was not carried out. The cause says why."""


class Streamed(httpx.AsyncByteStream):
    """A body from a source; it is sent once."""

    def __init__(self, source: BodySource) -> None:
        self._source = source
        self._piece = memoryview(b"")

    def __aiter__(self) -> "Streamed":
        return self

    async def take(self) -> memoryview:
        """The next bytes, valid until the next call; empty at the end.

        Raises:
            BodySourceError: the source raised.
        """
        try:
            return await self._source.take()
        except Exception as error:
            raise BodySourceError from error

    async def __anext__(self) -> bytes:
        """The next piece, for other transports than our own."""
        await trio.lowlevel.checkpoint()
        self._piece = self._piece or await self.take()
        if not self._piece:
            raise StopAsyncIteration
        piece, self._piece = bytes(self._piece[:WRITE_SIZE]), self._piece[WRITE_SIZE:]
        return piece


class BodyError(ValueError):
    """A body that is too long, or not packed as its Content-Encoding says."""


class Received:
    """The body of an answer as it arrives.

    Raises:
        BodyError: on :meth:`add`, when it is longer than :data:`MAX_BODY`.
    """

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, part: bytes) -> None:
        """Take the next part."""
        self._size += len(part)
        if self._size > MAX_BODY:
            raise BodyError(f"the answer is longer than {MAX_BODY // 2**20} MiB")
        self._parts.append(part)

    def whole(self) -> bytes:
        """The parts so far."""
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)


class Whole(httpx.AsyncByteStream):
    """The body of an answer that was read to its end."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self._ended = False

    def __aiter__(self) -> "Whole":
        return self

    async def __anext__(self) -> bytes:
        """The body, once."""
        if self._ended:
            raise StopAsyncIteration
        self._ended = True
        return self.content


async def read_whole(answer: httpx.Response) -> bytes:
    """The body of an answer, which is closed afterwards.

    Raises:
        BodyError: it is too long.
        httpx.TransportError: the connection broke before its end.
    """
    if isinstance(answer.stream, Whole):
        return answer.stream.content
    received = Received()
    try:
        async with aclosing(cast("AsyncGenerator[bytes]", answer.aiter_raw())) as parts:
            async for part in parts:
                received.add(part)
    finally:
        with trio.move_on_after(CLOSE_SECONDS, shield=True):
            await answer.aclose()
    return received.whole()


def unpacked(body: bytes, encoding: str) -> bytes:
    """``body`` without its Content-Encoding, of which only gzip is asked for.

    Not left to httpx, which leaves the generators of a stream unfinished when a decoder fails in it.

    Raises:
        BodyError: it cannot be unpacked, or is longer than :data:`MAX_BODY`.
    """
    if encoding.strip().lower() not in {"gzip", "x-gzip"} or not body:
        return body
    unpacker = zlib.decompressobj(wbits=31)
    try:
        content = unpacker.decompress(body, MAX_BODY)
    except zlib.error as error:
        raise BodyError(str(error)) from error
    if not unpacker.eof:
        raise BodyError("it is cut off or too long")
    return content
