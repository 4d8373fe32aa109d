"""Stores, documents, operations and files."""

import hashlib

import pytest

from objlib.core.errors import UsageError
from objlib.core.remote import DocumentState
from objlib.gemini import (
    Document,
    ErrorKind,
    FileState,
    GeminiError,
    Operation,
    OperationError,
    Store,
)
from objlib.gemini.times import unix_time
from tests.support.gemini import KEY, STORE, Reply, refusal, scripted

DOC = f"{STORE}/documents/ethics-0123456789ab"
UPLOAD = f"{STORE}/upload/operations/ethics-0123456789ab"
IMPORT = f"{STORE}/operations/ethics-0123456789ab"


async def test_a_store_is_created_by_its_display_name() -> None:
    shape = {
        "name": STORE,
        "displayName": "Über",
        "sizeBytes": "1234567890123",
        "activeDocumentsCount": "3",
        "new": 1,
    }
    async with scripted(Reply(content=shape)) as (client, service):
        store = await client.stores.create(" Über ")
    assert store == Store(STORE, "Über", active=3, size=1234567890123)
    (request,) = service.seen
    assert (request.method, request.path, request.json) == (
        "POST",
        "/v1beta/fileSearchStores",
        {"displayName": "Über"},
    )
    assert request.headers["x-goog-api-key"] == KEY
    assert client.sent == {"store": 1}
    assert client.requests == 1


@pytest.mark.parametrize("answer", [refusal(503), ConnectionResetError(), Reply(content=b"<html>"), Reply()])
async def test_whether_a_store_was_made_is_unknown_without_its_name(answer: Reply) -> None:
    async with scripted(answer) as (client, _):
        with pytest.raises(GeminiError) as caught:
            await client.stores.create("x")
    assert caught.value.kind is ErrorKind.UNKNOWN


async def test_stores_are_found_by_name_over_all_pages() -> None:
    def page(token: str, *names: str) -> Reply:
        shapes = [{"name": f"fileSearchStores/{name}", "displayName": name[0]} for name in names]
        return Reply(content={"fileSearchStores": shapes, "nextPageToken": token})

    async with scripted(page("t 1", "a1", "b1"), page("", "b1", "a2")) as (client, service):
        assert [store.name for store in await client.stores.find("a")] == [
            "fileSearchStores/a1",
            "fileSearchStores/a2",
        ]
    assert [request.query for request in service.seen] == ["pageSize=20", "pageSize=20&pageToken=t+1"]


async def test_no_stores_at_all_is_an_empty_object() -> None:
    async with scripted(Reply(content={})) as (client, _):
        assert await client.stores.find("a") == []


async def test_deleting_a_resource_that_is_gone_gives_false() -> None:
    async with scripted(Reply(content={}), Reply(), refusal(404), refusal(404)) as (client, service):
        assert await client.stores.delete(STORE)
        assert await client.documents.delete(DOC)
        assert not await client.stores.delete(STORE, force=False)
        assert not await client.documents.delete(DOC)
    assert [(request.method, request.query) for request in service.seen] == [
        ("DELETE", "force=true"),
        ("DELETE", "force=true"),
        ("DELETE", ""),
        ("DELETE", "force=true"),
    ]


@pytest.mark.parametrize("answer", [refusal(503), ConnectionResetError(), Reply(content=b"<html>ok</html>")])
async def test_a_delete_without_an_answer_may_be_repeated(answer: Reply) -> None:
    async with scripted(answer, answer) as (client, _):
        for deleting in (client.documents.delete(DOC), client.stores.delete(STORE)):
            with pytest.raises(GeminiError) as caught:
                await deleting
            assert caught.value.kind is ErrorKind.TRANSIENT


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("STATE_PENDING", DocumentState.PENDING),
        ("STATE_ACTIVE", DocumentState.ACTIVE),
        ("STATE_FAILED", DocumentState.FAILED),
        ("STATE_UNSPECIFIED", DocumentState.PENDING),
        ("STATE_RETIRED", DocumentState.PENDING),
        (2, DocumentState.ACTIVE),
        (None, DocumentState.PENDING),
    ],
)
async def test_only_active_is_active(state: str | int | None, expected: DocumentState) -> None:
    async with scripted(Reply(content={"name": DOC, "state": state})) as (client, _):
        assert (await client.documents.get(DOC)).state is expected


async def test_a_document_is_read_in_full() -> None:
    shape = {
        "name": DOC,
        "displayName": "Ethics",
        "state": "STATE_ACTIVE",
        "sizeBytes": "37",
        "mimeType": "text/plain",
        "createTime": "2026-01-02T03:04:05.678901234Z",
        "customMetadata": [{"key": "objlib_id", "stringValue": "f1"}, {"key": "year", "numericValue": 1843}],
    }
    async with scripted(Reply(content=shape)) as (client, service):
        document = await client.documents.get(DOC)
    assert document == Document(
        DOC,
        "Ethics",
        DocumentState.ACTIVE,
        size=37,
        mime_type="text/plain",
        create_time=1767323045.678901,
        metadata={"objlib_id": "f1", "year": 1843.0},
    )
    assert service.seen[0].path == f"/v1beta/{DOC}"


async def test_a_page_of_documents_has_full_names_and_perhaps_a_next() -> None:
    page = Reply(content={"documents": [{"name": DOC}, {"name": "bare-id"}], "nextPageToken": "n/+="})
    async with scripted(page, Reply(content={})) as (client, service):
        first = await client.documents.list(STORE)
        last = await client.documents.list(STORE, page_token=first.next_page_token)
    assert [document.name for document in first.documents] == [DOC, f"{STORE}/documents/bare-id"]
    assert (last.documents, last.next_page_token) == ((), None)
    assert [request.query for request in service.seen] == ["pageSize=20", "pageSize=20&pageToken=n%2F%2B%3D"]
    assert service.seen[0].path == f"/v1beta/{STORE}/documents"
    assert client.sent == {"list": 2}


async def test_a_listing_with_a_nameless_document_is_not_taken_for_complete() -> None:
    async with scripted(Reply(content={"documents": [{"name": DOC}, {}]})) as (client, _):
        with pytest.raises(GeminiError, match="one has no name") as caught:
            await client.documents.list(STORE)
    assert caught.value.kind is ErrorKind.TRANSIENT


@pytest.mark.parametrize(
    ("shape", "operation"),
    [
        ({"name": UPLOAD}, Operation(UPLOAD, document=DOC, hint=True)),
        ({}, Operation(UPLOAD, document=DOC, hint=True)),
        ({"name": UPLOAD, "response": {"documentName": DOC}}, Operation(UPLOAD, document=DOC)),
        (
            {
                "name": IMPORT,
                "done": True,
                "response": {"parent": STORE.partition("/")[2], "documentName": "other-1"},
            },
            Operation(IMPORT, done=True, document=f"{STORE}/documents/other-1"),
        ),
        (
            {
                "name": UPLOAD,
                "done": True,
                "error": {"code": 13, "message": "broke\nhere", "details": [{"a": 1}]},
            },
            Operation(UPLOAD, done=True, error=OperationError(13, "broke here"), document=DOC, hint=True),
        ),
    ],
)
async def test_an_operation_is_done_only_when_it_says_so(shape: object, operation: Operation) -> None:
    async with scripted(Reply(content=shape)) as (client, service):
        assert await client.operations.get(UPLOAD) == operation
    assert service.seen[0].path == f"/v1beta/{UPLOAD}"


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        (3, "", ErrorKind.PERMANENT),
        (5, "", ErrorKind.NOT_FOUND),
        (8, "Quota exceeded", ErrorKind.RATE_LIMIT),
        (8, "Corpus has reached the storage limit of 1 bytes.", ErrorKind.STORE_FULL),
        (13, "", ErrorKind.TRANSIENT),
        (14, "", ErrorKind.TRANSIENT),
        (16, "", ErrorKind.AUTH),
        (99, "", ErrorKind.PERMANENT),
    ],
)
def test_an_operations_error_has_a_kind(code: int, message: str, kind: ErrorKind) -> None:
    assert OperationError(code, message).kind is kind


async def test_an_operation_whose_record_is_gone_is_not_found() -> None:
    async with scripted(refusal(404)) as (client, _):
        with pytest.raises(GeminiError) as caught:
            await client.operations.get(IMPORT)
    assert caught.value.kind is ErrorKind.NOT_FOUND


async def test_an_import_names_its_operation_and_so_its_document() -> None:
    async with scripted(Reply(content={"name": IMPORT})) as (client, service):
        operation = await client.stores.import_file(STORE, "files/ethics", metadata={"objlib_id": "f1"})
    assert operation == Operation(IMPORT, document=DOC, hint=True)
    (request,) = service.seen
    assert request.path == f"/v1beta/{STORE}:importFile"
    assert request.json == {
        "fileName": "files/ethics",
        "customMetadata": [{"key": "objlib_id", "stringValue": "f1"}],
    }


@pytest.mark.parametrize("answer", [refusal(503), ConnectionResetError(), Reply(content=b"<html>"), Reply()])
async def test_an_import_without_a_readable_answer_is_unknown(answer: Reply) -> None:
    async with scripted(answer) as (client, _):
        with pytest.raises(GeminiError) as caught:
            await client.stores.import_file(STORE, "files/ethics", metadata={})
    assert caught.value.kind is ErrorKind.UNKNOWN


DIGEST = hashlib.sha256(b"bytes").hexdigest()


async def test_a_file_is_as_far_as_the_service_says() -> None:
    states = ["ACTIVE", "FAILED", 2, 10, "STATE_UNSPECIFIED", "NEW"]
    replies = [Reply(content={"name": "files/abc", "state": state}) for state in states]
    async with scripted(*replies) as (client, _):
        seen = [await client.files.state("files/abc") for _ in states]
    assert seen == [FileState.ACTIVE, FileState.FAILED] * 2 + [FileState.PROCESSING] * 2


async def test_a_file_that_is_not_there_is_forbidden_and_means_not_found() -> None:
    words = "You do not have permission to access the File x or it may not exist."
    async with scripted(refusal(403, words, "PERMISSION_DENIED")) as (client, _):
        with pytest.raises(GeminiError) as caught:
            await client.files.state("files/x")
    assert caught.value.kind is ErrorKind.NOT_FOUND


async def test_names_are_checked_before_they_get_into_a_path() -> None:
    async with scripted() as (client, service):
        for asking in (
            client.stores.get("x"),
            client.documents.get(f"{STORE}/documents/../../x"),
            client.operations.get("operations/x"),
            client.files.state("x"),
            client.documents.delete(STORE),
            client.documents.list("x"),
            client.stores.import_file(STORE, "x", metadata={}),
        ):
            with pytest.raises(UsageError, match="is not"):
                await asking
    assert service.seen == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:01Z", 1.0),
        ("1970-01-01T00:00:01.500000000Z", 1.5),
        ("1970-01-01T01:00:01+01:00", 1.0),
        ("1970-01-01T00:00:01", 1.0),
        ("", 0.0),
        ("soon", 0.0),
    ],
)
def test_a_timestamp_is_unix_time(text: str, seconds: float) -> None:
    assert unix_time(text) == seconds
