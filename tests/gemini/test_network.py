"""Over a real port: lost connections, timeouts, streamed bodies, redirects."""

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from objlib.core.remote import SessionState
from objlib.gemini import CHUNK, Client, Endpoint, ErrorKind, GeminiError, Timeouts, open_client
from tests.support.gemini import KEY, STORE
from tests.support.sockets import Handler, port, reply, request, reset, unused

DOC = f"{STORE}/documents/d-1"
QUICK = Timeouts(connect=1.0, write=0.3, read=0.3, pool=0.3, total=5.0, think=0.3)


@asynccontextmanager
async def client_of(
    handler: Handler, *, timeouts: Timeouts = QUICK, connections: int = 4
) -> AsyncIterator[tuple[Client, str]]:
    async with port(handler) as base:
        async with open_client(Endpoint(base, KEY), timeouts=timeouts, connections=connections) as client:
            yield client, f"{base}/upload/v1beta/{STORE}:uploadToFileSearchStore?upload_id=s3cr3t-session"


async def failing(handler: Handler, *, timeouts: Timeouts = QUICK) -> tuple[GeminiError, GeminiError]:
    """How a GET and a chunk fail with it."""
    async with client_of(handler, timeouts=timeouts) as (client, session):
        with pytest.raises(GeminiError) as get:
            await client.documents.get(DOC)
        with pytest.raises(GeminiError) as send:
            await client.uploads.send(session, b"x" * 200_000, offset=0, final=False)
    assert "s3cr3t" not in str(send.value)
    return get.value, send.value


async def test_a_connection_serves_many_requests_and_bodies_may_come_in_chunks() -> None:
    heads = []

    async def serve(stream: trio.SocketStream, number: int) -> None:
        assert number == 0, "a second connection was opened"
        while message := await request(stream):
            heads.append(message.partition(b"\r\n\r\n"))
            await stream.send_all(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Goog-Upload-Status: active\r\n\r\n"
            )
            for piece in (b"1\r\n{\r\n", b'd\r\n"displayName"\r\n', b'5\r\n:"a"}\r\n', b"0\r\n\r\n"):
                await stream.send_all(piece)

    async with client_of(serve) as (client, session):
        assert (await client.documents.get(DOC)).display_name == "a"
        assert (await client.uploads.send(session, b"z" * CHUNK, offset=0, final=False)).received == CHUNK
    (get, _, _), (send, _, body) = heads
    assert f"x-goog-api-key: {KEY}".encode() in get
    assert b"x-goog-api-key" not in send
    assert b"transfer-encoding" not in send.lower()
    assert body == b"z" * CHUNK


async def test_a_packed_answer_is_unpacked() -> None:
    async def serve(stream: trio.SocketStream, _: int) -> None:
        await request(stream)
        await stream.send_all(
            reply("200 OK", gzip.compress(b'{"displayName":"a"}'), "Content-Encoding: gzip")
        )

    async with client_of(serve) as (client, _):
        assert (await client.documents.get(DOC)).display_name == "a"


async def close_at_once(stream: trio.SocketStream, _: int) -> None:
    await stream.receive_some()
    await stream.aclose()


async def close_after_the_request(stream: trio.SocketStream, _: int) -> None:
    await request(stream)
    await stream.aclose()


async def reset_after_the_request(stream: trio.SocketStream, _: int) -> None:
    await request(stream)
    reset(stream)


async def stop_in_the_body(stream: trio.SocketStream, _: int) -> None:
    await request(stream)
    await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nX-Goog-Upload-Status: active\r\n\r\n{")
    await stream.aclose()


async def speak_something_else(stream: trio.SocketStream, _: int) -> None:
    await request(stream)
    await stream.send_all(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")


async def pack_badly(stream: trio.SocketStream, _: int) -> None:
    await request(stream)
    await stream.send_all(reply("200 OK", b"not gzip", "Content-Encoding: gzip"))


async def pack_half(stream: trio.SocketStream, _: int) -> None:
    await request(stream)
    await stream.send_all(reply("200 OK", gzip.compress(b"{}")[:-1], "Content-Encoding: gzip"))


async def never_answer(stream: trio.SocketStream, _: int) -> None:
    await request(stream)
    await trio.sleep_forever()


async def answer_half(stream: trio.SocketStream, _: int) -> None:
    await request(stream)
    await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    await trio.sleep_forever()


@pytest.mark.parametrize(
    "handler",
    [
        close_at_once,
        close_after_the_request,
        reset_after_the_request,
        stop_in_the_body,
        speak_something_else,
        pack_badly,
        pack_half,
        never_answer,
        answer_half,
    ],
)
async def test_a_lost_answer_is_unknown_only_where_it_matters(handler: Handler) -> None:
    get, send = await failing(handler)
    assert (get.kind, get.connect, get.status) == (ErrorKind.TRANSIENT, False, None)
    assert (send.kind, send.connect, send.status) == (ErrorKind.UNKNOWN, False, None)


async def test_a_service_that_takes_no_bytes_is_a_timeout() -> None:
    async def serve(stream: trio.SocketStream, _: int) -> None:
        await stream.receive_some(1)
        await trio.sleep_forever()

    async with client_of(serve) as (client, session):
        with pytest.raises(GeminiError, match="did not answer in time") as caught:
            await client.uploads.send(session, b"x" * (4 * CHUNK), offset=0, final=False)
    assert caught.value.kind is ErrorKind.UNKNOWN


async def test_an_answer_that_trickles_has_an_end() -> None:
    async def serve(stream: trio.SocketStream, _: int) -> None:
        await request(stream)
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            await stream.send_all(b" ")
            await trio.sleep(0.01)  # real time

    get, send = await failing(serve, timeouts=Timeouts(read=5.0, total=0.1))
    assert "no answer within" in str(get)
    assert (get.kind, send.kind) == (ErrorKind.TRANSIENT, ErrorKind.UNKNOWN)


async def test_an_early_refusal_is_heard_while_bytes_are_still_going_out() -> None:
    async def serve(stream: trio.SocketStream, _: int) -> None:
        await stream.receive_some()
        await stream.send_all(reply("413 Too Large", b"", "Connection: close"))
        await stream.send_eof()
        while await stream.receive_some():
            pass

    async with client_of(serve) as (client, session):
        with pytest.raises(GeminiError, match="413") as caught:
            await client.uploads.send(session, b"x" * CHUNK, offset=0, final=False)
    assert caught.value.kind is ErrorKind.PERMANENT


async def test_a_refused_connection_sent_nothing() -> None:
    base = await unused()
    async with open_client(Endpoint(base, KEY)) as client:
        for asking in (
            client.stores.import_file(STORE, "files/a", metadata={}),
            client.uploads.send(f"{base}/upload", b"x", offset=0, final=True),
        ):
            with pytest.raises(GeminiError, match=r"cannot connect to 127\.0\.0\.1") as caught:
                await asking
            assert (caught.value.kind, caught.value.connect) == (ErrorKind.TRANSIENT, True)


async def test_a_failed_handshake_says_why_and_sent_nothing() -> None:
    async def serve(stream: trio.SocketStream, _: int) -> None:
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with port(serve) as base:
        async with open_client(Endpoint(base.replace("http:", "https:"), KEY), timeouts=QUICK) as client:
            with pytest.raises(GeminiError, match="SSL") as caught:
                await client.stores.create("a")
    assert (caught.value.kind, caught.value.connect) == (ErrorKind.TRANSIENT, True)


async def test_a_handshake_that_hangs_is_a_connect_timeout() -> None:
    async with port(never_answer) as base:
        async with open_client(Endpoint(base.replace("http:", "https:"), KEY), timeouts=QUICK) as client:
            with pytest.raises(GeminiError, match="in time") as caught:
                await client.stores.create("a")
    assert (caught.value.kind, caught.value.connect) == (ErrorKind.TRANSIENT, True)


async def test_waiting_for_a_connection_sends_nothing() -> None:
    async with client_of(never_answer, timeouts=Timeouts(pool=0.05), connections=1) as (client, session):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.documents.get, DOC)
            await trio.testing.wait_all_tasks_blocked(0.01)
            with pytest.raises(GeminiError, match="every connection was busy") as caught:
                await client.uploads.send(session, b"x", offset=0, final=True)
            nursery.cancel_scope.cancel()
    assert (caught.value.kind, caught.value.connect) == (ErrorKind.TRANSIENT, False)


async def test_a_cancelled_request_leaves_the_client_usable() -> None:
    async def serve(stream: trio.SocketStream, number: int) -> None:
        await request(stream)
        if number == 0:
            requested.set()
            await trio.sleep_forever()
        await stream.send_all(reply("200 OK", b"{}"))

    requested = trio.Event()
    async with client_of(serve, connections=1) as (client, _):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.documents.get, DOC)
            await requested.wait()
            nursery.cancel_scope.cancel()
        assert (await client.documents.get(DOC)).name == DOC
        assert client.sent == {"document": 2}


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
async def test_a_redirect_is_not_followed(status: str) -> None:
    heads = []

    async def serve(stream: trio.SocketStream, _: int) -> None:
        while message := await request(stream):
            heads.append(message)
            await stream.send_all(reply(status, b"", "Location: /elsewhere"))

    get, send = await failing(serve)
    assert len(heads) == 2
    assert not any(b"/elsewhere" in head for head in heads)
    assert "points elsewhere" in str(get)
    assert (get.kind, send.kind) == (ErrorKind.TRANSIENT, ErrorKind.UNKNOWN)


async def test_a_whole_upload_over_a_port_with_a_prefix() -> None:
    first_lines = []

    async def serve(stream: trio.SocketStream, _: int) -> None:
        while data := await request(stream):
            head = data.partition(b"\r\n\r\n")[0]
            first_lines.append(head.split(b"\r\n")[0].decode())
            if b"command: start" in head:
                url = f"X-Goog-Upload-URL: {base}/gem/upload/v1/files?upload_id=A%2Bb_-~%3D&x=1"
                await stream.send_all(reply("200 OK", b"", "X-Goog-Upload-Status: active", url))
            else:
                await stream.send_all(
                    reply("200 OK", b'{"file":{"name":"files/a"}}', "X-Goog-Upload-Status: final")
                )

    async with port(serve) as base:
        async with open_client(Endpoint(f"{base}/gem", KEY, "v1")) as client:
            session = await client.uploads.start_file(
                "files/a", display_name="a", mime_type="text/plain", size=1
            )
            progress = await client.uploads.send(session, b"x", offset=0, final=True)
    assert progress.status is SessionState.FINAL
    assert progress.result is not None
    assert progress.result.file == "files/a"
    # The session's query arrives exactly as it was given.
    assert first_lines == [
        "POST /gem/upload/v1/files HTTP/1.1",
        "POST /gem/upload/v1/files?upload_id=A%2Bb_-~%3D&x=1 HTTP/1.1",
    ]


async def test_no_proxy_stands_before_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, await unused())

    async def serve(stream: trio.SocketStream, _: int) -> None:
        await request(stream)
        await stream.send_all(reply("200 OK", b"{}"))

    async with client_of(serve) as (client, _):
        assert (await client.documents.get(DOC)).name == DOC


async def test_a_redirect_carries_no_key_to_another_host() -> None:
    calls = []

    async def other(stream: trio.SocketStream, _: int) -> None:
        calls.append(await request(stream))

    async with port(other) as elsewhere:
        for host in (elsewhere, elsewhere.replace("127.0.0.1", "localhost")):

            async def serve(stream: trio.SocketStream, _: int, target: str = host) -> None:
                while await request(stream):
                    await stream.send_all(reply("307 Temporary", b"", f"Location: {target}/v1beta/x"))

            await failing(serve)
    assert calls == []
