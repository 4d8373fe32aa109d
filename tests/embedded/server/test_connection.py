"""One connection: its limits in virtual time, and everything that a client can do wrong."""

import pytest
import trio
from starlette.types import Receive, Scope, Send

from objlib.embedded.server import Limits
from objlib.embedded.server.silence import SilentConnections
from tests.embedded.server.kit import GET, Echo, connected, error
from tests.embedded.server.shapes import MALFORMED

POST = b"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n%s\r\n"


async def test_requests_follow_one_another_on_a_connection() -> None:
    app = Echo()
    async with connected(app) as client:
        for body in (b"one", b"two" * 50_000, b""):
            assert await client.ask(POST % (b"/p", len(body), b"") + body) == (200, body or b"/p")
        assert await client.ask(GET) == (200, b"/a")
    scope = app.scopes[-1]
    assert (scope["path"], scope["query_string"], scope["server"]) == ("/a", b"b=c", ("127.0.0.1", 8765))


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with connected(Echo()) as client:
        assert await client.ask(GET * 3) == (200, b"/a")
        assert await client.answer() == (200, b"/a")
        assert await client.answer() == (200, b"/a")


async def test_a_chunked_body_arrives_whole() -> None:
    head = b"POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with connected(Echo()) as client:
        assert await client.ask(head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n") == (200, b"abcde")


async def test_the_absolute_form_names_the_path() -> None:
    async with connected(Echo()) as client:
        line = b"GET http://127.0.0.1:8765/a%20b?c HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        assert await client.ask(line) == (200, b"/a b")


async def test_head_gets_no_body() -> None:
    async with connected(Echo()) as client:
        assert await client.ask(GET.replace(b"GET", b"HEAD"), b"HEAD") == (200, b"")
        assert await client.ask(GET) == (200, b"/a")


@pytest.mark.parametrize("seconds", [5, 60, 300, 600])
async def test_a_client_that_polls_at_an_interval_keeps_its_connection(seconds: int) -> None:
    async with connected(Echo()) as client:
        for _ in range(20):
            await trio.sleep(seconds)
            assert await client.ask(GET) == (200, b"/a")


async def test_an_idle_connection_is_closed_in_the_end() -> None:
    async with connected(Echo(), Limits(idle=900)) as client:
        started = trio.current_time()
        assert await client.ends()
        assert trio.current_time() - started == pytest.approx(900)


async def test_a_head_that_trickles_is_refused() -> None:
    async with connected(Echo(), Limits(head=30)) as client:
        started = trio.current_time()
        for byte in b"GET / HTTP/1.1\r\nX":
            await client.stream.send_all(bytes([byte]))
            await trio.sleep(1)
        status, body = await client.answer()
        assert (status, error(body)["status"]) == (408, "DEADLINE_EXCEEDED")
        assert trio.current_time() - started == pytest.approx(30)
        assert await client.ends()


async def test_a_stalled_body_is_refused_and_the_app_told() -> None:
    app = Echo()
    async with connected(app, Limits(body=60)) as client:
        started = trio.current_time()
        status, body = await client.ask(POST % (b"/p", 100, b"") + b"abc")
        assert (status, error(body)["status"], app.disconnects) == (408, "DEADLINE_EXCEEDED", 1)
        assert trio.current_time() - started == pytest.approx(60)
        assert await client.ends()


async def test_a_slow_body_arrives() -> None:
    async with connected(Echo(), Limits(body=60)) as client:
        await client.stream.send_all(POST % (b"/p", 10, b""))
        for _ in range(10):
            await trio.sleep(59)
            await client.stream.send_all(b"x")
        assert await client.answer() == (200, b"x" * 10)


async def test_a_client_that_reads_nothing_loses_its_connection() -> None:
    async with connected(Echo(), Limits(write=60), lockstep=True) as client:
        started = trio.current_time()
        await client.stream.send_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        await trio.sleep(61)
        with pytest.raises(trio.BrokenResourceError):
            await client.stream.send_all(GET)
        assert trio.current_time() - started == pytest.approx(61)


@pytest.mark.parametrize("size", [1_000_000, 50_000_000])
async def test_a_large_refused_body_is_read_to_its_end(size: int) -> None:
    async with connected(Echo()) as client:
        await client.stream.send_all(POST % (b"/refuse", size, b""))
        assert await client.answer() == (400, b"/refuse")
        for _ in range(size // 1_000_000):
            await client.stream.send_all(b"x" * 1_000_000)  # a client that writes everything before it reads
            await trio.sleep(1)
        assert await client.ends()


async def test_a_small_refused_body_costs_no_connection() -> None:
    async with connected(Echo()) as client:
        for _ in range(3):
            assert await client.ask(POST % (b"/refuse", 1000, b"") + b"x" * 1000) == (400, b"/refuse")


async def test_a_refused_client_that_falls_silent_is_not_awaited() -> None:
    async with connected(Echo(), Limits(silence=2)) as client:
        assert await client.ask(POST % (b"/refuse", 10**8, b"") + b"x" * 1000) == (400, b"/refuse")
        await trio.sleep(1.9)
        await client.stream.send_all(b"x")
        await trio.sleep(2.1)
        with pytest.raises(trio.BrokenResourceError):
            await client.stream.send_all(b"x")


async def test_a_refused_endless_body_ends_with_the_linger() -> None:
    async with connected(Echo(), Limits(linger=60)) as client:
        assert await client.ask(POST % (b"/refuse", 10**9, b"") + b"x" * 1000) == (400, b"/refuse")
        for _ in range(60):
            await client.stream.send_all(b"x")
            await trio.sleep(1)
        await trio.sleep(1)
        with pytest.raises(trio.BrokenResourceError):
            await client.stream.send_all(b"x")


async def test_a_body_is_asked_for_only_when_it_is_read() -> None:
    expect = b"Expect: 100-continue\r\n"
    async with connected(Echo()) as client:
        assert await client.ask(POST % (b"/refuse", 10**6, expect)) == (400, b"/refuse")
    async with connected(Echo()) as client:
        await client.stream.send_all(POST % (b"/p", 3, expect))
        assert await client.stream.receive_some(100) == b"HTTP/1.1 100 \r\n\r\n"
        assert await client.ask(b"abc") == (200, b"abc")


async def test_a_broken_app_is_a_500_and_the_connection_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    async with connected(Echo()) as client:
        status, body = await client.ask(GET.replace(b"/a", b"/fail"))
        assert (status, error(body)["message"]) == (500, "An internal error has occurred.")
        assert await client.ask(GET) == (200, b"/a")
    assert "ZeroDivisionError" in caplog.text


async def test_an_app_may_break_the_connection() -> None:
    async with connected(Echo()) as client:
        assert await client.ask(GET.replace(b"/a", b"/break")) == (0, b"")


@pytest.mark.parametrize("shape", list(MALFORMED))
async def test_malformed_http_is_refused_in_the_error_shape(shape: str) -> None:
    async with connected(Echo()) as client:
        await client.stream.send_all(MALFORMED[shape])
        status, body = await client.answer()
        assert status < 500
        if status >= 400:
            assert error(body)["code"] == status


async def test_a_new_connection_takes_the_place_of_the_longest_silent_one() -> None:
    silent = SilentConnections(2)
    async with connected(Echo(), silent=silent) as oldest, connected(Echo(), silent=silent) as busy:
        assert await oldest.ask(GET) == (200, b"/a")
        assert await busy.ask(GET) == (200, b"/a")
        async with connected(Echo(), silent=silent) as new:
            assert await new.ask(GET) == (200, b"/a")
            assert await oldest.ends()
            assert await busy.ask(GET) == (200, b"/a")


class Slow:
    """An app that waits for the end of the client beside a slow answer, as one that streams events does."""

    def __init__(self) -> None:
        self.gone = trio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert not (await receive())["more_body"]

        async def watch() -> None:
            assert (await receive())["type"] == "http.disconnect"
            self.gone.set()
            nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch)
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
            for _ in range(2):
                await trio.sleep(20)
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
            await send({"type": "http.response.body", "body": b""})
            nursery.cancel_scope.cancel()


async def test_a_slow_answer_is_whole_although_the_app_watches_the_client() -> None:
    app = Slow()
    async with connected(app) as client:
        assert await client.ask(GET) == (200, b"xx")
        assert await client.ask(GET * 2) == (200, b"xx"), "what came meanwhile is the next request"
        assert await client.answer() == (200, b"xx")
    assert not app.gone.is_set()


async def test_an_app_that_watches_hears_that_the_client_has_gone() -> None:
    app = Slow()
    async with connected(app) as client:
        await client.stream.send_all(GET)
        await trio.sleep(5)
        await client.stream.aclose()
        await app.gone.wait()
        assert trio.current_time() == pytest.approx(5)
