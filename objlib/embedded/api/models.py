"""The two models: one quotes, one embeds. Any other name stands for the first."""

from typing import Final

from objlib.embedded.index import LazyEmbedder
from objlib.embedded.wire.errors import ApiError, invalid
from objlib.embedded.wire.json import Json, int_field, object_field, part_texts

_QUOTING: Final = "objlib-quoting"
_EMBEDDING: Final = "objlib-embedding"


def get(model: str) -> Json:
    """A model; any unknown name is described as the quoting one, which answers for it."""
    if "embedding" in model:
        description = "The embedding model of the embedded store; needs no network."
        methods = ["embedContent", "batchEmbedContents"]
    else:
        description = (
            "Answers from file search stores with sentences quoted from them; no language model runs here."
        )
        methods = ["generateContent", "streamGenerateContent", "countTokens"]
    return {
        "name": f"models/{model}",
        "displayName": model,
        "description": description,
        "supportedGenerationMethods": methods,
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

    Raises:
        ApiError: a request has no text or asks for other dimensions, or there is no embedder here.
    """
    texts = [_text(request) for request in requests]
    dimensions = {int_field(request, "outputDimensionality") for request in requests} - {None}
    embedder, reason = lazy.load()
    if embedder is None:
        raise ApiError("UNIMPLEMENTED", reason)
    rows = list(embedder.embed(texts)) if texts else []
    if any(size != len(row) for size in dimensions for row in rows):
        raise invalid(f"output_dimensionality must be {len(rows[0])}, or not be given.")
    return [{"values": row.tolist()} for row in rows]
