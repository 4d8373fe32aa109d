"""Asking: generateContent with the fileSearch tool.

No language model runs here. The passages are found by the index, and the answer is put together from
sentences quoted from them; what comes back has the service's shape, so that a client cannot tell the
difference by it.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from objlib.embedded import index
from objlib.embedded.context import Context
from objlib.embedded.resources import stores
from objlib.embedded.wire.json import Json, compact, int_field, invalid, list_field, object_field, text_field
from objlib.embedded.wire.metadata import write_metadata
from objlib.embedded.wire.names import random_part

MOST_STORES: Final = 5
"""Stores that one request may search (undocumented; python-genai issue 2074)."""

DEFAULT_TOP_K: Final = 5
"""Passages of one retrieval where the request does not say; the service does not publish its own."""

MOST_TOP_K: Final = 100

PIECE: Final = 80
"""Characters of one event of a streamed answer, about."""

_NOTHING_TO_SEARCH: Final = (
    "This service answers from file search stores only: name one in the fileSearch tool."
)


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    """A request to generate, read.

    Attributes:
        text: what the user said last.
        searches: whether the fileSearch tool is there at all.
        stores: resource names to search.
        top_k: passages wanted.
        where: metadata filter, or None.
        said: characters of the whole prompt, for the token counts.
    """

    text: str
    searches: bool
    stores: tuple[str, ...]
    top_k: int
    where: str | None
    said: int


def _texts(content: Any) -> list[str]:
    if not isinstance(content, dict):
        raise invalid("Invalid value at 'contents': an object was expected.")
    parts = list_field(content, "parts")
    return [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]


def read_question(body: Json) -> GenerateRequest:
    """Read a request in lowerCamel.

    Raises:
        ApiError: no contents, too many stores, a store or number that cannot be.
    """
    contents = list_field(body, "contents")
    texts = [(content, _texts(content)) for content in contents]
    spoken = [parts for content, parts in texts if content.get("role", "user") == "user" and parts]
    if not spoken:
        raise invalid("* GenerateContentRequest.contents: contents is not specified")
    searches = [
        object_field(tool, "fileSearch")
        for tool in list_field(body, "tools")
        if isinstance(tool, dict) and "fileSearch" in tool
    ]
    names: list[str] = []
    top_k = 0
    where: list[str] = []
    for tool in searches:
        names += [str(name) for name in list_field(tool, "fileSearchStoreNames") if name not in names]
        asked = int_field(tool, "topK") or 0
        if asked < 0:
            raise invalid("top_k must be positive.")
        top_k = max(top_k, asked)
        if text_field(tool, "metadataFilter").strip():
            where.append(text_field(tool, "metadataFilter"))
    if searches and not 1 <= len(names) <= MOST_STORES:
        raise invalid(f"file_search_store_names must name at least 1 and at most {MOST_STORES} stores.")
    return GenerateRequest(
        text="\n".join(spoken[-1]),
        searches=bool(searches),
        stores=tuple(names),
        top_k=min(top_k or DEFAULT_TOP_K, MOST_TOP_K),
        where=" AND ".join(f"({each})" for each in where)
        if len(where) > 1
        else (where[0] if where else None),
        said=sum(len(text) for _, parts in texts for text in parts),
    )


async def answer(context: Context, model: str, body: Json) -> Json:
    """Answer a request: a GenerateContentResponse.

    Args:
        context: the open service.
        model: the model that was asked, for ``modelVersion``.
        body: the request in lowerCamel.

    Raises:
        ApiError: the request cannot be; no such store; the filter is not well formed.
    """
    question = read_question(body)
    if not question.searches:
        return _response(model, _NOTHING_TO_SEARCH, None, question.said, 0)
    now, on_demand = context.now(), index.OnDemand()
    try:
        found = await context.database.search.run(
            partial(
                _search,
                lazy=context.embedder,
                question=question,
                model=model,
                now=now,
                on_demand=on_demand,
            )
        )
    except index.FilterError as error:
        raise invalid(f"Invalid metadata_filter: {error}") from None
    await _keep(context, on_demand)
    return found


async def _keep(context: Context, on_demand: "index.OnDemand") -> None:
    """Store the vectors that a search had made; a file that cannot be written now is no reason to fail it."""
    embedder, _ = context.embedder.load() if on_demand.made else (None, "")
    if embedder is None:
        return
    with suppress(sqlite3.Error):
        await context.database.write(
            partial(index.store_vectors, rows=on_demand.made, model_id=embedder.model_id)
        )


def _search(
    db: sqlite3.Connection,
    *,
    lazy: index.LazyEmbedder,
    question: GenerateRequest,
    model: str,
    now: float,
    on_demand: "index.OnDemand",
) -> Json:
    db.execute("BEGIN")  # one snapshot for all statements
    try:
        ids = {stores.find(db, name): name for name in question.stores}
        embedder = lazy.for_search(db)
        hits = _visible(
            db, question, list(ids), now, codes=lazy.sign_bits, on_demand=on_demand, embedder=embedder
        )
        place = {hit.doc_id: ids[_store_of(db, hit.doc_id)] for hit in hits}
    finally:
        db.execute("COMMIT")
    composed = index.quote_answer(question.text, hits, embedder)
    chunks = [
        {
            "retrievedContext": compact(
                title=hit.display_name,
                text=hit.text,
                fileSearchStore=place[hit.doc_id],
                customMetadata=write_metadata(hit.metadata),
                pageNumber=hit.page,
            )
        }
        for hit in hits
    ]
    supports = [
        {
            "segment": compact(startIndex=support.start_byte, endIndex=support.end_byte, text=support.text),
            "groundingChunkIndices": list(support.hits),
        }
        for support in composed.supports
    ]
    grounding = compact(groundingChunks=chunks, groundingSupports=supports)
    return _response(model, composed.text, grounding, question.said, sum(len(hit.text) for hit in hits))


def _store_of(db: sqlite3.Connection, doc_id: int) -> int:
    return int(db.execute("SELECT store_id FROM documents WHERE doc_id = ?", (doc_id,)).fetchone()[0])


def _visible(
    db: sqlite3.Connection,
    question: GenerateRequest,
    store_ids: Sequence[int],
    now: float,
    *,
    codes: "index.SignBitCache",
    on_demand: "index.OnDemand",
    embedder: "index.Embedder | None",
) -> "list[index.Hit]":
    """The best hits in documents that may be found already (see ``Options.searchable_seconds``)."""
    hidden = {row[0] for row in db.execute("SELECT doc_id FROM documents WHERE searchable_at > ?", (now,))}
    wanted = question.top_k
    while True:
        hits = index.search(
            db,
            question.text,
            store_ids=store_ids,
            k=wanted,
            where=question.where,
            embedder=embedder,
            codes=codes,
            on_demand=on_demand,
        )
        seen = [hit for hit in hits if hit.doc_id not in hidden]
        if len(seen) >= question.top_k or len(hits) < wanted:
            return seen[: question.top_k]
        wanted *= 2


def _tokens(characters: int) -> int:
    """About as many tokens as the service would count: four characters each."""
    return (characters + 3) // 4


def _response(model: str, text: str, grounding: Json | None, said: int, retrieved: int) -> Json:
    """A GenerateContentResponse; ``grounding`` None means that nothing was searched."""
    candidate: Json = {
        "content": {"parts": [{"text": text}], "role": "model"},
        "finishReason": "STOP",
        "index": 0,
    }
    if grounding is not None:
        candidate["groundingMetadata"] = grounding
    prompt, written, tool = _tokens(said), _tokens(len(text)), _tokens(retrieved)
    return {
        "candidates": [candidate],
        "usageMetadata": compact(
            promptTokenCount=prompt,
            candidatesTokenCount=written,
            toolUsePromptTokenCount=tool,
            totalTokenCount=prompt + written + tool,
        ),
        "modelVersion": model,
        "responseId": random_part(22),
    }


def in_events(whole: Json) -> list[Json]:
    """The same answer as a stream has it: the text in pieces; grounding and reason with the last one."""
    (candidate,) = whole["candidates"]
    text: str = candidate["content"]["parts"][0]["text"]
    pieces: list[str] = []
    start = 0
    while start < len(text):
        stop = text.find(" ", start + PIECE) + 1 or len(text)
        pieces.append(text[start:stop])
        start = stop
    frame = {"modelVersion": whole["modelVersion"], "responseId": whole["responseId"]}
    events: list[Json] = []
    for number, piece in enumerate(pieces or [""], 1):
        content = {"parts": [{"text": piece}], "role": "model"}
        if number < len(pieces):
            events.append({"candidates": [{"content": content, "index": 0}], **frame})
        else:
            last = {**candidate, "content": content}
            events.append({"candidates": [last], "usageMetadata": whole["usageMetadata"], **frame})
    return events


def count_tokens(body: Json) -> Json:
    """The answer of countTokens: an estimate, since no tokenizer of the service is here."""
    said = sum(len(text) for content in list_field(body, "contents") for text in _texts(content))
    return compact(totalTokens=_tokens(said))
