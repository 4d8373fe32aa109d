"""The resumable protocol, request by request."""

import pytest

from objlib.core.errors import UsageError
from objlib.core.remote import SessionState
from objlib.gemini import CHUNK, ErrorKind, GeminiError, UploadProgress, UploadResult
from objlib.gemini.body import WRITE_SIZE
from tests.support.gemini import KEY, SESSION, STORE, Reply, refusal, scripted, stands, started

DOC = f"{STORE}/documents/ethics-0123456789ab"
OPERATION = f"{STORE}/upload/operations/ethics-0123456789ab"
# As the live service was seen to answer: full names, a response, and no `done`.
FINALIZED = {
    "name": OPERATION,
    "response": {
        "@type": "type.googleapis.com/google.ai.generativelanguage.v1main.UploadToFileSearchStoreResponse",
        "parent": STORE,
        "documentName": DOC,
        "mimeType": "text/plain",
        "sizeBytes": "37",
    },
}
FILES_SESSION = "http://box.test/upload/v1beta/files?upload_id=s3cr3t-session&upload_protocol=resumable"


async def test_a_start_says_everything_about_the_document() -> None:
    async with scripted(started()) as (client, service):
        session = await client.uploads.start(
            STORE,
            display_name="  Ethik/Über das Gute 🌱.txt ",
            mime_type="text/plain",
            size=12,
            metadata={"objlib_id": "f1", "year": 2021, "tags": ["a", "b"]},
        )
    assert session == SESSION
    (request,) = service.seen
    assert (request.method, request.path) == ("POST", f"/upload/v1beta/{STORE}:uploadToFileSearchStore")
    assert request.json == {
        "displayName": "Ethik/Über das Gute 🌱.txt",
        "mimeType": "text/plain",
        "customMetadata": [
            {"key": "objlib_id", "stringValue": "f1"},
            {"key": "year", "numericValue": 2021},
            {"key": "tags", "stringListValue": {"values": ["a", "b"]}},
        ],
    }
    assert request.headers["x-goog-api-key"] == KEY
    assert {name: value for name, value in request.headers.items() if name.startswith("x-goog-upload")} == {
        "x-goog-upload-protocol": "resumable",
        "x-goog-upload-command": "start",
        "x-goog-upload-header-content-length": "12",
        "x-goog-upload-header-content-type": "text/plain",
    }
    assert request.headers["content-type"] == "application/json"


async def test_a_start_of_the_two_step_path_makes_a_file() -> None:
    async with scripted(started(FILES_SESSION)) as (client, service):
        session = await client.uploads.start_file("files/a", display_name="a", mime_type="", size=0)
    assert session == FILES_SESSION
    assert service.seen[0].path == "/upload/v1beta/files"
    assert service.seen[0].json == {"file": {"name": "files/a", "displayName": "a"}}
    assert "x-goog-upload-header-content-type" not in service.seen[0].headers


async def test_bytes_are_never_sent_to_a_stranger() -> None:
    async with scripted(started("https://evil.test/upload?upload_id=1")) as (client, _):
        with pytest.raises(GeminiError, match="on another host") as caught:
            await client.uploads.start_file("files/a", display_name="a", mime_type="text/plain", size=1)
        assert caught.value.kind is ErrorKind.PERMANENT
        with pytest.raises(GeminiError) as caught:
            await client.uploads.send("https://evil.test/upload?upload_id=1", b"x", offset=0, final=True)
        assert caught.value.kind is ErrorKind.NOT_FOUND


async def test_a_session_of_another_service_is_gone_and_nothing_is_asked() -> None:
    async with scripted() as (client, service):
        progress = await client.uploads.query("http://127.0.0.1:9/upload?upload_id=1")
        await client.uploads.cancel("http://127.0.0.1:9/upload?upload_id=1")
    assert progress == UploadProgress(SessionState.GONE)
    assert service.seen == []


async def test_a_start_without_an_address_may_be_repeated() -> None:
    async with scripted(Reply(content=b"<html>login</html>")) as (client, _):
        with pytest.raises(GeminiError, match="no address") as caught:
            await client.uploads.start_file("files/a", display_name="a", mime_type="text/plain", size=1)
    assert caught.value.kind is ErrorKind.TRANSIENT


@pytest.mark.parametrize("mime", ["text/pläin", "text/plain\r\nx-evil: 1"])
async def test_a_mime_type_that_no_header_can_hold_is_refused(mime: str) -> None:
    async with scripted() as (client, _):
        with pytest.raises(GeminiError, match="not a MIME type"):
            await client.uploads.start_file("files/a", display_name="a", mime_type=mime, size=1)


async def test_metadata_and_store_are_checked_before_anything_is_sent() -> None:
    async with scripted() as (client, service):
        with pytest.raises(GeminiError, match="257 bytes"):
            await client.uploads.start(
                STORE, display_name="a", mime_type="text/plain", size=1, metadata={"k": "x" * 257}
            )
        with pytest.raises(UsageError, match="'My Library' is not a store's resource name"):
            await client.uploads.start("My Library", display_name="a", mime_type="", size=1, metadata={})
    assert service.seen == []


async def test_chunks_go_to_the_session_without_the_key() -> None:
    first, last = b"a" * CHUNK, b"b" * 5
    async with scripted(stands("active"), stands("final", FINALIZED)) as (client, service):
        active = await client.uploads.send(SESSION, first, offset=0, final=False)
        final = await client.uploads.send(SESSION, last, offset=CHUNK, final=True)
    assert active == UploadProgress(SessionState.ACTIVE, CHUNK)
    assert final == UploadProgress(SessionState.FINAL, CHUNK + 5, UploadResult(OPERATION, DOC))
    one, two = service.seen
    assert one.query == "upload_id=s3cr3t-session&upload_protocol=resumable"
    assert (one.headers["x-goog-upload-command"], one.headers["x-goog-upload-offset"]) == ("upload", "0")
    assert two.headers["x-goog-upload-command"] == "upload, finalize"
    assert two.headers["x-goog-upload-offset"] == str(CHUNK)
    assert (one.body, two.body) == (first, last)
    for request in service.seen:
        assert "x-goog-api-key" not in request.headers
        assert request.headers["content-length"] == str(len(request.body))
        assert "transfer-encoding" not in request.headers
    assert one.pieces == CHUNK // WRITE_SIZE  # small pieces: a slow line times out per piece, not per chunk


async def test_an_empty_file_is_one_empty_final_chunk() -> None:
    async with scripted(stands("final", FINALIZED)) as (client, service):
        progress = await client.uploads.send(SESSION, b"", offset=0, final=True)
    assert progress.result == UploadResult(OPERATION, DOC)
    assert (service.seen[0].body, service.seen[0].headers["content-length"]) == (b"", "0")


@pytest.mark.parametrize(
    ("content", "result"),
    [
        (FINALIZED, UploadResult(OPERATION, DOC)),
        ({"name": OPERATION}, UploadResult(OPERATION, DOC)),
        ({"name": "ethics-0123456789ab"}, UploadResult(OPERATION, DOC)),
        (
            {"response": {"parent": STORE.partition("/")[2], "documentName": "d-1"}},
            UploadResult(None, f"{STORE}/documents/d-1"),
        ),
        (
            {"response": {"documentName": "d-1"}, "more": [None], "done": None},
            UploadResult(None, f"{STORE}/documents/d-1"),
        ),
        ({"name": OPERATION, "response": {"documentName": "../../x"}}, UploadResult(OPERATION, DOC)),
        ({"file": {"name": "files/abc", "sizeBytes": "3"}}, UploadResult(file="files/abc")),
        ({"file": {"name": "abc", "sha256Hash": "YQ=="}}, UploadResult(file="files/abc")),
        ({}, None),
        ({"file": {}}, None),
        (b"", None),
        (b'{"name": "fileSear', None),
        (b"<html>", None),
        ([1], None),
    ],
)
async def test_names_in_the_result_become_full_whatever_their_shape(
    content: object, result: UploadResult | None
) -> None:
    async with scripted(stands("final", content)) as (client, _):
        assert await client.uploads.query(SESSION) == UploadProgress(SessionState.FINAL, None, result)
    async with scripted(stands("final", content)) as (client, _):
        if result is not None:
            assert (await client.uploads.send(SESSION, b"x", offset=0, final=True)).result == result
            return
        with pytest.raises(GeminiError) as caught:
            await client.uploads.send(SESSION, b"x", offset=0, final=True)
        assert caught.value.kind is ErrorKind.UNKNOWN


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Reply(200), ErrorKind.UNKNOWN),
        (Reply(200, headers={"X-Goog-Upload-Status": "puzzled"}), ErrorKind.UNKNOWN),
        (
            stands("active", {"error": {"code": 400, "message": "offset 0 != 17"}}, 17, code=400),
            ErrorKind.UNKNOWN,
        ),
        (stands("final", {"error": {"code": 500, "message": ""}}), ErrorKind.UNKNOWN),
        (refusal(412), ErrorKind.UNKNOWN),
        (refusal(416), ErrorKind.UNKNOWN),
        (refusal(400, "Upload has already been terminated"), ErrorKind.UNKNOWN),
        (refusal(503, "", "Service Unavailable"), ErrorKind.UNKNOWN),
        (ConnectionResetError(), ErrorKind.UNKNOWN),
        (ConnectionRefusedError(), ErrorKind.TRANSIENT),
        (refusal(404), ErrorKind.NOT_FOUND),
        (refusal(410), ErrorKind.NOT_FOUND),
        (refusal(429), ErrorKind.RATE_LIMIT),
        (refusal(429, "Corpus has reached the storage limit of 1000000000 bytes."), ErrorKind.STORE_FULL),
        (refusal(400, "Failed to count tokens."), ErrorKind.PERMANENT),
        (Reply(302, headers={"location": "https://evil.test/"}), ErrorKind.UNKNOWN),
    ],
)
async def test_a_chunk_that_may_have_arrived_is_unknown(answer: Reply, kind: ErrorKind) -> None:
    async with scripted(answer) as (client, service):
        with pytest.raises(GeminiError) as caught:
            await client.uploads.send(SESSION, b"x", offset=0, final=True)
    assert caught.value.kind is kind
    assert len(service.seen) == 1  # the client never sends again by itself
    assert "s3cr3t" not in str(caught.value)


async def test_a_final_chunk_that_stays_active_says_how_much_arrived() -> None:
    async with scripted(stands("active", received=3), stands("cancelled")) as (client, _):
        progress = await client.uploads.send(SESSION, b"12345", offset=0, final=True)
        assert progress == UploadProgress(SessionState.ACTIVE, 3)
        assert (await client.uploads.send(SESSION, b"12345", offset=0, final=True)).status == "cancelled"


@pytest.mark.parametrize(
    ("answer", "progress"),
    [
        (stands("active", received=17), UploadProgress(SessionState.ACTIVE, 17)),
        (stands("active", received=0), UploadProgress(SessionState.ACTIVE, 0)),
        (stands("active"), UploadProgress(SessionState.ACTIVE, None)),
        (stands("active", received=8, code=400), UploadProgress(SessionState.ACTIVE, 8)),
        (stands("final", FINALIZED), UploadProgress(SessionState.FINAL, None, UploadResult(OPERATION, DOC))),
        (stands("final", b"", 17), UploadProgress(SessionState.FINAL, 17)),
        (stands("final", {"error": {"message": "no"}}, code=400), UploadProgress(SessionState.FINAL)),
        (stands("cancelled"), UploadProgress(SessionState.CANCELLED)),
        (stands("canceled", code=499), UploadProgress(SessionState.CANCELLED)),
        (refusal(404), UploadProgress(SessionState.GONE)),
        (refusal(410), UploadProgress(SessionState.GONE)),
        (refusal(403), UploadProgress(SessionState.GONE)),
        (refusal(400, "Upload has already been terminated"), UploadProgress(SessionState.GONE)),
        (
            Reply(200, headers={"X-Goog-Upload-Status": "active", "X-Goog-Upload-Size-Received": "9" * 5000}),
            UploadProgress(SessionState.ACTIVE, None),
        ),
    ],
)
async def test_a_query_says_where_the_session_stands(answer: Reply, progress: UploadProgress) -> None:
    async with scripted(answer) as (client, service):
        queried = await client.uploads.query(SESSION)
    assert queried == progress
    (request,) = service.seen
    assert (request.headers["x-goog-upload-command"], request.body) == ("query", b"")
    assert "x-goog-api-key" not in request.headers


@pytest.mark.parametrize(
    "answer", [Reply(200), refusal(503), stands("final", code=502), ConnectionResetError()]
)
async def test_a_query_that_was_not_answered_may_be_repeated(answer: Reply) -> None:
    async with scripted(answer) as (client, _):
        with pytest.raises(GeminiError) as caught:
            await client.uploads.query(SESSION)
    assert caught.value.kind is ErrorKind.TRANSIENT


async def test_a_throttled_query_is_a_rate_limit() -> None:
    async with scripted(refusal(429)) as (client, _):
        with pytest.raises(GeminiError) as caught:
            await client.uploads.query(SESSION)
    assert caught.value.kind is ErrorKind.RATE_LIMIT


@pytest.mark.parametrize(
    ("answer", "closed"),
    [
        (stands("cancelled"), True),
        (refusal(404), True),
        (refusal(410), True),
        (refusal(400), False),
        (stands("final"), False),
    ],
)
async def test_a_cancel_says_whether_something_may_still_land(answer: Reply, closed: bool) -> None:
    async with scripted(answer) as (client, service):
        assert await client.uploads.cancel(SESSION) is closed
    assert service.seen[0].headers["x-goog-upload-command"] == "cancel"


async def test_a_cancel_that_was_not_confirmed_says_so() -> None:
    async with scripted(refusal(503)) as (client, _):
        with pytest.raises(GeminiError) as caught:
            await client.uploads.cancel(SESSION)
    assert caught.value.kind is ErrorKind.TRANSIENT
    assert client.sent == {"cancel": 1}


@pytest.mark.parametrize(("answer", "closed"), [("cancelled", True), ("final", False), ("active", None)])
async def test_a_cancel_without_a_state_is_checked_by_a_query(answer: str, closed: bool | None) -> None:
    """Found by torture, seed 2490: a page of the network, status 200, was taken for the service's word."""
    answers = (Reply(200, b"<html>Log in</html>"), stands(answer))
    async with scripted(*answers) as (client, _):
        if closed is None:
            with pytest.raises(GeminiError) as caught:
                await client.uploads.cancel(SESSION)
            assert caught.value.kind is ErrorKind.TRANSIENT
        else:
            assert await client.uploads.cancel(SESSION) is closed
    assert client.sent == {"cancel": 1, "query": 1}
