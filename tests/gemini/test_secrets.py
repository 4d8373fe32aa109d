"""Keys and session addresses are in no message, repr, traceback or log, whatever the service echoes."""

import logging
import traceback
from typing import Any
from urllib.parse import quote

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from objlib.gemini import Endpoint, GeminiError, open_client
from objlib.gemini.redact import quieten, without_secrets
from tests.support.gemini import HOST, KEY, SESSION, STORE, Reply, Service, refusal, scripted, started
from tests.support.sockets import port, reply, request

tokens = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", min_size=12, max_size=40)


class Collect(logging.Handler):
    """Keeps every record as text, as any handler would print it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


def everything_shown(service: Service, key: str, session: str) -> str:
    """All that a user or a log could see of requests that fail with this service."""
    handler, root = Collect(), logging.getLogger()
    level = root.level
    output: list[str] = []

    async def main() -> None:
        async with open_client(Endpoint(HOST, key), asgi=service) as client:
            calls: tuple[Any, ...] = (
                lambda: client.documents.get(f"{STORE}/documents/d-1"),
                lambda: client.uploads.start_file(
                    "files/a", display_name="a", mime_type="text/plain", size=1
                ),
                lambda: client.uploads.send(session, b"x", offset=0, final=True),
                lambda: client.uploads.query(session),
                lambda: client.uploads.cancel(session),
            )
            for call in calls:
                try:
                    output.append(repr(await call()))
                except GeminiError as error:
                    output.extend([str(error), repr(error), *traceback.format_exception(error)])
                    output.extend(repr(hidden) for hidden in (error.__context__, error.__cause__))
            output.append(repr(client))

    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        trio.run(main)
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    return "\n".join(output + handler.lines)


@given(
    key=tokens,
    token=tokens,
    in_path=st.booleans(),
    status=st.sampled_from([200, 302, 400, 401, 403, 404, 429, 500, 503]),
    echo=st.sampled_from(
        ["{key}", "{url}", "{token}", "{query}", "{path}", "{quoted}", "a {key} b {url} c {token}"]
    ),
    shape=st.sampled_from(["envelope", "text", "html", "raise", "raise-lost"]),
    padding=st.integers(0, 320),
)
@settings(max_examples=150, deadline=None)
def test_whatever_the_service_echoes_no_secret_is_seen(
    key: str, token: str, in_path: bool, status: int, echo: str, shape: str, padding: int
) -> None:
    path = f"/upload/session/{token}" if in_path else f"/upload/v1beta/{STORE}:uploadToFileSearchStore"
    query = "" if in_path else f"upload_id={token}&upload_protocol=resumable"
    url = f"{HOST}{path}" + (f"?{query}" if query else "")
    text = " " * padding + echo.format(
        key=key, url=url, token=token, query=query, path=path, quoted=quote(url)
    )
    # The service only ever gets to know the key from keyed requests, and a session's token from the session's own.
    answers = {
        "envelope": Reply(
            status,
            {
                "error": {
                    "code": status,
                    "message": text,
                    "status": text.strip(),
                    "details": [{"reason": text}],
                }
            },
        ),
        "text": Reply(status, text.encode()),
        "html": Reply(status, f"<html>{text}</html>".encode(), {"content-type": "text/html"}),
        "raise": ValueError(text),
        "raise-lost": ConnectionResetError(text),
    }
    keyed = Reply(status, {"error": {"message": f"bad key {key}"}})
    service = Service([keyed, started(url), *[answers[shape]] * 3])
    output = everything_shown(service, key, url)
    assert key not in output
    assert token not in output


@pytest.mark.parametrize("proxied", [True, False], ids=["by a proxy", "straight"])
async def test_the_http_libraries_log_no_address_of_a_session(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, proxied: bool
) -> None:
    caplog.set_level(logging.DEBUG)

    async def serve(stream: trio.SocketStream, _: int) -> None:
        while head := await request(stream):
            if b"command: start" in head:
                url = f"{base}/upload/v1beta/files?upload_id=s3cr3t-session&upload_protocol=resumable"
                lines = (f"X-Goog-Upload-URL: {url}", f"X-Goog-Upload-Control-URL: {url}", f"x-echo: {url}")
                await stream.send_all(reply("200 OK", b"", "X-Goog-Upload-Status: active", *lines))
            else:
                await stream.send_all(
                    reply("503 Busy", b"s3cr3t-session", f"Location: {base}/?upload_id=s3cr3t-session")
                )

    async with port(serve) as address:
        base = "http://box.test" if proxied else address
        monkeypatch.setenv("http_proxy", address)
        async with open_client(Endpoint(base, KEY)) as client:
            session = await client.uploads.start_file(
                "files/a", display_name="a", mime_type="text/plain", size=1
            )
            assert "s3cr3t" in session
            for call in (
                client.uploads.send(session, b"x", offset=0, final=True),
                client.uploads.query(session),
            ):
                with pytest.raises(GeminiError) as caught:
                    await call
                assert "s3cr3t" not in str(caught.value)
    logged = any(record.name == "httpcore.http11" for record in caplog.records)
    assert logged is proxied, "nothing was logged, so nothing was tested"
    assert "s3cr3t" not in caplog.text
    assert KEY not in caplog.text
    assert not any("s3cr3t" in repr(record.__dict__) for record in caplog.records)


def test_other_addresses_lose_their_query_and_nothing_else() -> None:
    assert (
        without_secrets("see https://e.org/a?b=c&d=e, or https://e.org/f.")
        == "see https://e.org/a?… or https://e.org/f."
    )
    assert without_secrets("X-Goog-Upload-URL: https://e.org/s3cr3t") == "X-Goog-Upload-URL: …"
    assert without_secrets("[(b'x-goog-api-key', b's3cr3t')]") == "[(b'x-goog-api-key', b'…')]"
    assert without_secrets("upload_id=s3cr3t&x=1 upload_id s3cr3t") == "upload_id=…&x=1 upload_id …"
    assert without_secrets("nothing to hide") == "nothing to hide"


@pytest.mark.parametrize(
    ("key", "output"),
    [
        ("x", "You exceeded your current quota"),
        ("quota", "You exceeded your current quota"),
        ("exceed", "You …ed your current quota"),
    ],
)
async def test_a_key_too_short_for_a_secret_stays_in_words(key: str, output: str) -> None:
    async with scripted(refusal(429, "You exceeded your current quota"), key=key) as (client, _):
        with pytest.raises(GeminiError) as caught:
            await client.stores.get(STORE)
    assert str(caught.value).endswith(f": {output}")


def test_a_malformed_record_is_left_to_its_handler() -> None:
    record = logging.LogRecord("httpcore.http11", logging.INFO, __file__, 1, "%d", ("no number",), None)
    quieten()
    assert logging.getLogger("httpcore.http11").filter(record)
    assert (record.msg, record.args) == ("%d", ("no number",))


async def test_a_session_is_hidden_in_the_repr_of_its_holder() -> None:
    service = Service([started()])
    async with open_client(Endpoint(HOST, KEY), asgi=service) as client:
        session = await client.uploads.start_file("files/a", display_name="a", mime_type="text/plain", size=1)
    assert session == SESSION
    assert "s3cr3t" not in repr({"session": session})
