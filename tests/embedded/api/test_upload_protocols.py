"""Uploads in one request, by Content-Range, and the chunking that they ask for."""

from pathlib import Path
from typing import Any

import pytest

from objlib.embedded.api.content_range import GRANULARITY
from tests.support.embedded import Box, V, ok, open_box, refused, start_headers

META = b'{"displayName": "bees.txt", "customMetadata": [{"key": "k", "stringValue": "v"}]}'


def related(metadata: bytes, data: bytes, *, json_type: bytes = b"application/json") -> bytes:
    """A multipart body with the boundary ``xyz``."""
    return (
        b"--xyz\r\nContent-Type: " + json_type + b"\r\n\r\n" + metadata + b"\r\n"
        b"--xyz\r\nContent-Type: text/plain\r\n\r\n" + data + b"\r\n--xyz--\r\n"
    )


def upload_path(box: Box, query: str = "") -> str:
    return f"/upload/v1beta/{box.store}:uploadToFileSearchStore{query}"


async def active(box: Box, operation: dict[str, Any]) -> dict[str, Any]:
    """The document that an upload made, once it is ACTIVE."""
    name = operation["response"]["documentName"]
    assert "error" not in await box.settled(name)
    document: dict[str, Any] = await box.get(name)
    return document


@pytest.mark.parametrize(
    ("query", "headers"),
    [("", {"X-Goog-Upload-Protocol": "multipart"}), ("?uploadType=multipart", {})],
    ids=["header", "query"],
)
@pytest.mark.parametrize("boundary", ["xyz", '"xyz"'])
async def test_a_multipart_upload_makes_a_document(
    tmp_path: Path, query: str, headers: dict[str, str], boundary: str
) -> None:
    async with open_box(tmp_path / "s.db") as box:
        headers = headers | {"Content-Type": f"multipart/related; boundary={boundary}"}
        data = b"bees\r\n--xy and\r\n honey"
        answer = await box.client.post(upload_path(box, query), content=related(META, data), headers=headers)
        document = await active(box, ok(answer))
        assert (document["displayName"], document["sizeBytes"]) == ("bees.txt", str(len(data)))
        assert document["customMetadata"] == [{"key": "k", "stringValue": "v"}]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--xyz",
        b"--xyz\r\n\r\n{}\r\n--xyz--",
        b"--abc\r\n\r\n{}\r\n--abc\r\n\r\nx\r\n--abc--",
        related(b"{", b"x"),
        related(b"[]", b"x"),
        related(b"{}", b"x", json_type=b"text/plain"),
        related(b"{}", b"x")[:-10],
    ],
    ids=range(8),
)
async def test_a_malformed_multipart_body_is_refused(tmp_path: Path, body: bytes) -> None:
    async with open_box(tmp_path / "s.db") as box:
        headers = {"X-Goog-Upload-Protocol": "multipart", "Content-Type": "multipart/related; boundary=xyz"}
        answer = await box.client.post(upload_path(box), content=body, headers=headers)
        refused(answer, 400, "INVALID_ARGUMENT")
        assert await box.get(f"{box.store}/documents") == {}


@pytest.mark.parametrize(
    ("query", "headers"), [("", {"X-Goog-Upload-Protocol": "raw"}), ("?uploadType=media", {})], ids=["h", "q"]
)
async def test_a_raw_upload_makes_a_document_or_a_file(
    tmp_path: Path, query: str, headers: dict[str, str]
) -> None:
    async with open_box(tmp_path / "s.db") as box:
        headers = headers | {"Content-Type": "text/plain", "X-Goog-Upload-File-Name": "raw.txt"}
        answer = await box.client.post(upload_path(box, query), content=b"raw bees", headers=headers)
        assert (await active(box, ok(answer)))["displayName"] == "raw.txt"
        answer = await box.client.post(f"/upload/v1beta/files{query}", content=b"raw", headers=headers)
        file = ok(answer)["file"]
        assert (file["mimeType"], file["sizeBytes"]) == ("text/plain", "3")
        refused(await box.client.get(f"/v1beta/{file['name']}:download?alt=media"), 400, "INVALID_ARGUMENT")


async def test_an_upload_by_content_range_goes_on_where_it_was(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        headers = {"X-Upload-Content-Type": "text/plain", "Content-Type": "application/json"}
        start = await box.client.post(
            upload_path(box, "?uploadType=resumable"), content=META, headers=headers
        )
        url = start.headers["location"]
        data = b"bees and honey. " * (GRANULARITY // 16) + b"the end"
        size = len(data)

        async def put(content_range: str, part: bytes = b"") -> Any:
            return await box.client.put(url, content=part, headers={"Content-Range": content_range})

        state = await put(f"bytes */{size}")
        assert (state.status_code, state.headers.get("range")) == (308, None)
        state = await put(f"bytes 0-{GRANULARITY - 1}/{size}", data[:GRANULARITY])
        assert (state.status_code, state.headers["range"]) == (308, f"bytes=0-{GRANULARITY - 1}")
        refused(await put(f"bytes 5-9/{size}", b"12345"), 400, "INVALID_ARGUMENT")
        refused(await put("bytes 9-5/10", b"12345"), 400, "INVALID_ARGUMENT")
        refused(await put("bees 0-5/10", b"12345"), 400, "INVALID_ARGUMENT")
        final = await put(f"bytes {GRANULARITY}-{size - 1}/{size}", data[GRANULARITY:])
        assert (await active(box, ok(final)))["sizeBytes"] == str(size)
        assert ok(await put(f"bytes */{size}")) == ok(final)


WORDS = " ".join(f"w{n}" for n in range(25))


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"maxTokensPerChunk": 10}, ["w0 w9", "w10 w19", "w20 w24"]),
        ({"max_tokens_per_chunk": 10, "maxOverlapTokens": 4}, ["w0 w9", "w6 w15", "w12 w21", "w18 w24"]),
        ({"maxTokensPerChunk": 512}, ["w0 w24"]),
        ({"maxOverlapTokens": 3}, ["w0 w24"]),
    ],
    ids=range(4),
)
async def test_the_chunking_of_a_request_is_honoured(
    tmp_path: Path, config: dict[str, int], expected: list[str]
) -> None:
    async with open_box(tmp_path / "s.db") as box:
        await box.active(WORDS.encode(), chunkingConfig={"white_space_config": config})
        chunks = (await box.ask("w1 w7 w13 w19 w23"))["groundingMetadata"]["groundingChunks"]
        texts = sorted(
            (chunk["retrievedContext"]["text"].split() for chunk in chunks), key=lambda t: int(t[0][1:])
        )
        assert [f"{text[0]} {text[-1]}" for text in texts] == expected


@pytest.mark.parametrize(
    "config",
    [
        {"maxTokensPerChunk": 513},
        {"maxTokensPerChunk": 0},
        {"maxTokensPerChunk": -1},
        {"maxTokensPerChunk": 10, "maxOverlapTokens": 10},
        {"maxTokensPerChunk": 10, "maxOverlapTokens": -1},
        {"maxTokensPerChunk": 2**40},
        {"maxTokensPerChunk": "ten"},
        {"max": 1},
    ],
    ids=range(8),
)
async def test_chunking_out_of_range_is_refused_for_upload_and_import(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    async with open_box(tmp_path / "s.db") as box:
        body: dict[str, Any] = {"chunkingConfig": {"whiteSpaceConfig": config}}
        headers = {"X-Goog-Upload-Protocol": "resumable", "X-Goog-Upload-Command": "start"}
        headers["X-Goog-Upload-Header-Content-Type"] = "text/plain"
        refused(await box.client.post(upload_path(box), json=body, headers=headers), 400, "INVALID_ARGUMENT")
        body["fileName"] = "files/a"
        refused(await box.client.post(f"/v1/{box.store}:importFile", json=body), 400, "INVALID_ARGUMENT")


@pytest.mark.parametrize("model", ["m", "gpt-4", "Gemini-3", "gemini-embedding-001"])
async def test_an_unknown_model_does_not_answer(tmp_path: Path, model: str) -> None:
    async with open_box(tmp_path / "s.db") as box:
        body = {"contents": [{"parts": [{"text": "bees"}]}]}
        for method in ("generateContent", "streamGenerateContent", "countTokens"):
            answer = await box.client.post(f"/v1/models/{model}:{method}", json=body)
            refused(answer, 404, "NOT_FOUND", "is not found for API version")


async def test_a_store_needs_an_embedding_model(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db", store=False) as box:
        answer = await box.client.post(
            "/v1/fileSearchStores", json={"embeddingModel": "models/gemini-3.5-flash"}
        )
        refused(answer, 404, "NOT_FOUND")
        store = await box.post("fileSearchStores", {"embeddingModel": "models/gemini-embedding-2"})
        assert store["embeddingModel"] == "models/gemini-embedding-2"


@pytest.mark.parametrize(
    ("size", "expected"), [(None, 384), (128, 128), (384, 384), (768, 768), (3072, 3072)]
)
@pytest.mark.real_time
async def test_an_embedding_has_the_dimensions_of_its_request(
    tmp_path: Path, size: int | None, expected: int
) -> None:
    async with open_box(tmp_path / "s.db", store=False) as box:
        body: dict[str, Any] = {"content": {"parts": [{"text": "bees"}]}, "outputDimensionality": size}
        values = (await box.post("models/gemini-embedding-001:embedContent", body))["embedding"]["values"]
        assert len(values) == expected
        assert sum(value * value for value in values) == pytest.approx(1, abs=1e-5)
        body["outputDimensionality"] = 3073
        answer = await box.client.post("/v1/models/gemini-embedding-001:embedContent", json=body)
        refused(answer, 400, "INVALID_ARGUMENT", "output_dimensionality")


@pytest.mark.parametrize(("content_type", "status"), [(None, 200), ("text/plain", 400)])
async def test_the_start_of_a_session_may_leave_out_its_type(
    tmp_path: Path, content_type: str | None, status: int
) -> None:
    async with open_box(tmp_path / "s.db") as box:
        headers = start_headers() | ({"Content-Type": content_type} if content_type else {})
        url = f"/upload{V}/{box.store}:uploadToFileSearchStore"
        answer = await box.client.post(url, content=b'{"displayName": "bees"}', headers=headers)
        assert answer.status_code == status, answer.text
        if status == 200:
            made = await box.command(answer.headers["x-goog-upload-url"], "upload, finalize", b"honey", 0)
            assert "/documents/bees-" in made.json()["response"]["documentName"]
