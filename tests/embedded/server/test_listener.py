"""A server on a real port, and clients that cut, stall and misbehave."""

import socket

import pytest
import trio

from objlib.embedded.server import Limits
from tests.embedded.server.kit import GET, Client, Echo, on_a_port, reset

pytestmark = pytest.mark.real_time

CUTS = 60


@pytest.mark.parametrize("expect", [b"", b"Expect: 100-continue\r\n"])
@pytest.mark.parametrize("path", [b"/p", b"/refuse", b"/large"])
async def test_cut_connections_end_nothing_else(path: bytes, expect: bytes) -> None:
    head = b"POST " + path + b" HTTP/1.1\r\nHost: x\r\n" + expect + b"Content-Length: 1000000\r\n\r\n"
    async with on_a_port(Echo()) as port:

        async def cut(number: int) -> None:
            stream = await trio.open_tcp_stream("127.0.0.1", port)
            await stream.send_all((head + b"x" * 70_000)[: len(head) + number * 1000 - 100])
            if number % 2:
                await trio.lowlevel.checkpoint()
            if number % 3:
                reset(stream)
            await trio.aclose_forcefully(stream)

        async with trio.open_nursery() as nursery:
            for number in range(CUTS):
                nursery.start_soon(cut, number)
        client = Client(await trio.open_tcp_stream("127.0.0.1", port))
        assert await client.ask(GET) == (200, b"/a")
        await client.stream.aclose()


async def test_an_unforeseen_error_of_one_connection_ends_nothing_else(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with on_a_port(Echo()) as port:
        with monkeypatch.context() as patch:
            patch.setattr("objlib.embedded.server.listener.Connection", lambda *_: 1 / 0)
            broken = Client(await trio.open_tcp_stream("127.0.0.1", port))
            assert await broken.ends()
        client = Client(await trio.open_tcp_stream("127.0.0.1", port))
        assert await client.ask(GET) == (200, b"/a")
        for each in (broken, client):
            await trio.aclose_forcefully(each.stream)
    assert "ZeroDivisionError" in caplog.text


async def test_silent_connections_keep_no_client_out() -> None:
    async with on_a_port(Echo(), Limits(connections=20)) as port:
        silent = [await trio.open_tcp_stream("127.0.0.1", port) for _ in range(60)]
        for number, stream in enumerate(silent):
            if number % 2:
                await stream.send_all(b"GET / HT")
        client = Client(await trio.open_tcp_stream("127.0.0.1", port))
        assert await client.ask(GET) == (200, b"/a")
        for connection in [*silent, client.stream]:
            await trio.aclose_forcefully(connection)


async def test_a_blocking_client_with_a_large_refused_body_gets_its_answer() -> None:
    def send(port: int) -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            client.sendall(b"POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 30000000\r\n\r\n")
            client.sendall(b"x" * 30_000_000)
            return client.recv(1000)

    async with on_a_port(Echo()) as port:
        for _ in range(5):
            assert (await trio.to_thread.run_sync(send, port)).startswith(b"HTTP/1.1 400 ")


async def test_stopping_closes_idle_connections_and_finishes_the_others() -> None:
    async with on_a_port(Echo()) as port:
        idle = Client(await trio.open_tcp_stream("127.0.0.1", port))
        assert await idle.ask(GET) == (200, b"/a")
        busy = Client(await trio.open_tcp_stream("127.0.0.1", port))
        await busy.stream.send_all(b"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na")
        await trio.testing.wait_all_tasks_blocked(0.05)
    assert await idle.ends()
    for client in (idle, busy):
        await trio.aclose_forcefully(client.stream)
