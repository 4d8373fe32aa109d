"""Requests drawn from a seed: whatever a client sends, the answer is no failure of the server.

``OBJLIB_FUZZ`` sets the number of requests for each method; 2,000 take some minutes.
"""

import json
import os
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from tests.support.embedded import Box, open_box

REQUESTS: Final = int(os.environ.get("OBJLIB_FUZZ", "25"))
NAMES: Final = (
    "displayName display_name embeddingModel customMetadata custom_metadata key stringValue numericValue"
    " stringListValue values chunkingConfig whiteSpaceConfig maxTokensPerChunk fileName file name mimeType contents"
    " parts text role tools fileSearch fileSearchStoreNames topK metadataFilter requests content outputDimensionality"
    " generationConfig responseSchema type systemInstruction novelty"
).split()
SCALARS: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, 10**400, -(10**30), 0.5, 1e308, 1e39, "", "a", "\0", "é" * 300,
    "fileSearchStores/a", "models/gemini-x", "files/a", "\u2028", "author = \"x\" AND (y > 3", "((((", "9" * 30,
)  # fmt: skip
METHODS: Final = {
    "stores.create": ("POST", "/v1beta/fileSearchStores"),
    "stores.list": ("GET", "/v1/fileSearchStores"),
    "stores.get": ("GET", "/v1/{store}"),
    "stores.delete": ("DELETE", "/v1/fileSearchStores/none"),
    "upload": ("POST", "/upload/v1beta/{store}:uploadToFileSearchStore"),
    "files.upload": ("POST", "/upload/v1beta/files"),
    "import": ("POST", "/v1beta/{store}:importFile"),
    "documents.list": ("GET", "/v1beta/{store}/documents"),
    "files.list": ("GET", "/v1beta/files"),
    "generate": ("POST", "/v1beta/models/gemini-x:generateContent"),
    "stream": ("POST", "/v1beta/models/gemini-x:streamGenerateContent"),
    "count": ("POST", "/v1beta/models/gemini-x:countTokens"),
    "embed": ("POST", "/v1beta/models/gemini-embedding-2:embedContent"),
    "batch": ("POST", "/v1beta/models/gemini-embedding-2:batchEmbedContents"),
    "session": ("POST", "/upload/v1beta/{store}:uploadToFileSearchStore?upload_id=none"),
}


def value(rng: Random, box: Box, depth: int = 0) -> Any:
    """A JSON value of known names, so that many requests get past the first check."""
    kind = rng.random()
    if depth > 6 or kind < 0.4:
        return rng.choice((*SCALARS, box.store))
    if kind < 0.6:
        return [value(rng, box, depth + 1) for _ in range(rng.randint(0, 3))]
    return {rng.choice(NAMES): value(rng, box, depth + 1) for _ in range(rng.randint(0, 4))}


def template(rng: Random, box: Box) -> Any:
    """A request that is right but for one value."""
    odd = value(rng, box, 4)
    return rng.choice(
        [
            {"displayName": odd},
            {"customMetadata": [{"key": "k", "numericValue": odd}]},
            {"customMetadata": [{"key": odd, "stringValue": "x"}]},
            {"chunkingConfig": {"whiteSpaceConfig": {"maxTokensPerChunk": odd}}},
            {"fileName": odd},
            {"file": {"name": odd}},
            {"contents": [{"parts": [{"text": odd}]}]},
            {
                "contents": [{"parts": [{"text": "bees"}]}],
                "tools": [{"fileSearch": {"fileSearchStoreNames": [box.store], "topK": odd}}],
            },
            {
                "contents": [{"parts": [{"text": "bees"}]}],
                "tools": [{"fileSearch": {"fileSearchStoreNames": [box.store], "metadataFilter": odd}}],
            },
            {"content": {"parts": [{"text": "a"}]}, "outputDimensionality": odd},
            {"requests": [{"content": {"parts": [{"text": odd}]}}]},
        ]
    )


def body(rng: Random, box: Box) -> bytes:
    """A JSON body, perhaps damaged."""
    data = json.dumps(template(rng, box) if rng.random() < 0.6 else value(rng, box)).encode()
    if rng.random() < 0.2 and data:
        at = rng.randrange(len(data))
        data = (
            data[:at]
            + rng.choice([b"", b"'", b"\xff", b"{", b"]", b"\0", b"9" * 5000, b"[" * 2000])
            + data[at:]
        )
    return data


def headers(rng: Random) -> dict[str, str]:
    """Headers of which each may be missing or odd."""
    odd = [
        "",
        "0",
        "-1",
        "9" * 20,
        "text/plain",
        "resumable",
        "raw",
        "multipart",
        "start",
        "upload, finalize",
        "query",
    ]
    names = [
        "X-Goog-Upload-Protocol",
        "X-Goog-Upload-Command",
        "X-Goog-Upload-Offset",
        "X-Goog-Upload-Header-Content-Length",
        "X-Goog-Upload-Header-Content-Type",
        "Content-Range",
    ]
    chosen = {name: rng.choice(odd) for name in names if rng.random() < 0.4}
    if rng.random() < 0.3:
        chosen |= {"X-Goog-Upload-Protocol": "resumable", "X-Goog-Upload-Command": "start"}
    types = ["application/json", "application/json", "text/plain", "multipart/related; boundary=x"]
    return chosen | {"Content-Type": rng.choice(types)}


@pytest.mark.parametrize("name", sorted(METHODS))
async def test_no_request_is_a_failure_of_the_server(tmp_path: Path, name: str) -> None:
    rng = Random(f"fuzz {name}")
    method, path = METHODS[name]
    async with open_box(tmp_path / "s.db") as box:
        await box.active(b"bees bring honey")
        for _ in range(REQUESTS):
            url = path.format(store=box.store)
            if rng.random() < 0.4:
                odd = rng.choice(["pageSize", "pageToken", "force", "alt", "uploadType", "key", "upload_id"])
                choices = ["", "-1", "9" * 400, "nan", "sse", "media", "%00", "é", "bmFufjE", "multipart"]
                url += ("&" if "?" in url else "?") + f"{odd}={rng.choice(choices)}"
            content = body(rng, box) if method == "POST" else b""
            answer = await box.client.request(method, url, content=content, headers=headers(rng))
            assert answer.status_code < 500, (url, content, answer.text)
            if answer.status_code >= 400:
                assert answer.json()["error"]["code"] == answer.status_code
