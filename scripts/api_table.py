"""Build ``objlib/embedded/wire/api_table.json`` from Google's discovery document of generativelanguage.

::

    python scripts/api_table.py generativelanguage-v1beta.json

The table holds names and types alone: each method that the embedded service has, its path, its query, its two
messages, and the fields of every message that those lead to. What clients know beyond the document is in ``NEWER``.
"""

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
TABLE: Final = ROOT / "objlib/embedded/wire/api_table.json"
NEWER: Final = {
    "FileSearchStore": {"embeddingModel": "string"},
    "RetrievedContext": {"mediaId": "string", "pageNumber": "int32"},
}
"""Fields of google-genai 3.6.1 that revision 20260325 does not have, and that answers here carry."""
SCALARS: Final = {"boolean": "bool", "integer": "int32", "number": "number", "any": "any"}


def methods(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All methods of a resource and of those inside it."""
    yield from resource.get("methods", {}).values()
    for inner in resource.get("resources", {}).values():
        yield from methods(inner)


def kind(field: dict[str, Any]) -> str:
    """The type of a field in one word."""
    if "$ref" in field:
        return str(field["$ref"])
    if field["type"] == "array":
        return "[]" + kind(field["items"])
    if field["type"] == "object":
        inner = field.get("additionalProperties")
        return "{}" + (kind(inner) if inner else "any")
    if "enum" in field:
        return "enum:" + "|".join(field["enum"])
    if field["type"] == "string":
        return {
            "google-datetime": "time",
            "google-duration": "duration",
            "int64": "int64",
            "byte": "bytes",
        }.get(field.get("format", ""), "string")
    return SCALARS[field["type"]]


def build(document: dict[str, Any]) -> dict[str, Any]:
    """The table."""
    schemas = document["schemas"]
    table: dict[str, dict[str, str]] = {}
    calls = []
    waiting = ["Status"]
    for method in sorted(methods(document), key=lambda method: str(method["id"])):
        path = re.sub(r"\{[^}]*\}", "*", method["flatPath"].partition("/")[2])
        request = method.get("request", {}).get("$ref", "")
        response = method["response"]["$ref"]
        query = {
            name: kind(parameter)
            for name, parameter in method.get("parameters", {}).items()
            if parameter["location"] == "query"
        }
        calls.append(
            {
                "id": method["id"].partition(".")[2],
                "verb": method["httpMethod"],
                "path": ("upload/" if "mediaUpload" in method else "") + path,
                "query": query,
                "request": request,
                "response": response,
            }
        )
        waiting += [request, response]
    while waiting:
        name = waiting.pop()
        if name in table or name not in schemas:
            continue
        table[name] = {
            field: kind(value) if value.get("$ref", "x") in (*schemas, "x") else "any"
            for field, value in schemas[name].get("properties", {}).items()
        } | NEWER.get(name, {})
        waiting += [re.sub(r"^(\[\]|\{\})+", "", value) for value in table[name].values()]
    return {
        "_source": "Names and types of Google's discovery document generativelanguage:v1beta, revision"
        f" {document['revision']} (Apache-2.0), by scripts/api_table.py. [] repeats, {{}} maps.",
        "system": sorted(document["parameters"]),
        "methods": calls,
        "messages": dict(sorted(table.items())),
    }


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("document", type=Path, help="the discovery document, as Google publishes it")
    table = build(json.loads(parser.parse_args().document.read_text(encoding="utf-8")))
    lines = [f' "{key}": {json.dumps(table[key])}' for key in ("_source", "system")]
    calls = ",\n".join(f"  {json.dumps(call)}" for call in table["methods"])
    messages = ",\n".join(
        f"  {json.dumps(name)}: {json.dumps(fields)}" for name, fields in table["messages"].items()
    )
    lines += [f' "methods": [\n{calls}\n ]', f' "messages": {{\n{messages}\n }}']
    TABLE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{TABLE.relative_to(ROOT)}: {len(table['methods'])} methods, {len(table['messages'])} messages")


if __name__ == "__main__":
    main()
