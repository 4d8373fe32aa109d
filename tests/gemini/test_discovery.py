"""Every field that is sent or read is one that the service's own description knows."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from objlib.gemini import wire
from tests.support.gemini import SESSION, STORE, Reply, Seen, scripted, started

DISCOVERY = Path(__file__).parents[3] / "shared" / "reference" / "generativelanguage_v1beta_filesearch.json"
pytestmark = pytest.mark.skipif(
    not DISCOVERY.exists(), reason="the API's description is not beside the checkout"
)

# Newer than the description's revision; seen in real answers or in the current SDK.
NEWER = {"FileSearchStore": {"embeddingModel"}, "RetrievedContext": {"mediaId", "pageNumber"}}
SHAPES: dict[type[msgspec.Struct], str] = {
    wire.StringList: "StringList",
    wire.MetadataEntry: "CustomMetadata",
    wire.Store: "FileSearchStore",
    wire.StoreList: "ListFileSearchStoresResponse",
    wire.DocumentShape: "Document",
    wire.DocumentList: "ListDocumentsResponse",
    wire.StatusShape: "Status",
    wire.OperationShape: "CustomLongRunningOperation",
    wire.FileShape: "File",
    wire.PartShape: "Part",
    wire.ContentShape: "Content",
    wire.RetrievedShape: "RetrievedContext",
    wire.ChunkShape: "GroundingChunk",
    wire.SegmentShape: "GoogleAiGenerativelanguageV1alphaSegment",
    wire.SupportShape: "GoogleAiGenerativelanguageV1alphaGroundingSupport",
    wire.GroundingShape: "GroundingMetadata",
    wire.CandidateShape: "Candidate",
    wire.FeedbackShape: "PromptFeedback",
    wire.GenerateShape: "GenerateContentResponse",
}


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(DISCOVERY.read_text())
    return document


@pytest.mark.parametrize(("shape", "name"), SHAPES.items(), ids=SHAPES.values())
def test_every_field_that_is_read_is_described(
    described: dict[str, Any], shape: type[msgspec.Struct], name: str
) -> None:
    expected = set(described["schemas"][name]["properties"]) | NEWER.get(name, set())
    assert set(shape.__struct_encode_fields__) <= expected


def unknown(described: dict[str, Any], value: Any, schema: dict[str, Any], where: str) -> list[str]:
    """The paths in ``value`` that ``schema`` does not have, or has as something else."""
    schema = described["schemas"][schema["$ref"]] if "$ref" in schema else schema
    match value, schema["type"]:
        case dict(), "object":
            expected = schema["properties"]
            names = [f"{where}.{key}" for key in value if key not in expected]
            for key in value.keys() & expected.keys():
                names += unknown(described, value[key], expected[key], f"{where}.{key}")
            return names
        case list(), "array":
            return [bad for each in value for bad in unknown(described, each, schema["items"], f"{where}[]")]
        case (str(), "string") | (int(), "integer" | "number") | (float(), "number"):
            return []
        case _:
            return [f"{where} is no {schema['type']}"]


def methods(resources: dict[str, Any]) -> list[dict[str, Any]]:
    """Every method of every resource."""
    result = []
    for resource in resources.values():
        result += resource.get("methods", {}).values()
        result += methods(resource.get("resources", {}))
    return result


def pattern(method: dict[str, Any]) -> re.Pattern[str]:
    """The pattern of a method's paths; uploads have a prefix in front."""
    path = re.escape(method["path"])
    for name, parameter in method["parameters"].items():
        path = path.replace(re.escape(f"{{+{name}}}"), parameter.get("pattern", "").strip("^$"))
    return re.compile(("/upload/" if method.get("mediaUpload") else "/") + path)


async def requests() -> dict[str, Seen]:
    """One request of each kind, by the description's id of its method."""
    document = f"{STORE}/documents/d-1"
    empty = Reply(content={})
    named = Reply(content={"name": STORE})
    operation = Reply(content={"name": f"{STORE}/operations/d-1"})
    metadata: dict[str, str | float | list[str]] = {"a": "b", "n": 1.5, "l": ["x"]}
    answers = (named, named, empty, empty, started(), started(SESSION), *[empty] * 5, operation, empty, empty)
    async with scripted(*answers) as (client, service):
        await client.stores.create("a")
        await client.stores.get(STORE)
        await client.stores.find("a")
        await client.stores.delete(STORE)
        await client.uploads.start(STORE, display_name="a", mime_type="text/plain", size=1, metadata=metadata)
        await client.uploads.start_file("files/a", display_name="a", mime_type="text/plain", size=1)
        await client.operations.get(f"{STORE}/operations/d-1")
        await client.operations.get(f"{STORE}/upload/operations/d-1")
        await client.documents.get(document)
        await client.documents.list(STORE, page_token="t")
        await client.documents.delete(document)
        await client.stores.import_file(STORE, "files/a", metadata=metadata)
        await client.files.delete("files/a")
        await client.models.ask(
            model="m", question="?", store=STORE, metadata_filter='a="b"', top_k=3, system="s"
        )
    ids = (
        "fileSearchStores.create fileSearchStores.get fileSearchStores.list fileSearchStores.delete "
        "media.uploadToFileSearchStore media.upload fileSearchStores.operations.get "
        "fileSearchStores.upload.operations.get fileSearchStores.documents.get fileSearchStores.documents.list "
        "fileSearchStores.documents.delete fileSearchStores.importFile files.delete models.generateContent"
    )
    return dict(zip(ids.split(), service.seen, strict=True))


async def test_every_request_is_one_that_is_described(described: dict[str, Any]) -> None:
    expected = {method["id"].partition(".")[2]: method for method in methods(described["resources"])}
    for name, request in (await requests()).items():
        method = expected[name]
        assert request.method == method["httpMethod"], name
        assert pattern(method).fullmatch(request.path), name
        sent = {pair.partition("=")[0] for pair in request.query.split("&") if pair}
        assert sent <= set(method["parameters"]), name
        if request.body:
            assert unknown(described, request.json, method["request"], name) == []
        else:
            assert "request" not in method, name


def test_the_check_finds_a_planted_mistake(described: dict[str, Any]) -> None:
    bad = {"displayname": 1, "displayName": 2, "customMetadata": [{"key": "a", "string_value": "b"}]}
    names = unknown(described, bad, {"$ref": "UploadToFileSearchStoreRequest"}, "x")
    assert sorted(names) == ["x.customMetadata[].string_value", "x.displayName is no string", "x.displayname"]
