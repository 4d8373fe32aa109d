"""The two models: one quotes, one embeds. Any other name stands for the first."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from objlib.embedded.wire.errors import ApiError, invalid
from objlib.embedded.wire.json import Json, int_field, object_field, part_texts

if TYPE_CHECKING:
    from objlib.embedded.index import Embedder

_QUOTING: Final = "objlib-quoting"
_EMBEDDING: Final = "objlib-embedding"

_DESCRIPTION: Final = {
    _QUOTING: "Answers from file search stores with sentences quoted from them; no language model runs here.",
    _EMBEDDING: "The embedding model of the embedded store; needs no network.",
}
_METHODS: Final = {
    _QUOTING: ["generateContent", "streamGenerateContent", "countTokens"],
    _EMBEDDING: ["embedContent", "batchEmbedContents"],
}


def get(model: str) -> Json:
    """A model; any unknown name is described as the quoting one, which answers for it."""
    kind = _EMBEDDING if "embedding" in model else _QUOTING
    return {
        "name": f"models/{model}",
        "displayName": model,
        "description": _DESCRIPTION[kind],
        "supportedGenerationMethods": _METHODS[kind],
    }


def page() -> Json:
    """All models; they fit on one page."""
    return {"models": [get(_QUOTING), get(_EMBEDDING)]}


def text_to_embed(request: Json) -> str:
    """The text of one embedding request.

    Raises:
        ApiError: there is none.
    """
    texts = part_texts(object_field(request, "content"))
    if not texts:
        raise invalid("* EmbedContentRequest.content: content is empty.")
    return "\n".join(texts)


def embed(load: "Callable[[], tuple[Embedder | None, str]]", requests: list[Json]) -> list[Json]:
    """Embed the texts of requests; blocks.

    Args:
        load: returns the embedder, or None and the reason.
        requests: EmbedContentRequests in lowerCamel.

    Returns:
        ContentEmbeddings in the same order.

    Raises:
        ApiError: a request has no text or asks for other dimensions, or there is no embedder here.
    """
    texts = [text_to_embed(request) for request in requests]
    dimensions = {int_field(request, "outputDimensionality") for request in requests} - {None}
    embedder, reason = load()
    if embedder is None:
        raise ApiError("UNIMPLEMENTED", reason)
    rows = list(embedder.embed(texts)) if texts else []
    if any(size != len(row) for size in dimensions for row in rows):
        raise invalid(f"output_dimensionality must be {len(rows[0])}, or not be given.")
    return [{"values": row.tolist()} for row in rows]
