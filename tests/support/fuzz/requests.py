"""Requests of the API drawn from a seed: known names, odd values, damaged JSON, odd headers."""

import json
from random import Random
from typing import Any, Final, NamedTuple

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
    "stores.delete": ("DELETE", "/v1/fileSearchStores/{odd}"),
    "upload": ("POST", "/upload/v1beta/{store}:uploadToFileSearchStore"),
    "files.upload": ("POST", "/upload/v1beta/files"),
    "import": ("POST", "/v1beta/{store}:importFile"),
    "documents.list": ("GET", "/v1beta/{store}/documents"),
    "documents.get": ("GET", "/v1beta/{store}/documents/{odd}"),
    "documents.delete": ("DELETE", "/v1beta/{store}/documents/{odd}"),
    "operations.get": ("GET", "/v1beta/{store}/operations/{odd}"),
    "upload.operations.get": ("GET", "/v1beta/{store}/upload/operations/{odd}"),
    "media": ("GET", "/v1beta/{store}/media/{odd}"),
    "files.list": ("GET", "/v1beta/files"),
    "files.get": ("GET", "/v1beta/files/{odd}"),
    "files.delete": ("DELETE", "/v1beta/files/{odd}"),
    "files.download": ("GET", "/v1beta/files/{odd}:download"),
    "generate": ("POST", "/v1beta/models/gemini-x:generateContent"),
    "stream": ("POST", "/v1beta/models/gemini-x:streamGenerateContent"),
    "count": ("POST", "/v1beta/models/gemini-x:countTokens"),
    "embed": ("POST", "/v1beta/models/gemini-embedding-2:embedContent"),
    "batch": ("POST", "/v1beta/models/gemini-embedding-2:batchEmbedContents"),
    "interactions.create": ("POST", "/v1beta/interactions"),
    "interactions.get": ("GET", "/v1beta/interactions/{odd}"),
    "models.list": ("GET", "/v1beta/models"),
    "models.get": ("GET", "/v1beta/models/{odd}"),
    "session": ("POST", "/upload/v1beta/{store}:uploadToFileSearchStore?upload_id={session}"),
    "session.put": ("PUT", "/upload/v1beta/{store}:uploadToFileSearchStore?upload_id={session}"),
    "no session": ("POST", "/upload/v1beta/{store}:uploadToFileSearchStore?upload_id=none"),
}
"""Every method of the API by a name: its HTTP method, and its path."""
IDS: Final = (
    "none", "a", "-", "A", "%00", "..", "%2e%2e", "a" * 41, "a" * 5000, "\u00e9", "%ff%fe", "'", "0", "a:b", "a%2Fb",
)  # fmt: skip
"""Odd ids in a path."""


class DrawnRequest(NamedTuple):
    """A request as it goes out."""

    method: str
    url: str
    headers: dict[str, str]
    content: bytes


def draw(rng: Random, name: str, *, store: str, session: str) -> DrawnRequest:
    """A request to a method of :data:`METHODS`, on a store and an upload session that are there."""
    method, path = METHODS[name]
    url = path.format(store=store, session=session, odd=rng.choice(IDS))
    if rng.random() < 0.4:
        odd = rng.choice(
            ["pageSize", "pageToken", "force", "alt", "uploadType", "key", "upload_id", "fields"]
        )
        choices = [
            "",
            "-1",
            "9" * 400,
            "nan",
            "sse",
            "media",
            "%00",
            "%c3%a9",
            "bmFufjE",
            "multipart",
            "True",
        ]
        url += ("&" if "?" in url else "?") + f"{odd}={rng.choice(choices)}"
    content = body(rng, name, store) if method in {"POST", "PUT"} else b""
    return DrawnRequest(method, url, headers(rng), content)


def value(rng: Random, store: str, depth: int = 0) -> Any:
    """A JSON value of known names, so that many requests get past the first check."""
    kind = rng.random()
    if depth > 6 or kind < 0.4:
        return rng.choice((*SCALARS, store))
    if kind < 0.6:
        return [value(rng, store, depth + 1) for _ in range(rng.randint(0, 3))]
    return {rng.choice(NAMES): value(rng, store, depth + 1) for _ in range(rng.randint(0, 4))}


def template(rng: Random, name: str, store: str) -> Any:
    """A request to a method that is right but for one value."""
    odd = value(rng, store, 4)
    part = {"contents": [{"parts": [{"text": "where do bees bring honey from?"}]}]}
    search: dict[str, Any] = {"fileSearchStoreNames": [store]}
    search[rng.choice(["topK", "metadataFilter", "fileSearchStoreNames", "top_k", "novelty"])] = odd
    document = rng.choice(
        [
            {"displayName": odd},
            {
                "customMetadata": [
                    {"key": "k", rng.choice(["numericValue", "stringValue", "stringListValue"]): odd}
                ]
            },
            {"customMetadata": [{"key": odd, "stringValue": "x"}]},
            {"chunkingConfig": {"whiteSpaceConfig": {"maxTokensPerChunk": odd}}},
            {"chunkingConfig": {"whiteSpaceConfig": {"maxTokensPerChunk": 5, "maxOverlapTokens": odd}}},
            {"mimeType": odd},
        ]
    )
    if name in {"generate", "stream", "count"}:
        question = {"contents": [{"role": rng.choice(["user", "model", odd]), "parts": [{"text": odd}]}]}
        more = {rng.choice(["systemInstruction", "generationConfig", "toolConfig", "safetySettings"]): odd}
        return rng.choice([question, part | {"tools": [{"fileSearch": search}]}, part | more])
    if name == "interactions.create":
        tool = {
            "type": "file_search",
            "file_search_store_names": [store],
            rng.choice(["top_k", "type", "novelty"]): odd,
        }
        whole = {"model": "gemini-x", "input": "where do bees bring honey from?", "tools": [tool]}
        return whole | {
            rng.choice(["input", "model", "stream", "store", "tools", "previous_interaction_id"]): odd
        }
    if name in {"embed", "batch"}:
        one = {
            "content": {"parts": [{"text": "a"}]},
            rng.choice(["outputDimensionality", "taskType", "title"]): odd,
        }
        one = rng.choice([one, {"content": {"parts": [{"text": odd}]}}])
        return one if name == "embed" else {"requests": [one] * rng.randint(0, 2)}
    if name == "import":
        return rng.choice([{"fileName": odd}, {"fileName": "files/none"} | document])
    if name == "files.upload":
        return {"file": {rng.choice(["name", "displayName", "mimeType", "sizeBytes"]): odd}}
    if name == "stores.create":
        return {rng.choice(["displayName", "embeddingModel"]): odd}
    return document


def body(rng: Random, name: str, store: str) -> bytes:
    """A JSON body, perhaps damaged."""
    data = json.dumps(template(rng, name, store) if rng.random() < 0.7 else value(rng, store)).encode()
    if rng.random() < 0.15 and data:
        at = rng.randrange(len(data))
        damage = rng.choice([b"", b"'", b"\xff", b"{", b"]", b"\0", b"9" * 5000, b"[" * 2000, b"\\ud800"])
        data = data[:at] + damage + data[at:]
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
    types = ["application/json"] * 6 + ["text/plain", "multipart/related; boundary=x"]
    return chosen | {"Content-Type": rng.choice(types)}
