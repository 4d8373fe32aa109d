"""Interactions: the same search and answer as generateContent, in the shape of the newer API, kept for later turns.

Its JSON is in snake_case throughout. The shapes are those of google-genai 3.6.1; the discovery document of March
2026 does not have the method.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from objlib.embedded.api import generate, models
from objlib.embedded.context import Context
from objlib.embedded.wire.errors import invalid, not_found
from objlib.embedded.wire.json import Json
from objlib.embedded.wire.lenient import MAX_DEPTH
from objlib.embedded.wire.names import random_part

KEPT: Final = 1000
"""Interactions that are kept for ``get`` and ``previous_interaction_id``, the newest; they end with the server."""
_FIELDS: Final[Mapping[str, type | tuple[type, ...]]] = {
    "background": bool,
    "cached_content": str,
    "continuation_token": str,
    "environment": (str, dict),
    "generation_config": dict,
    "input": (str, list, dict),
    "labels": dict,
    "model": str,
    "previous_interaction_id": str,
    "response_format": (dict, list),
    "response_mime_type": str,
    "response_modalities": list,
    "safety_settings": list,
    "service_tier": str,
    "store": bool,
    "stream": bool,
    "system_instruction": str,
    "tools": list,
    "webhook_config": dict,
}
"""The fields of a request to a model (``CreateModelInteraction`` of google-genai 3.6.1) and their types."""
_SEARCH_FIELDS: Final = {"type": str, "file_search_store_names": list, "top_k": int, "metadata_filter": str}


def read_interaction(body: Any) -> Json:
    """The request, each field of its type, without those that are null.

    Raises:
        ApiError: an unknown field, a value of another type, or no model or input.
    """
    if not isinstance(body, dict):
        raise invalid("Invalid JSON payload received. An object was expected.")
    fields = _typed(body, _FIELDS, "")
    if "agent" in body:
        raise invalid("Agents are not here: name a model.")
    for name in ("model", "input"):
        if not fields.get(name):
            raise invalid(f"{name} is required.")
    if fields.get("background"):
        raise invalid("background is not supported here: every interaction is complete when it is answered.")
    return fields


def _typed(body: Json, fields: Mapping[str, type | tuple[type, ...]], where: str) -> Json:
    out: Json = {}
    for name, value in body.items():
        kind = fields.get(name)
        if kind is None and not (name == "agent" and not where):
            raise invalid(
                f'Invalid JSON payload received. Unknown name "{str(name)[:80]}"{where}: Cannot find field.'
            )
        if value is None or kind is None:
            continue
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise invalid(f"Invalid value at '{name}'{where}.")
        out[name] = value
    return out


def _texts(value: Any, depth: int = 0) -> list[str]:
    """The texts of an input: a string, contents, or turns; what is no text is left out.

    Raises:
        ApiError: something in it is of another type.
    """
    if depth > MAX_DEPTH:
        raise invalid("Invalid JSON payload received. It is nested too deeply.")
    if isinstance(value, str):
        return [value] if value else []
    if isinstance(value, list):
        return [text for item in value for text in _texts(item, depth + 1)]
    if not isinstance(value, dict):
        raise invalid("Invalid value at 'input': a text, contents or steps were expected.")
    if "content" in value:
        return _texts(value["content"] or [], depth + 1)
    text = value.get("text")
    if text is not None and not isinstance(text, str):
        raise invalid("Invalid value at 'input': text must be a string.")
    return [text] if text else []


def _question(value: Any) -> list[str]:
    """The texts of the last turn of the user, where the input is a list of steps."""
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        steps = [item for item in value if item.get("type") == "user_input" or item.get("role") == "user"]
        if steps:
            return _texts(steps[-1])
    return _texts(value)


def as_generate_request(fields: Json) -> Json:
    """The request to generateContent that asks the same.

    Raises:
        ApiError: the input has no text, or a tool is malformed or not here.
    """
    texts = _question(fields["input"])
    if not texts:
        raise invalid("input has no text.")
    tools = []
    for tool in fields.get("tools", []):
        kind = tool.get("type") if isinstance(tool, dict) else None
        if not isinstance(kind, str):
            raise invalid("Invalid value at 'tools': an object with a type was expected.")
        if kind != "file_search":
            continue  # as generateContent here: other tools are accepted, and do nothing
        search = _typed(tool, _SEARCH_FIELDS, " at 'tools'")
        names = search.get("file_search_store_names", [])
        if not all(isinstance(name, str) for name in names):
            raise invalid("Invalid value at 'file_search_store_names' at 'tools'.")
        if not -(2**31) <= search.get("top_k", 0) < 2**31:
            raise invalid("Invalid value at 'top_k' at 'tools'.")
        file_search = {
            "fileSearchStoreNames": names,
            "topK": search.get("top_k", 0),
            "metadataFilter": search.get("metadata_filter", ""),
        }
        tools.append({"fileSearch": file_search})
    return {"contents": [{"role": "user", "parts": [{"text": text} for text in texts]}], "tools": tools}


class Interactions:
    """The interactions of an open service, by their ids."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._kept: dict[str, Json] = {}

    async def create(self, body: Any) -> tuple[Json, bool]:
        """Answer a request: the interaction, and whether it is to be streamed.

        Raises:
            ApiError: a malformed request, or no such model, store or previous interaction.
        """
        fields = read_interaction(body)
        model = fields["model"].removeprefix("models/")
        models.check(model, "generateContent")
        previous = fields.get("previous_interaction_id")
        if previous is not None:
            self.get(previous)
        response = await generate.answer(self._context, as_generate_request(fields))
        interaction = _interaction(response, fields, model, self._context.now())
        if fields.get("store", True):
            self._kept[interaction["id"]] = interaction
            while len(self._kept) > KEPT:
                del self._kept[next(iter(self._kept))]
        return interaction, bool(fields.get("stream"))

    def get(self, name: str) -> Json:
        """An interaction that was answered earlier; ApiError if it is not kept."""
        interaction = self._kept.get(name)
        if interaction is None:
            raise not_found(f"Interaction {name[:80]} not found.")
        return interaction

    def delete(self, name: str) -> None:
        """Forget an interaction; ApiError if it is not kept."""
        self.get(name)
        del self._kept[name]


def _interaction(response: Json, fields: Json, model: str, now: float) -> Json:
    (candidate,) = response["candidates"]
    text: str = candidate["content"]["parts"][0]["text"]
    grounding: Json | None = candidate.get("groundingMetadata")
    usage = response["usageMetadata"]
    steps: list[Json] = []
    content: Json = {"type": "text", "text": text}
    if grounding is not None:
        call = random_part(16)
        steps += [{"type": "file_search_call", "id": call}, {"type": "file_search_result", "call_id": call}]
        if annotations := _annotations(grounding):
            content["annotations"] = annotations
    steps.append({"type": "model_output", "content": [content]})
    time = datetime.fromtimestamp(now, UTC).isoformat().replace("+00:00", "Z")
    interaction = {
        "id": random_part(24),
        "object": "interaction",
        "model": model,
        "status": "completed",
        "created": time,
        "updated": time,
        "role": "model",
        "steps": steps,
        "usage": {
            "total_input_tokens": usage.get("promptTokenCount", 0),
            "total_output_tokens": usage.get("candidatesTokenCount", 0),
            "total_tool_use_tokens": usage.get("toolUsePromptTokenCount", 0),
            "total_tokens": usage["totalTokenCount"],
        },
    }
    if "previous_interaction_id" in fields:
        interaction["previous_interaction_id"] = fields["previous_interaction_id"]
    return interaction


def _annotations(grounding: Json) -> list[Json]:
    """A citation for each passage of each quoted segment, in the order of the text; offsets in bytes."""
    chunks = grounding.get("groundingChunks", [])
    return [
        _citation(chunks[index]["retrievedContext"], support["segment"])
        for support in grounding.get("groundingSupports", [])
        if "segment" in support  # others say how well a passage fits
        for index in support["groundingChunkIndices"]
    ]


def _citation(passage: Json, segment: Json) -> Json:
    citation: Json = {
        "type": "file_citation",
        "document_uri": passage["fileSearchStore"],
        "file_name": passage.get("title", ""),
        "source": passage["text"],
        "start_index": segment.get("startIndex", 0),
        "end_index": segment["endIndex"],
    }
    if "pageNumber" in passage:
        citation["page_number"] = passage["pageNumber"]
    if "mediaId" in passage:
        citation["media_id"] = passage["mediaId"]
    if metadata := passage.get("customMetadata"):
        citation["custom_metadata"] = {entry["key"]: _plain(entry) for entry in metadata}
    return citation


def _plain(entry: Json) -> Any:
    if "stringListValue" in entry:
        return entry["stringListValue"]["values"]
    return entry.get("stringValue", entry.get("numericValue"))


def events(interaction: Json) -> list[tuple[str, Json]]:
    """The same interaction as a stream has it: the name and the data of each event."""
    frame = {key: interaction[key] for key in ("id", "object", "model", "created", "updated")}
    out: list[tuple[str, Json]] = [
        ("interaction.created", {"interaction": {**frame, "status": "in_progress"}}),
        ("interaction.status_update", {"interaction_id": interaction["id"], "status": "in_progress"}),
    ]
    for index, step in enumerate(interaction["steps"]):
        start = {"type": "model_output"} if step["type"] == "model_output" else step
        out.append(("step.start", {"index": index, "step": start}))
        out += [("step.delta", {"index": index, "delta": delta}) for delta in _deltas(step)]
        out.append(("step.stop", {"index": index}))
    last = {**frame, "status": interaction["status"], "usage": interaction["usage"]}
    out.append(("interaction.completed", {"interaction": last}))
    return [
        (name, {"event_type": name, "event_id": f"{interaction['id']}-{number}", **data})
        for number, (name, data) in enumerate(out)
    ]


def _deltas(step: Json) -> list[Json]:
    if step["type"] != "model_output":
        return []
    (content,) = step["content"]
    out: list[Json] = [{"type": "text", "text": piece} for piece in generate.text_pieces(content["text"])]
    if "annotations" in content:
        out.append({"type": "text_annotation_delta", "annotations": content["annotations"]})
    return out
