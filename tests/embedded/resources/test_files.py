"""The files API and importing: 48 hours, 403 for what is not there, bare ids."""

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest
import trio

from objlib.embedded import Options
from objlib.testing import EPOCH
from objlib.testing.databases import read_database
from tests.support.clock import Clock
from tests.support.embedded import Box, ok, open_box, refused, start_headers


async def put_file(box: Box, data: bytes, **fields: Any) -> dict[str, Any]:
    answer = await box.client.post(
        "/upload/v1beta/files", json={"file": fields}, headers=start_headers(len(data))
    )
    ok(answer)
    final = await box.command(answer.headers["x-goog-upload-url"], "upload, finalize", data, 0)
    assert final.headers["x-goog-upload-status"] == "final"
    file: dict[str, Any] = ok(final)["file"]
    return file


async def import_done(box: Box, operation: dict[str, Any]) -> dict[str, Any]:
    while "done" not in operation:
        assert operation == {"name": operation["name"]}
        await trio.sleep(0.01)
        operation = await box.get(operation["name"])
    return operation


async def test_a_file_has_the_fields_of_its_upload(tmp_path: Path) -> None:
    clock = Clock(EPOCH)
    async with open_box(tmp_path / "s.db", now=clock) as box:
        file = await put_file(box, b"hello", name="files/probe123", display_name="hello", size_bytes=5)
        assert file == {
            "name": "files/probe123",
            "displayName": "hello",
            "mimeType": "text/plain",
            "sizeBytes": "5",
            "createTime": "2027-01-15T08:00:00.000000Z",
            "updateTime": "2027-01-15T08:00:00.000000Z",
            "expirationTime": "2027-01-17T08:00:00.000000Z",
            "sha256Hash": base64.b64encode(hashlib.sha256(b"hello").hexdigest().encode()).decode(),
            "uri": "http://box.test/v1beta/files/probe123",
            "state": "ACTIVE",
            "source": "UPLOADED",
        }
        assert len(file["sha256Hash"]) == 88
        assert await box.get("files/probe123") == file
        assert await box.get("files") == {"files": [file]}
        assert await box.delete("files/probe123") == {}
        assert await box.get("files") == {}


async def test_a_file_without_a_name_gets_one(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        answer = await box.client.post("/upload/v1/files", content=b"", headers=start_headers(mime_type=""))
        file = ok(await box.command(answer.headers["x-goog-upload-url"], "upload, finalize", b"", 0))["file"]
        assert len(file["name"]) == len("files/") + 12
        assert file["mimeType"] == "application/octet-stream"


@pytest.mark.parametrize(
    "name", ["mine", "files/", "files/Upper", "files/-a", "files/" + "x" * 41, "files/a/b"]
)
async def test_a_malformed_file_name_is_refused(tmp_path: Path, name: str) -> None:
    async with open_box(tmp_path / "s.db") as box:
        answer = await box.client.post(
            "/upload/v1/files", json={"file": {"name": name}}, headers=start_headers(1)
        )
        refused(answer, 400, "INVALID_ARGUMENT")


async def test_a_used_file_name_is_refused_until_the_file_expires(tmp_path: Path) -> None:
    clock = Clock(EPOCH)
    async with open_box(tmp_path / "s.db", now=clock) as box:
        await put_file(box, b"one", name="files/same")
        answer = await box.client.post(
            "/upload/v1/files", json={"file": {"name": "files/same"}}, headers=start_headers(3)
        )
        url = answer.headers["x-goog-upload-url"]
        refused(await box.command(url, "upload, finalize", b"two", 0), 409, "ALREADY_EXISTS")
        clock.time += 48 * 3600
        assert ok(await box.command(url, "upload, finalize", b"two", 0))["file"]["name"] == "files/same"


async def test_files_expire_after_48_hours(tmp_path: Path) -> None:
    clock = Clock(EPOCH)
    async with open_box(tmp_path / "s.db", now=clock) as box:
        await put_file(box, b"x", name="files/a")
        clock.time = EPOCH + 48 * 3600 - 1
        assert (await box.get("files/a"))["state"] == "ACTIVE"
        clock.time += 1
        for answer in (
            await box.client.get("/v1/files/a"),
            await box.client.delete("/v1/files/a"),
            await box.client.get("/v1/files/never"),
            await box.client.post(f"/v1/{box.store}:importFile", json={"fileName": "files/a"}),
        ):
            refused(answer, 403, "PERMISSION_DENIED", "You do not have permission to access the File ")
        assert await box.get("files") == {}
    async with open_box(tmp_path / "s.db", now=clock):
        await trio.testing.wait_all_tasks_blocked()
    with read_database(tmp_path / "s.db") as db:
        assert db.execute("SELECT (SELECT count(*) FROM files), (SELECT count(*) FROM blobs)").fetchone() == (
            0,
            0,
        )


async def test_lists_of_files_are_clamped_at_a_hundred(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        names = [(await put_file(box, b"x"))["name"] for _ in range(12)]
        assert [file["name"] for file in await box.all_pages("files", "files", 5)] == names
        assert len((await box.get("files"))["files"]) == 10
        assert len((await box.get("files", pageSize="1000"))["files"]) == 12


async def test_an_imported_document_is_called_by_the_files_id(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        await put_file(box, b"a lighthouse keeper", name="files/probe123", displayName="pretty name")
        body = {"file_name": "files/probe123", "custom_metadata": [{"key": "k", "string_value": "v"}]}
        operation = await box.post(f"{box.store}:importFile", body)
        doc = operation["name"].rpartition("/")[2]
        assert operation == {"name": f"{box.store}/operations/{doc}"}
        assert doc.startswith("probe123-")
        done = await import_done(box, operation)
        assert done["response"] == {
            "@type": "type.googleapis.com/google.ai.generativelanguage.v1main.ImportFileResponse",
            "parent": box.store.removeprefix("fileSearchStores/"),
            "documentName": doc,
        }
        document = await box.get(f"{box.store}/documents/{doc}")
        assert document["displayName"] == "probe123"
        assert document["customMetadata"] == [{"key": "k", "stringValue": "v"}]
        await box.delete("files/probe123")
        assert await box.titles("lighthouse") == ["probe123"]  # an import outlives its file
        refused(await box.client.get(f"/v1/{box.store}/upload/operations/{doc}"), 404, "NOT_FOUND")


async def test_full_names_in_import_can_be_switched_on(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db", options=Options(full_names_in_import=True)) as box:
        file = await put_file(box, b"text")
        done = await import_done(box, await box.post(f"{box.store}:importFile", {"fileName": file["name"]}))
        doc = done["name"].rpartition("/")[2]
        assert done["response"]["parent"] == box.store
        assert done["response"]["documentName"] == f"{box.store}/documents/{doc}"


async def test_a_file_that_is_not_active_yet_cannot_be_imported(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db", options=Options(settle_seconds=5)) as box:
        file = await put_file(box, b"text", name="files/slow")
        assert file["state"] == "PROCESSING"
        answer = await box.client.post(f"/v1/{box.store}:importFile", json={"fileName": "files/slow"})
        message = "The File slow is not in an ACTIVE state and usage is not allowed."
        refused(answer, 400, "FAILED_PRECONDITION", message)
        await trio.sleep(5)
        assert (await box.get("files/slow"))["state"] == "ACTIVE"
        await box.post(f"{box.store}:importFile", {"fileName": "files/slow"})


@pytest.mark.parametrize(
    ("mime_type", "body", "code", "status"),
    [
        ("text/plain", {}, 400, "INVALID_ARGUMENT"),
        ("text/plain", {"fileName": 1}, 400, "INVALID_ARGUMENT"),
        ("text/plain", {"fileName": "files/nope"}, 403, "PERMISSION_DENIED"),
        ("text/plain", {"fileName": "files/f", "customMetadata": [{}]}, 400, "INVALID_ARGUMENT"),
        ("text/plain", {"fileName": "files/large"}, 400, "INVALID_ARGUMENT"),
        ("video/mp4", {"fileName": "files/f"}, 400, "INVALID_ARGUMENT"),
    ],
)
async def test_a_malformed_import_is_refused(
    tmp_path: Path, mime_type: str, body: Any, code: int, status: str
) -> None:
    async with open_box(tmp_path / "s.db", options=Options(max_document=10)) as box:
        await put_file(box, b"text", name="files/f", mimeType=mime_type)
        await put_file(box, b"x" * 11, name="files/large")
        answer = await box.client.post(f"/v1/{box.store}:importFile", json=body)
        refused(answer, code, status)


async def test_an_import_into_no_store_is_not_found(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        await put_file(box, b"text", name="files/f")
        answer = await box.client.post("/v1/fileSearchStores/nope:importFile", json={"fileName": "files/f"})
        refused(answer, 404, "NOT_FOUND")
        assert await box.get(f"{box.store}/documents") == {}
