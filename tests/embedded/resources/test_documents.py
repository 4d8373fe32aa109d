"""Documents and their operations: states, metadata, lists that hold still, deletion."""

import json
import sqlite3
import struct
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from objlib.embedded import Options, index, worker
from objlib.embedded.extraction.frames import ExtractedPassage
from objlib.embedded.text.extract import extract
from objlib.embedded.text.extracted import Extracted
from objlib.embedded.wire.metadata import float32, read_metadata, write_metadata
from objlib.testing import EPOCH
from objlib.testing.databases import read_database
from tests.support.clock import Clock
from tests.support.embedded import open_box, refused


async def test_a_document_has_the_fields_of_its_upload(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        name = await box.active(
            b"hello file search",
            "Hello, World.txt",
            customMetadata=[
                {"key": "author", "string_value": "Ada"},
                {"key": "year", "numeric_value": 1843.0},
                {"key": "tags", "string_list_value": {"values": ["a", "b"]}},
            ],
            chunkingConfig={"white_space_config": {"max_tokens_per_chunk": 200}},
        )
        document = await box.get(name)
        assert document["name"].startswith(f"{box.store}/documents/hello-world-txt-")
        assert document["displayName"] == "Hello, World.txt"
        assert document["state"] == "STATE_ACTIVE"
        assert document["sizeBytes"] == "17"
        assert document["mimeType"] == "text/plain"
        assert document["customMetadata"] == [
            {"key": "author", "stringValue": "Ada"},
            {"key": "year", "numericValue": 1843.0},
            {"key": "tags", "stringListValue": {"values": ["a", "b"]}},
        ]
        assert (await box.get(f"{box.store}/documents"))["documents"] == [document]


async def test_a_running_operation_has_only_its_name(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db", options=Options(settle_seconds=5)) as box:
        name = await box.upload(b"text")
        doc = name.rpartition("/")[2]
        operation = f"{box.store}/upload/operations/{doc}"
        assert await box.get(operation) == {"name": operation}
        assert (await box.get(name))["state"] == "STATE_PENDING"
        assert (await box.get(box.store))["pendingDocumentsCount"] == "1"
        refused(await box.client.get(f"/v1/{box.store}/operations/{doc}"), 404, "NOT_FOUND")
        started = trio.current_time()
        done = await box.settled(name)
        assert trio.current_time() - started == pytest.approx(5, abs=0.1)
        assert done["response"] == {
            "@type": "type.googleapis.com/google.ai.generativelanguage.v1main.UploadToFileSearchStoreResponse",
            "parent": box.store,
            "documentName": name,
            "mimeType": "text/plain",
            "sizeBytes": "4",
        }
        assert (await box.get(name))["state"] == "STATE_ACTIVE"


async def test_an_unreadable_document_fails_with_its_reason(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        name = await box.upload(b"no pdf at all", mime_type="application/pdf")
        operation = await box.settled(name)
        assert operation["error"]["code"] == 3
        assert operation["error"]["message"]
        assert "response" not in operation
        document = await box.get(name)
        assert document["state"] == "STATE_FAILED"
        assert "error" not in document
        assert (await box.get(box.store))["failedDocumentsCount"] == "1"
        assert await box.delete(name) == {}  # it has no passages, so no force is needed


async def test_a_bug_in_extraction_fails_only_its_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bugged_extract(data: bytes, *, mime_type: str, name: str) -> Extracted:
        if data == b"bad":
            raise ZeroDivisionError("oops")
        return extract(data, mime_type=mime_type, name=name)

    def add_passages(
        db: sqlite3.Connection, text: index.IndexedText, start: int, passages: list[ExtractedPassage]
    ) -> int:
        db.execute("INSERT INTO index_meta VALUES('half', 'done')")
        if passages[0].body == "worse":
            raise sqlite3.IntegrityError("oops")
        db.execute("DELETE FROM index_meta WHERE key = 'half'")
        return 1

    monkeypatch.setattr(worker, "extract", bugged_extract)
    monkeypatch.setattr(index, "add_passages", add_passages)
    async with open_box(tmp_path / "s.db", options=Options(settle_seconds=1)) as box:
        names = [await box.upload(data) for data in (b"good", b"bad", b"worse", b"fine")]
        codes = [(await box.settled(name)).get("error", {}).get("code") for name in names]
        assert codes == [None, 13, 13, None]
    with read_database(tmp_path / "s.db") as db:
        assert db.execute("SELECT count(*) FROM index_meta WHERE key = 'half'").fetchone() == (0,)


async def test_deleting_a_document_needs_force_and_removes_its_rows(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        name = await box.active(b"some text about a lighthouse")
        other = await box.active(b"some text about a lighthouse", "twin.txt")
        answer = await box.client.delete(f"/v1/{name}")
        refused(answer, 400, "FAILED_PRECONDITION", "Cannot delete non-empty Document.")
        assert await box.delete(name, force="True") == {}
        refused(await box.client.get(f"/v1/{name}"), 404, "NOT_FOUND")
        refused(await box.client.delete(f"/v1/{name}?force=true"), 404, "NOT_FOUND")
        assert await box.titles("lighthouse") == ["twin.txt"]  # the bytes were shared and are still there
        await box.delete(other, force="true")
        assert await box.titles("lighthouse") == []
    with read_database(tmp_path / "s.db") as db:
        for table in ("documents", "blobs", "blob_parts", "texts", "chunks"):
            assert db.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table


async def test_a_document_deleted_while_pending_ends_its_operation(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db", options=Options(settle_seconds=60)) as box:
        name = await box.upload(b"text")
        await box.delete(name)
        operation = await box.settled(name)
        assert operation["error"]["code"] == 5


async def test_the_operation_of_a_deleted_document_stays_done(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        name = await box.active(b"text")
        await box.delete(name, force="true")
        assert (await box.settled(name))["response"]["documentName"] == name


async def test_the_header_or_the_id_replaces_a_missing_display_name(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        url = await box.start(1)
        document = (await box.command(url, "upload, finalize", b"x", 0)).json()["response"]["documentName"]
        assert (await box.get(document))["displayName"] == document.rpartition("/")[2]
        box.headers = {"X-Goog-Upload-File-Name": "big.txt"}
        url = await box.start(1)
        document = (await box.command(url, "upload, finalize", b"x", 0)).json()["response"]["documentName"]
        assert (await box.get(document))["displayName"] == "big.txt"


ENTRY = {"key": "k", "stringValue": "v"}


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([{"key": f"k{n}", "stringValue": "v"} for n in range(21)], "at most 20"),
        ([{"key": "k", "stringValue": "x" * 257}], "string_value cannot be more than 256 characters long."),
        ([{"key": "k", "string_value": "é" * 129}], "string_value cannot be more than 256 characters long."),
        ([ENTRY, ENTRY], "duplicate"),
        ([{"stringValue": "v"}], "key is required"),
        ([{"key": "", "stringValue": "v"}], "key is required"),
        (["k"], "an object was expected"),
        ([{"key": "k"}], "exactly one"),
        ([{"key": "k", "stringValue": "v", "numericValue": 1}], "exactly one"),
        ([{"key": "k", "stringValue": 1}], "TYPE_STRING"),
        ([{"key": "k", "numericValue": "1"}], "TYPE_DOUBLE"),
        ([{"key": "k", "numericValue": True}], "TYPE_DOUBLE"),
        ([{"key": "k", "numericValue": 1e39}], "finite"),
        ([{"key": "k", "numericValue": 10**400}], "finite"),
        ([{"key": "k", "stringListValue": {"values": [1]}}], "TYPE_STRING"),
        ([{"key": "k", "stringListValue": ["a"]}], "object"),
        ({"key": "k"}, "list"),
    ],
)
async def test_malformed_metadata_is_refused_at_the_start(tmp_path: Path, entries: Any, message: str) -> None:
    async with open_box(tmp_path / "s.db") as box:
        answer = await box.client.post(
            f"/upload/v1beta/{box.store}:uploadToFileSearchStore",
            content=json.dumps({"customMetadata": entries}),
            headers={
                "Content-Type": "application/json",
                "X-Goog-Upload-Protocol": "resumable",
                "X-Goog-Upload-Command": "start",
                "X-Goog-Upload-Header-Content-Type": "text/plain",
            },
        )
        refused(answer, 400, "INVALID_ARGUMENT", message)


def test_the_message_of_a_long_string_is_the_services_own() -> None:
    body = {"customMetadata": [ENTRY, {"key": "x", "stringValue": "y" * 257}]}
    with pytest.raises(
        Exception, match=r"^\* UploadToFileSearchStoreRequest.custom_metadata\[1\].string_value: "
    ) as e:
        read_metadata(body, "UploadToFileSearchStoreRequest")
    assert str(e.value).endswith("string_value cannot be more than 256 characters long.")


def test_numbers_are_kept_as_32_bit_floats() -> None:
    assert float32(20260103) == 20260104
    assert float32(0.1) == 0.1
    assert float32(16777217) == 16777216
    assert float32(1.0589174523200799e18) == 1.05891745e18  # one of those that need nine digits


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_number_of_32_bits_stays_itself(number: float) -> None:
    kept = float32(number)
    assert struct.pack("<f", kept) == struct.pack("<f", number)
    assert float32(kept) == kept


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8),
        st.one_of(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=60).map(lambda v: {"stringValue": v}),
            st.floats(width=32, allow_nan=False, allow_infinity=False)
            .map(float32)
            .map(lambda v: {"numericValue": v}),
            st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5)).map(
                lambda v: {"stringListValue": {"values": v}}
            ),
        ),
        max_size=20,
    )
)
def test_metadata_round_trips(values: dict[str, Any]) -> None:
    entries = [{"key": key, **value} for key, value in values.items()]
    assert write_metadata(json.loads(read_metadata({"customMetadata": entries}, "R"))) == entries


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_paging_lists_every_remaining_document_once(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    count = data.draw(st.integers(1, 22))
    same_time = data.draw(st.booleans())
    doomed = data.draw(st.lists(st.sets(st.integers(0, count - 1), max_size=6), max_size=12))
    sizes = data.draw(st.lists(st.integers(1, 7), min_size=1, max_size=5))

    async def play() -> None:
        clock = Clock(EPOCH)
        async with open_box(tmp_path_factory.mktemp("paging") / "s.db", now=clock) as box:
            names = []
            for number in range(count):
                clock.time += 0 if same_time else 1
                names.append(await box.upload(b"%d" % number))
            await trio.testing.wait_all_tasks_blocked()
            seen: list[str] = []
            gone: set[str] = set()
            token, turn = "", 0
            while True:
                page = await box.get(
                    f"{box.store}/documents", pageSize=str(sizes[turn % len(sizes)]), pageToken=token
                )
                seen += [document["name"] for document in page.get("documents", [])]
                token = page.get("nextPageToken", "")
                if not token:
                    break
                for number in doomed[turn] if turn < len(doomed) else ():
                    if names[number] not in gone:
                        await box.delete(names[number], force="true")
                        gone.add(names[number])
                turn += 1
            assert len(seen) == len(set(seen))
            assert seen == sorted(seen, key=names.index)
            assert set(names) - gone <= set(seen)

    trio.run(play)
