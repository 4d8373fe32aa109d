"""Versions, prefixes, keys, spellings and errors of every route."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from objlib.embedded import Options
from objlib.embedded.resources import stores
from objlib.embedded.wire.errors import ApiError
from objlib.embedded.wire.json import camel_key, compact
from objlib.embedded.wire.paging import page_token, read_token
from tests.support.embedded import ok, open_box, refused, start_headers

JSON = {"Content-Type": "application/json; charset=UTF-8"}


@pytest.mark.parametrize("version", ["v1", "v1beta", "v1alpha"])
@pytest.mark.parametrize("prefix", ["", "/gem", "/a/v1/b"])
async def test_every_version_and_prefix_is_served(tmp_path: Path, version: str, prefix: str) -> None:
    async with open_box(tmp_path / "s.db", store=False) as box:
        store = ok(await box.client.post(f"{prefix}/{version}/fileSearchStores"))["name"]
        answer = await box.client.post(
            f"{prefix}/upload/{version}/{store}:uploadToFileSearchStore", headers=start_headers(4)
        )
        url = answer.headers["x-goog-upload-url"]
        assert url.startswith(f"http://box.test{prefix}/upload/{version}/{store}:")
        document = ok(await box.command(url, "upload, finalize", b"text", 0))["response"]["documentName"]
        assert ok(await box.client.get(f"{prefix}/{version}/{document}"))["name"] == document
        answer = await box.client.post(f"{prefix}/resumable/upload/{version}/files", headers=start_headers(1))
        file = ok(await box.command(answer.headers["x-goog-upload-url"], "upload, finalize", b"x", 0))["file"]
        assert file["uri"] == f"http://box.test{prefix}/{version}/{file['name']}"


async def test_the_session_url_follows_host_and_scheme(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        answer = await box.client.post(
            f"https://elsewhere.test:8443/upload/v1/{box.store}:uploadToFileSearchStore",
            headers=start_headers(4) | {"Host": "127.0.0.1:9999"},
        )
        assert answer.headers["x-goog-upload-url"].startswith("https://127.0.0.1:9999/upload/v1/")


async def test_the_app_may_be_mounted_under_a_path(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        outer = Starlette(routes=[Mount("/store", app=box.service.app)])
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(outer), base_url="http://outer.test"
        ) as client:
            ok(await client.get(f"/store/v1/{box.store}"))
            answer = await client.post(
                f"/store/upload/v1/{box.store}:uploadToFileSearchStore", headers=start_headers(1)
            )
            url = answer.headers["x-goog-upload-url"]
            assert url.startswith("http://outer.test/store/upload/v1/")
            headers = {"X-Goog-Upload-Command": "query"}
            assert (await client.post(url, headers=headers)).headers["x-goog-upload-status"] == "active"


async def test_an_escaped_colon_is_a_colon(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        path = f"/upload/v1/{box.store}%3AuploadToFileSearchStore"
        ok(await box.client.post(path, headers=start_headers(1)))


async def test_any_key_is_accepted_unless_one_is_required(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        for headers, query in (({}, ""), ({"x-goog-api-key": "k"}, ""), ({}, "?key=k")):
            ok(await box.client.get(f"/v1/fileSearchStores{query}", headers=headers))


async def test_a_required_key_is_checked(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db", options=Options(require_key="sésame"), store=False) as box:
        path = "/v1/fileSearchStores"
        refused(await box.client.get(path), 403, "PERMISSION_DENIED", "unregistered callers")
        for answer in (
            await box.client.get(path, headers={"x-goog-api-key": "other"}),
            await box.client.get(f"{path}?key=other"),
        ):
            error = refused(answer, 400, "INVALID_ARGUMENT", "API key not valid")
            assert error["details"][0]["reason"] == "API_KEY_INVALID"
        ok(await box.client.get(f"{path}?key=s%C3%A9same"))
    async with open_box(tmp_path / "s.db", options=Options(require_key="sesame"), store=False) as box:
        box.headers = {"x-goog-api-key": "sesame"}
        await box.new_store()
        url = await box.start(4)
        assert "sesame" not in url
        ok(await box.command(url, "upload, finalize", b"text", 0))  # the URL authorises itself
        refused(await box.client.get(f"{path}?upload_id=x"), 403, "PERMISSION_DENIED")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/v1"),
        ("GET", "/v1/"),
        ("GET", "/v2/fileSearchStores"),
        ("GET", "/v1/nothing"),
        ("PUT", "/v1/fileSearchStores"),
        ("PATCH", "/v1/fileSearchStores"),
        ("DELETE", "/v1/fileSearchStores"),
        ("POST", "/v1/models"),
        ("GET", "/upload/v1/files"),
        ("POST", "/v1/fileSearchStores/UPPER:importFile"),
        ("GET", "/v1/fileSearchStores/a/media/b"),
        ("POST", "/v1/cachedContents"),
        ("OPTIONS", "/v1/fileSearchStores"),
        ("BREW", "/v1/fileSearchStores"),
        ("OPTIONS", "*"),
        ("GET", "/v1/files%00"),
        ("GET", "/v1/files%0a"),
    ],
)
async def test_an_unknown_resource_is_404_in_the_envelope(tmp_path: Path, method: str, path: str) -> None:
    async with open_box(tmp_path / "s.db", store=False) as box:
        answer = await box.client.request(method, path)
        refused(answer, 404, "NOT_FOUND")
        assert answer.headers["content-type"] == "application/json; charset=UTF-8"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"displayName":',
        b'{"displayName":"\\ud800"}',
        b"1",
    ],
)
async def test_a_body_other_than_a_json_object_is_refused(tmp_path: Path, body: bytes) -> None:
    async with open_box(tmp_path / "s.db", store=False) as box:
        answer = await box.client.post("/v1/fileSearchStores", content=body, headers=JSON)
        refused(answer, 400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    "body",
    [
        b'{"displayName": ' + b"9" * 5000 + b"}",
        b'{"displayName": 18446744073709551616}',
        b'{"displayName": 1e400}',
        b'{"displayName": ' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"embeddingModel": {"a": 1}}',
        b"{'displayName': " + b"[" * 5000 + b"}",
        b"{'displayName': '\\ud800'}",
        b"{displayName: 'a' 'b'}",
        b"{" + b'"a":{' * 200 + b"}" * 201,
        b"[" + b"1," * 3_000_000 + b"1]",
    ],
    ids=range(10),
)
async def test_numbers_and_nesting_beyond_the_bounds_are_refused(tmp_path: Path, body: bytes) -> None:
    async with open_box(tmp_path / "s.db", store=False) as box:
        answer = await box.client.post("/v1/fileSearchStores", content=body, headers=JSON)
        refused(answer, 400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    "body",
    [
        b'{"displayName": "it\'s"}',
        b"{'display_name': 'it\\'s'}",
        b'{displayName: "it\'s"}',
        b"{'displayName': 'it\\u0027s',}",
    ],
    ids=["double", "single", "bare", "comma"],
)
async def test_a_body_in_the_quotes_of_the_documentation_is_read(tmp_path: Path, body: bytes) -> None:
    async with open_box(tmp_path / "s.db", store=False) as box:
        answer = await box.client.post("/v1/fileSearchStores", content=body, headers=JSON)
        assert ok(answer)["displayName"] == "it's"


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
async def test_a_json_body_of_another_type_is_refused(tmp_path: Path, content_type: str) -> None:
    async with open_box(tmp_path / "s.db", store=False) as box:
        headers = {"Content-Type": content_type} if content_type else {}
        answer = await box.client.post("/v1/fileSearchStores", content=b"{}", headers=headers)
        refused(answer, 400, "INVALID_ARGUMENT", "Content-Type must be application/json")
        assert await box.get("fileSearchStores") == {}


class Endless(httpx.AsyncByteStream):
    """A body that never ends."""

    def __aiter__(self) -> "Endless":
        return self

    async def __anext__(self) -> bytes:
        await trio.lowlevel.checkpoint()
        return b" " * 1024 * 1024


async def test_a_body_that_is_too_large_is_refused(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db", store=False) as box:
        request = httpx.Request("POST", "http://box.test/v1/fileSearchStores", stream=Endless())
        answer = await box.client.send(request)
        refused(answer, 400, "INVALID_ARGUMENT", "exceeds the limit: 20971520 bytes")


async def test_an_unknown_field_is_refused_and_a_null_one_ignored(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db", store=False) as box:
        await box.post("fileSearchStores", {"displayName": None, "embedding_model": None})
        answer = await box.client.post("/v1/fileSearchStores", json={"novelty": {"x": [1]}})
        error = refused(answer, 400, "INVALID_ARGUMENT", 'Unknown name "novelty": Cannot find field.')
        assert error["details"][0]["@type"] == "type.googleapis.com/google.rpc.BadRequest"


async def test_a_force_that_is_neither_true_nor_false_is_refused(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        answer = await box.client.delete(f"/v1/{box.store}?force=perhaps")
        refused(answer, 400, "INVALID_ARGUMENT", "force")


@pytest.mark.parametrize("force", ["true", "True", "TRUE", "1"])
async def test_force_is_read_in_every_spelling(tmp_path: Path, force: str) -> None:
    async with open_box(tmp_path / "s.db") as box:
        await box.upload(b"x")
        await box.delete(box.store, force=force)


async def test_middleware_wraps_the_app(tmp_path: Path) -> None:
    class Faulty:
        def __init__(self, app: ASGIApp, message: str) -> None:
            self.app, self.message = app, message

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            if scope["path"].endswith(self.message):
                start = {"type": "http.response.start", "status": 503, "headers": []}
                await send(start)
                await send({"type": "http.response.body", "body": b""})
            else:
                await self.app(scope, receive, send)

    options = Options(middleware=(Middleware(Faulty, message="files"),))
    async with open_box(tmp_path / "s.db", options=options) as box:
        assert (await box.client.get("/v1/files")).status_code == 503
        ok(await box.client.get("/v1/fileSearchStores"))


@pytest.mark.parametrize(
    ("error", "code", "status", "message"),
    [
        (sqlite3.OperationalError("database is locked"), 503, "UNAVAILABLE", "database is locked"),
        (sqlite3.OperationalError("database or disk is full"), 429, "RESOURCE_EXHAUSTED", "storage limit"),
        (ZeroDivisionError("secret detail"), 500, "INTERNAL", "internal error"),
    ],
)
async def test_an_internal_error_is_answered_in_the_envelope(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int, status: str, message: str
) -> None:
    def fail(*_: Any, **_more: Any) -> Any:
        raise error

    async with open_box(tmp_path / "s.db", store=False) as box:
        with monkeypatch.context() as patch:
            patch.setattr(stores, "create", fail)
            answer = refused(await box.client.post("/v1/fileSearchStores"), code, status, message)
            assert "secret" not in answer["message"]
        await box.new_store()


async def test_a_disconnected_client_is_harmless(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db", store=False) as box:
        sent: list[Message] = []
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/fileSearchStores",
            "query_string": b"",
            "headers": [],
        }

        async def receive() -> Message:
            await trio.lowlevel.checkpoint()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            await trio.lowlevel.checkpoint()
            sent.append(message)

        await box.service.app(scope, receive, send)
        assert sent[0]["status"] == 400
        assert await box.get("fileSearchStores") == {}


@pytest.mark.parametrize(
    ("snake", "expected"),
    [
        ("custom_metadata", "customMetadata"),
        ("topK", "topK"),
        ("_private", "_private"),
        ("a__b", "aB"),
        ("x_1", "x1"),
        ("", ""),
        ("l" * 100 + "_x", "l" * 100 + "_x"),
    ],
)
def test_every_spelling_of_a_key_becomes_lower_camel(snake: str, expected: str) -> None:
    assert camel_key(snake) == expected


def test_default_values_are_left_out() -> None:
    assert compact(a=None, b=0, c=False, d="", e=[], f={}, g=1, h="x", i=[0]) == {"g": 1, "h": "x", "i": [0]}


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 2**63 - 1))
def test_a_page_token_round_trips_exactly(time: float, row: int) -> None:
    token = page_token((time, row))
    assert read_token(token) == (time, row)
    assert json.loads(json.dumps(token)) == httpx.QueryParams({"t": token})["t"]


@given(st.text(max_size=20))
def test_a_malformed_page_token_is_refused(token: str) -> None:
    try:
        time, row = read_token(token)
    except ApiError as error:
        problem = error.message
    else:
        problem = "Invalid page token."
        assert isinstance(time, float)
        assert isinstance(row, int)
    assert problem == "Invalid page token."
