"""The two models: one quotes, one embeds. The names of Google's models stand for them; others are not found."""

import math
import re
from typing import Final

from objlib.embedded.index import LazyEmbedder
from objlib.embedded.wire.errors import ApiError, invalid, not_found
from objlib.embedded.wire.json import Json, int_field, object_field, part_texts

_QUOTING: Final = "objlib-quoting"
_EMBEDDING: Final = "objlib-embedding"


_NAME: Final = re.compile(r"(?:gemini|gemma|learnlm|text-embedding|embedding|objlib)-[a-z0-9._-]+")
_ANSWERS: Final = ("generateContent", "streamGenerateContent", "countTokens")
_EMBEDS: Final = ("embedContent", "batchEmbedContents")
MAX_DIMENSIONS: Final = 3072
"""Dimensions of an embedding at most, as in the service."""


def _methods(model: str) -> tuple[str, ...]:
    return _EMBEDS if "embedding" in model else _ANSWERS


def check(model: str, method: str) -> None:
    """Raise NOT_FOUND for a name that is no model, or for a model without this method."""
    if not _NAME.fullmatch(model) or method not in _methods(model):
        raise not_found(
            f"models/{model[:80]} is not found for API version v1beta, or is not supported for {method}."
            " Call ListModels to see the list of available models and their supported methods."
        )


def get(model: str) -> Json:
    """A model; ApiError if the name is none."""
    if not _NAME.fullmatch(model):
        raise not_found(f"Model is not found: models/{model[:80]}")
    if "embedding" in model:
        description = "The embedding model of the embedded store; needs no network."
    else:
        description = (
            "Answers from file search stores with sentences quoted from them; no language model runs here."
        )
    return {
        "name": f"models/{model}",
        "displayName": model,
        "description": description,
        "supportedGenerationMethods": list(_methods(model)),
    }


def page() -> Json:
    """All models; they fit on one page."""
    return {"models": [get(_QUOTING), get(_EMBEDDING)]}


def _text(request: Json) -> str:
    texts = part_texts(object_field(request, "content"))
    if not texts:
        raise invalid("* EmbedContentRequest.content: content is empty.")
    return "\n".join(texts)


def embed(lazy: LazyEmbedder, requests: list[Json]) -> list[Json]:
    """The ContentEmbeddings of EmbedContentRequests, in the same order; blocks.

    Fewer dimensions than the model has are its first ones, scaled to length 1; more are zeros, which change no
    comparison.

    Raises:
        ApiError: a request has no text or asks for dimensions out of range, or there is no embedder here.
    """
    texts = [_text(request) for request in requests]
    sizes = [int_field(request, "outputDimensionality") for request in requests]
    if any(size is not None and not 1 <= size <= MAX_DIMENSIONS for size in sizes):
        raise invalid(f"* EmbedContentRequest.output_dimensionality: must be from 1 to {MAX_DIMENSIONS}.")
    embedder, reason = lazy.load()
    if embedder is None:
        raise ApiError("UNIMPLEMENTED", reason)
    rows = [row.tolist() for row in embedder.embed(texts)] if texts else []
    return [{"values": _resized(row, size)} for row, size in zip(rows, sizes, strict=True)]


def _resized(values: list[float], size: int | None) -> list[float]:
    if size is None or size >= len(values):
        return values + [0.0] * ((size or 0) - len(values))
    kept = values[:size]
    length = math.hypot(*kept) or 1.0
    return [value / length for value in kept]
