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
NEWER = {"FileSearchStore": {"embeddingModel"}, "RetrievedContext": {"pageNumber"}}
SHAPES: dict[type[msgspec.Struct], str] = {
    wire.StringList: "StringList",
    wire.MetadataEntry: "CustomMetadata",
    wire.StoreShape: "FileSearchStore",
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
    found: dict[str, Any] = json.loads(DISCOVERY.read_text())
    return found


@pytest.mark.parametrize(("shape", "name"), SHAPES.items(), ids=SHAPES.values())
def test_every_field_that_is_read_is_described(
    described: dict[str, Any], shape: type[msgspec.Struct], name: str
) -> None:
    known = set(described["schemas"][name]["properties"]) | NEWER.get(name, set())
    assert set(shape.__struct_encode_fields__) <= known


def unknown(described: dict[str, Any], value: Any, schema: dict[str, Any], where: str) -> list[str]:
    """The paths in ``value`` that ``schema`` does not have, or has as something else."""
    schema = described["schemas"][schema["$ref"]] if "$ref" in schema else schema
    match value, schema["type"]:
        case dict(), "object":
            known = schema["properties"]
            found = [f"{where}.{key}" for key in value if key not in known]
            for key in value.keys() & known.keys():
                found += unknown(described, value[key], known[key], f"{where}.{key}")
            return found
        case list(), "array":
            return [bad for each in value for bad in unknown(described, each, schema["items"], f"{where}[]")]
        case (str(), "string") | (int(), "integer" | "number") | (float(), "number"):
            return []
        case _:
            return [f"{where} is no {schema['type']}"]


def methods(resources: dict[str, Any]) -> list[dict[str, Any]]:
    """Every method of every resource."""
    found = []
    for resource in resources.values():
        found += resource.get("methods", {}).values()
        found += methods(resource.get("resources", {}))
    return found


def pattern(method: dict[str, Any]) -> re.Pattern[str]:
    """What a path of the method looks like; uploads have a prefix in front."""
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
    known = {method["id"].partition(".")[2]: method for method in methods(described["resources"])}
    for name, seen in (await requests()).items():
        method = known[name]
        assert seen.method == method["httpMethod"], name
        assert pattern(method).fullmatch(seen.path), name
        sent = {pair.partition("=")[0] for pair in seen.query.split("&") if pair}
        assert sent <= set(method["parameters"]), name
        if seen.body:
            assert unknown(described, seen.json, method["request"], name) == []
        else:
            assert "request" not in method, name


def test_the_check_itself_finds_what_is_wrong(described: dict[str, Any]) -> None:
    bad = {"displayname": 1, "displayName": 2, "customMetadata": [{"key": "a", "string_value": "b"}]}
    found = unknown(described, bad, {"$ref": "UploadToFileSearchStoreRequest"}, "x")
    assert sorted(found) == ["x.customMetadata[].string_value", "x.displayName is no string", "x.displayname"]
