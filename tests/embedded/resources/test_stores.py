"""Stores: names, counts, lists, and going away with everything in them."""

import re
from pathlib import Path

import pytest
import trio

from objlib.testing import EPOCH
from objlib.testing.databases import read_database
from tests.support.clock import Clock
from tests.support.embedded import open_box, refused


async def test_a_store_is_named_after_its_display_name(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db", store=False) as box:
        store = await box.post("fileSearchStores", {"displayName": "My File Search Store"})
        assert re.fullmatch(r"fileSearchStores/my-file-search-store-[a-z0-9]{12}", store["name"])
        assert store["displayName"] == "My File Search Store"
        assert store["embeddingModel"] == "models/gemini-embedding-001"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", store["createTime"])
        assert not {"activeDocumentsCount", "sizeBytes"} & set(store)  # zero counts are left out
        assert await box.get(store["name"]) == store


@pytest.mark.parametrize(
    ("display_name", "slug"),
    [
        ("A Survey of Modernist Poetry", "a-survey-of-modernist-poetr-"),
        ("  Ünïcode -- Straße ", "unicode-strae-"),
        ("日本", ""),
        ("", ""),
        ("twenty-six letters and a tail", "twenty-six-letters-and-a-ta-"),
        ("one two three four five six seven", "one-two-three-four-five-six-"),
    ],
)
async def test_ids_are_slug_and_random_and_at_most_forty_long(
    tmp_path: Path, display_name: str, slug: str
) -> None:
    async with open_box(tmp_path / "s.db", store=False) as box:
        store = (await box.new_store(display_name)).removeprefix("fileSearchStores/")
        assert re.fullmatch(f"{slug}[a-z0-9]{{12}}", store)
        assert len(store) <= 40


async def test_an_empty_body_makes_a_store_without_a_name(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db", store=False) as box:
        answer = await box.client.post(
            "/v1/fileSearchStores", content=b"", headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 200
        assert "displayName" not in answer.json()


async def test_the_embedding_model_is_kept_as_it_was_given(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db", store=False) as box:
        body = {"display_name": "s", "embedding_model": "models/gemini-embedding-2"}
        assert (await box.post("fileSearchStores", body))["embeddingModel"] == "models/gemini-embedding-2"


@pytest.mark.parametrize("body", [{"displayName": "x" * 513}, {"displayName": 7}, {"embeddingModel": "mine"}])
async def test_a_malformed_store_is_refused(tmp_path: Path, body: object) -> None:
    async with open_box(tmp_path / "s.db", store=False) as box:
        refused(await box.client.post("/v1/fileSearchStores", json=body), 400, "INVALID_ARGUMENT")


async def test_counts_and_size_are_strings(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        await box.active(b"12345")
        await box.active(b"67")
        store = await box.get(box.store)
        assert store["activeDocumentsCount"] == "2"
        assert store["sizeBytes"] == "7"
        assert "pendingDocumentsCount" not in store


async def test_lists_are_ascending_and_paged(tmp_path: Path) -> None:
    clock = Clock(EPOCH)
    async with open_box(tmp_path / "s.db", now=clock, store=False) as box:
        names = []
        for number in range(23):
            clock.time -= 1  # a clock that runs backwards must not disturb the order
            names.append(await box.new_store(f"s{number}"))
        assert [s["name"] for s in await box.all_pages("fileSearchStores", "fileSearchStores", 5)] == names
        assert len((await box.get("fileSearchStores"))["fileSearchStores"]) == 10
        clamped = await box.get("fileSearchStores", pageSize="1000")
        assert len(clamped["fileSearchStores"]) == 20


async def test_no_stores_is_an_empty_object(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db", store=False) as box:
        assert await box.get("fileSearchStores") == {}


@pytest.mark.parametrize(
    "query", ["pageSize=-1", "pageSize=many", "pageToken=%21%21", "pageToken=bm9wZQ", "pageToken=eH4x"]
)
async def test_malformed_paging_is_refused(tmp_path: Path, query: str) -> None:
    async with open_box(tmp_path / "s.db", store=False) as box:
        refused(await box.client.get(f"/v1/fileSearchStores?{query}"), 400, "INVALID_ARGUMENT")


async def test_an_unknown_store_is_not_found(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db", store=False) as box:
        for path in ("", "/documents", "/documents/d-123456789012", "/operations/o", "/upload/operations/o"):
            answer = await box.client.get(f"/v1beta/fileSearchStores/nope{path}")
            refused(answer, 404, "NOT_FOUND")
        refused(await box.client.delete("/v1beta/fileSearchStores/nope?force=true"), 404, "NOT_FOUND")


async def test_a_store_with_documents_needs_force(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        empty, full = box.store, await box.new_store()
        document = await box.upload(b"text")
        answer = await box.client.delete(f"/v1/{full}")
        refused(answer, 400, "FAILED_PRECONDITION", "Cannot delete non-empty FileSearchStore")
        assert await box.delete(empty) == {}
        assert await box.delete(full, force="True") == {}
        refused(await box.client.get(f"/v1/{full}"), 404, "NOT_FOUND")
        refused(await box.client.get(f"/v1/{document}"), 404, "NOT_FOUND")
        refused(await box.client.delete(f"/v1/{full}?force=1"), 404, "NOT_FOUND")
        assert await box.get("fileSearchStores") == {}


async def test_a_deleted_store_is_emptied_in_steps_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    async with open_box(path) as box:
        for number in range(25):
            await box.upload(b"text %d" % number)
        await box.start(10)
        half = await box.start(16 * 1024 * 1024)
        await box.command(half, "upload", b"x" * 8 * 1024 * 1024, 0)
        await box.delete(box.store, force="true")
        await trio.sleep(1)
    with read_database(path) as db:
        for table in (
            "stores",
            "documents",
            "operations",
            "uploads",
            "blobs",
            "blob_parts",
            "texts",
            "chunks",
        ):
            assert db.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
