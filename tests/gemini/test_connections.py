"""The transport over h11: which connection a request takes, what ends it, and what a hostile server can do to it."""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest
import trio
import trio.testing

from objlib.gemini import body, connections
from objlib.gemini.body import BodyError, BodySource, BodySourceError, Pieces, Streamed
from objlib.gemini.connections import Connections
from tests.support.sockets import Handler, port, reply, request
from tests.support.tls import certificate

LIMITS = {"connect": 5.0, "write": 5.0, "read": 5.0, "pool": 5.0}
LONG = 8 * 1024 * 1024


class Sender:
    """Sends requests to one base address over one transport."""

    def __init__(self, transport: httpx.AsyncBaseTransport, base: str) -> None:
        self._transport, self._base = transport, base

    async def send(
        self, method: str = "GET", content: bytes | BodySource = b"", *, path: str = "/", **limits: float
    ) -> tuple[int, bytes]:
        """Send one request; status and body of its answer."""
        url = httpx.URL(self._base + path)
        headers = [("host", url.netloc.decode()), ("content-length", str(len(content)))]
        stream = Pieces(content) if isinstance(content, bytes) else Streamed(content)
        message = httpx.Request(
            method, url, headers=headers, stream=stream, extensions={"timeout": {**LIMITS, **limits}}
        )
        answer = await self._transport.handle_async_request(message)
        return answer.status_code, await body.read_whole(answer)


@asynccontextmanager
async def sender_to(handler: Handler, *, limit: int = 4) -> AsyncIterator[Sender]:
    async with port(handler) as base, Connections(verify=True, limit=limit) as transport:
        yield Sender(transport, base)


def numbered(serve_more: Callable[[int], bool] = lambda _: True) -> Handler:
    """Answers with the number of the connection."""

    async def serve(stream: trio.SocketStream, number: int) -> None:
        while await request(stream):
            await stream.send_all(reply("200 OK", str(number).encode()))
            if not serve_more(number):
                break

    return serve


async def test_the_connection_that_was_used_last_is_used_next() -> None:
    turns = [trio.Event() for _ in range(3)]

    async def serve(stream: trio.SocketStream, number: int) -> None:
        while message := await request(stream):
            if message.startswith(b"GET /together"):
                await turns[number].wait()
            await stream.send_all(reply("200 OK", str(number).encode()))

    async with sender_to(serve) as sender:
        async with trio.open_nursery() as nursery:
            for _ in turns:
                nursery.start_soon(partial(sender.send, path="/together"))
                await trio.testing.wait_all_tasks_blocked(0.01)
            for turn in (turns[2], turns[0], turns[1]):
                turn.set()
                await trio.testing.wait_all_tasks_blocked(0.01)
        assert [await sender.send() for _ in range(3)] == [(200, b"1")] * 3


async def test_a_connection_the_server_closed_while_idle_is_not_used() -> None:
    async with sender_to(numbered(lambda _: False)) as sender:
        for number in range(3):
            assert await sender.send() == (200, str(number).encode())
            await trio.testing.wait_all_tasks_blocked(0.01)


@pytest.mark.parametrize(
    "surplus",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", b"\x00", b"\r\n"],
    ids=["an answer", "a byte", "a line end"],
)
@pytest.mark.parametrize("together", [True, False], ids=["in one packet", "later"])
async def test_unsolicited_bytes_are_no_answer(surplus: bytes, together: bool) -> None:
    answered, sent = [trio.Event(), trio.Event()], [trio.Event(), trio.Event()]

    async def serve(stream: trio.SocketStream, number: int) -> None:
        await request(stream)
        answer = reply("200 OK", str(number).encode())
        if together:
            await stream.send_all(answer + surplus)
        else:
            await stream.send_all(answer)
            await answered[number].wait()
            await stream.send_all(surplus)
        sent[number].set()
        await stream.receive_some()

    async with sender_to(serve) as sender:
        for number in range(2):
            assert await sender.send() == (200, str(number).encode())
            answered[number].set()
            await sent[number].wait()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
        b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nConnection: keep-alive, Close\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    ],
    ids=["close", "http/1.0", "a list with close"],
)
async def test_a_connection_that_is_to_be_closed_is_used_once(answer: bytes) -> None:
    numbers = []

    async def serve(stream: trio.SocketStream, number: int) -> None:
        while await request(stream):
            numbers.append(number)
            await stream.send_all(answer)

    async with sender_to(serve) as sender:
        for _ in range(2):
            assert await sender.send() == (200, b"x")
    assert numbers == [0, 1]


async def test_a_body_without_a_length_ends_with_the_connection() -> None:
    async def serve(stream: trio.SocketStream, _: int) -> None:
        await request(stream)
        await stream.send_all(b"HTTP/1.1 200 OK\r\n\r\nall of ")
        await stream.send_all(b"it")
        await stream.send_eof()
        await stream.receive_some()

    async with sender_to(serve) as sender:
        assert await sender.send() == (200, b"all of it")


async def test_chunks_may_be_cut_anywhere_and_have_extensions_and_trailers() -> None:
    async def serve(stream: trio.SocketStream, number: int) -> None:
        while await request(stream):
            text = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            text += b"2;a=b\r\n%d-\r\nA\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n" % number
            for at in range(len(text)):
                await stream.send_all(text[at : at + 1])

    async with sender_to(serve) as sender:
        for _ in range(2):
            assert await sender.send() == (200, b"0-0123456789")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_interim_answers_are_passed_over(method: str) -> None:
    async def serve(stream: trio.SocketStream, number: int) -> None:
        assert number == 0
        while await request(stream):
            interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
            await stream.send_all(interim + reply("200 OK", b"late"))

    async with sender_to(serve) as sender:
        for _ in range(2):
            assert await sender.send(method, b"x" * 10) == (200, b"late")


async def test_an_interim_answer_does_not_stop_a_long_body() -> None:
    sizes = []

    async def serve(stream: trio.SocketStream, number: int) -> None:
        assert number == 0
        for _ in range(2):
            first = await stream.receive_some(1000)
            await stream.send_all(b"HTTP/1.1 100 Continue\r\n\r\n")
            head, _, rest = bytes(first).partition(b"\r\n\r\n")
            assert head.startswith(b"POST")
            size = len(rest)
            while size < LONG:
                size += len(await stream.receive_some())
            sizes.append(size)
            await stream.send_all(reply("200 OK"))

    async with sender_to(serve) as sender:
        for _ in range(2):
            assert await sender.send("POST", b"x" * LONG) == (200, b"")
    assert sizes == [LONG, LONG]


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])
async def test_an_early_answer_ends_a_body_that_is_not_read(encrypted: bool, tmp_path: Path) -> None:
    numbers = []

    async def serve(stream: trio.SocketStream, number: int) -> None:
        await stream.receive_some(1000)
        numbers.append(number)
        await stream.send_all(reply("413 Too Large", b"too large"))
        await trio.sleep_forever()  # it stays open, and takes nothing more

    async with tls_sender(serve, tmp_path) if encrypted else sender_to(serve) as sender:
        with trio.fail_after(5):
            assert await sender.send("POST", b"x" * LONG * 4, write=60.0) == (413, b"too large")
            assert await sender.send("POST", b"x" * LONG * 4, write=60.0) == (413, b"too large")
    assert numbers == [0, 1], "a connection with half a request on it was used again"


class Source:
    """A body of pieces, of which the last may be an error."""

    def __init__(self, size: int, *pieces: bytes | Exception) -> None:
        self._size, self._pieces = size, [*pieces]

    def __len__(self) -> int:
        return self._size

    async def take(self) -> memoryview:
        await trio.lowlevel.checkpoint()
        piece = self._pieces.pop(0) if self._pieces else b""
        if isinstance(piece, Exception):
            raise piece
        return memoryview(piece)


async def test_a_body_that_is_made_while_it_is_sent_arrives_as_it_is() -> None:
    messages = []

    async def serve(stream: trio.SocketStream, number: int) -> None:
        while message := await request(stream):
            messages.append(message)
            await stream.send_all(reply("200 OK", str(number).encode()))

    async with sender_to(serve) as sender:
        for _ in range(2):
            source = Source(200_000, b"a" * 100_000, b"b" * 100_000)
            assert await sender.send("POST", source) == (200, b"0")
    assert [message.partition(b"\r\n\r\n")[2] for message in messages] == [
        b"a" * 100_000 + b"b" * 100_000
    ] * 2


@pytest.mark.parametrize("error", [ValueError(), OSError(), trio.BrokenResourceError()], ids=repr)
async def test_a_source_that_gives_up_ends_its_request_before_the_body_is_whole(error: Exception) -> None:
    received, closed = bytearray(), trio.Event()

    async def serve(stream: trio.SocketStream, number: int) -> None:
        if number == 0:
            while data := await stream.receive_some():
                received.extend(data)
            closed.set()
        else:
            await request(stream)
            await stream.send_all(reply("200 OK", str(number).encode()))

    async with sender_to(serve) as sender:
        with pytest.raises(BodySourceError) as caught:
            await sender.send("POST", Source(20, b"a" * 10, error))
        await closed.wait()
        assert await sender.send() == (200, b"1"), "its connection is not used again"
    assert caught.value.__cause__ is error
    assert received.partition(b"\r\n\r\n")[2] == b"a" * 10


async def test_a_source_is_not_asked_for_more_than_its_request_says() -> None:
    async def serve(stream: trio.SocketStream, _: int) -> None:
        while await stream.receive_some():
            pass

    async with sender_to(serve) as sender:
        with pytest.raises(httpx.LocalProtocolError):
            await sender.send("POST", Source(5, b"a" * 10))


async def test_a_server_that_closes_may_have_said_why() -> None:
    async def serve(stream: trio.SocketStream, _: int) -> None:
        await stream.receive_some(1000)
        await stream.send_all(reply("503 Busy", b"later", "Connection: close"))
        await stream.send_eof()
        while await stream.receive_some():
            pass

    async with sender_to(serve) as sender:
        assert await sender.send("POST", b"x" * LONG) == (503, b"later")


async def test_the_limit_of_writing_is_for_each_part_that_is_taken(
    mock_clock: trio.testing.MockClock,
) -> None:
    step = 2 * LONG  # more than the buffers between client and server hold

    async def serve(stream: trio.SocketStream, _: int) -> None:
        for _ in range(4):
            size = 0
            while size < step:
                size += len(await stream.receive_some(step - size))
            await trio.testing.wait_all_tasks_blocked(0.01)
            mock_clock.jump(1.5)  # each is shorter than the limit, all of them are not
        await stream.send_all(reply("200 OK"))

    async with sender_to(serve) as sender:
        assert await sender.send("POST", b"x" * (4 * step), write=2.0, read=2.0) == (200, b"")


async def test_a_cancelled_request_closes_its_connection() -> None:
    closed = trio.Event()
    requested = trio.Event()

    async def serve(stream: trio.SocketStream, number: int) -> None:
        await request(stream)
        if number == 0:
            requested.set()
            assert await stream.receive_some() == b""
            closed.set()
            return
        await stream.send_all(reply("200 OK", b"1"))

    async with sender_to(serve, limit=1) as sender:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sender.send)
            await requested.wait()
            nursery.cancel_scope.cancel()
        with trio.fail_after(5):
            await closed.wait()
        assert await sender.send() == (200, b"1")


async def test_an_idle_connection_is_not_kept_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    async with sender_to(numbered()) as sender:
        assert await sender.send() == (200, b"0")
        assert await sender.send() == (200, b"0")
        monkeypatch.setattr(connections, "KEEP_IDLE", -1.0)
        assert await sender.send() == (200, b"1")


async def test_no_more_connections_than_the_limit_stay_idle() -> None:
    async with port(numbered()) as one, port(numbered()) as other:
        async with Connections(verify=True, limit=1) as transport:
            for base, number in ((one, b"0"), (other, b"0"), (one, b"1"), (one, b"1"), (other, b"1")):
                assert await Sender(transport, base).send() == (200, number)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 20_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 200_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"\r\n" * 100_000,
    ],
    ids=[
        "long head",
        "long chunk size",
        "negative chunk",
        "two lengths",
        "negative length",
        "switch",
        "status",
        "tls",
        "lines",
    ],
)
async def test_an_answer_that_breaks_the_rules_is_no_answer(answer: bytes) -> None:
    async def serve(stream: trio.SocketStream, _: int) -> None:
        await request(stream)
        await stream.send_all(answer)
        await stream.send_eof()
        await stream.receive_some()

    async with sender_to(serve) as sender:
        with pytest.raises(httpx.TransportError):
            await sender.send()


async def test_an_answer_has_a_longest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "MAX_BODY", 1_000_000)

    async def serve(stream: trio.SocketStream, _: int) -> None:
        await request(stream)
        await stream.send_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(64):
            await stream.send_all(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
        await stream.send_all(b"0\r\n\r\n")

    async with sender_to(serve) as sender:
        with pytest.raises(BodyError, match="longer than"):
            await sender.send()


@asynccontextmanager
async def tls_sender(handler: Handler, folder: Path) -> AsyncIterator[Sender]:
    """A sender to a server with TLS, whose certificate it trusts."""
    chain = certificate(folder)
    ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.load_cert_chain(chain)

    async def serve(stream: trio.SocketStream, number: int) -> None:
        encrypted = trio.SSLStream(stream, ours, server_side=True, https_compatible=True)
        await handler(encrypted, number)  # type: ignore[arg-type]  # it sends and receives like a plain one

    async with port(serve) as base:
        context = ssl.create_default_context(cafile=chain)
        async with Connections(context, limit=4) as transport:
            yield Sender(transport, base.replace("http:", "https:").replace("127.0.0.1", "localhost"))


async def test_tls_carries_long_bodies_on_one_connection(tmp_path: Path) -> None:
    sizes = []

    async def serve(stream: trio.SocketStream, number: int) -> None:
        while message := await request(stream):
            sizes.append((number, len(message.partition(b"\r\n\r\n")[2])))
            await stream.send_all(reply("200 OK", b"y" * 300_000))

    async with tls_sender(serve, tmp_path) as sender:
        for size in (0, 10, LONG):
            assert await sender.send("POST", b"x" * size) == (200, b"y" * 300_000)
    assert [size for _, size in sizes] == [0, 10, LONG]
