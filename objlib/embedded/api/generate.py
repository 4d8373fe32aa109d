"""generateContent with the fileSearch tool.

No language model runs here. The index finds the passages, and the answer is put together from sentences
quoted from them. It has the service's shape, so a client cannot tell the difference by it.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from objlib.core.library.mime import PICTURES
from objlib.embedded import index
from objlib.embedded.context import Context
from objlib.embedded.encoders.errors import ModelFolderError
from objlib.embedded.resources import documents, stores
from objlib.embedded.wire.errors import ApiError, invalid
from objlib.embedded.wire.json import (
    Json,
    compact,
    int_field,
    list_field,
    object_field,
    part_texts,
    text_field,
)
from objlib.embedded.wire.metadata import write_metadata
from objlib.embedded.wire.names import random_part

MAX_STORES: Final = 5
"""Stores that one request may search (undocumented; python-genai issue 2074)."""
DEFAULT_TOP_K: Final = 5
"""Passages of one retrieval where the request does not say; the service does not publish its own default."""
MAX_TOP_K: Final = 100
"""Most passages of one retrieval."""
EVENT_CHARACTERS: Final = 80
"""Approximate characters of one event of a streamed answer."""
OWN_WORDS: Final = 3
"""Words, without stop words, from which on a question of a conversation is searched with alone."""
CHARACTERS_PER_TOKEN: Final = 4
"""Estimate for the token counts, since the service's tokenizer is not here."""
QUIET_SECONDS: Final = 2.0
"""Seconds after documents were indexed in which a search makes no vectors: more of them are likely to come."""
ON_DEMAND_SECONDS: Final = 0.5
"""Seconds that a search without others behind it may make vectors of its best passages."""
EXTRACTIVE: Final = "objlib-extractive"
"""The ``modelVersion`` of every answer, whichever model a client names: none of them was asked."""
_NOTHING_TO_SEARCH: Final = (
    "This service answers from file search stores only: name one in the fileSearch tool."
)


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    """A GenerateContentRequest, parsed; ``question`` is the last text of the user, as :func:`_search_text` gives it.

    ``searches`` says whether the fileSearch tool is there at all, ``prompt_size`` counts the characters of the
    whole prompt. Of ``max_tokens`` only 1 makes a difference.
    """

    question: str
    searches: bool
    stores: tuple[str, ...]
    top_k: int
    where: str | None
    prompt_size: int
    max_tokens: int | None = None


def _texts(content: Any) -> list[str]:
    if not isinstance(content, dict):
        raise invalid("Invalid value at 'contents': an object was expected.")
    return part_texts(content)


def read_request(body: Json) -> GenerateRequest:
    """Parse a request in lowerCamel.

    Raises:
        ApiError: no contents, too many stores, or a malformed store or number.
    """
    texts = [(content, _texts(content)) for content in list_field(body, "contents")]
    questions = [parts for content, parts in texts if content.get("role", "user") == "user" and parts]
    if not questions:
        raise invalid("* GenerateContentRequest.contents: contents is not specified")
    tools = [
        object_field(tool, "fileSearch")
        for tool in list_field(body, "tools")
        if isinstance(tool, dict) and "fileSearch" in tool
    ]
    names: list[str] = []
    filters: list[str] = []
    top_k = 0
    for tool in tools:
        names += [str(name) for name in list_field(tool, "fileSearchStoreNames") if name not in names]
        tool_top_k = int_field(tool, "topK") or 0
        if tool_top_k < 0:
            raise invalid("top_k must be positive.")
        top_k = max(top_k, tool_top_k)
        if text_field(tool, "metadataFilter").strip():
            filters.append(text_field(tool, "metadataFilter"))
    if tools and not 1 <= len(names) <= MAX_STORES:
        raise invalid(f"file_search_store_names must name at least 1 and at most {MAX_STORES} stores.")
    return GenerateRequest(
        question=_search_text(["\n".join(parts) for parts in questions]),
        searches=bool(tools),
        stores=tuple(names),
        top_k=min(top_k or DEFAULT_TOP_K, MAX_TOP_K),
        where=filters[0] if len(filters) == 1 else " AND ".join(f"({each})" for each in filters) or None,
        prompt_size=sum(len(text) for _, parts in texts for text in parts),
        max_tokens=int_field(object_field(body, "generationConfig"), "maxOutputTokens"),
    )


def _search_text(questions: list[str]) -> str:
    """The text to search with: the last question, behind the one before it where it has too few words of its own.

    A model would write a follow-up such as "and why?" out in full; none runs here.
    """
    last = questions[-1]
    if len(questions) > 1 and len(index.parse_query(last).words) < OWN_WORDS:
        return f"{questions[-2]}\n{last}"
    return last


async def answer(context: Context, body: Json) -> Json:
    """Answer a request, in lowerCamel, with a GenerateContentResponse.

    Raises:
        ApiError: a malformed request or filter, or no such store.
    """
    request = read_request(body)
    if not request.searches:
        return _response(_NOTHING_TO_SEARCH, None, request.prompt_size, 0)
    lane = context.database.search
    # Vectors that a search makes itself are for those who ask a new store one question. Under load the searches that
    # wait would pay for them, and while documents come, so would this one.
    quiet = context.now() - context.indexed_at >= QUIET_SECONDS
    on_demand = index.OnDemand(seconds=ON_DEMAND_SECONDS / (1 + lane.waiting) if quiet else 0.0)
    search = _Search(request, context.now(), context.embedder, on_demand, context.reranking)
    try:
        found = await lane.run(search.found)
    except index.FilterError as error:
        raise invalid(f"Invalid metadata_filter: {error}") from None
    except ModelFolderError as error:
        raise ApiError("FAILED_PRECONDITION", f"reranker: {error}") from None
    # Nine tenths of the work: beside the next search, and beside other answers.
    response = await context.quoting_runner(lambda: found.response(request, context.embedder.loaded()))
    await _keep(context, on_demand)
    return response


async def _keep(context: Context, on_demand: "index.OnDemand") -> None:
    """Store the vectors that a search made; a file that cannot be written now does not fail the search."""
    if not on_demand.rows:
        return
    model = on_demand.model
    store = partial(index.store_vectors, rows=on_demand.rows, model_id=model.model_id, folder=model.folder)
    with suppress(sqlite3.Error):
        await context.database.write(store)


@dataclass(frozen=True, slots=True)
class _Found:
    """The hits of a search, with the names that a citation has, and the scale of the model's cosines."""

    hits: "list[index.Hit]"
    store_of: dict[int, str]
    media: dict[int, str]
    scale: "index.CosineScale"

    def response(self, request: GenerateRequest, embedder: "index.Embedder | None") -> Json:
        """The answer with its quotations; blocks."""
        quoted = _quoted(request, self.hits, embedder, self.scale)
        chunks = [
            {
                "retrievedContext": compact(
                    title=hit.display_name,
                    text=hit.text,
                    fileSearchStore=self.store_of[hit.doc_id],
                    customMetadata=write_metadata(hit.metadata),
                    pageNumber=hit.page,
                    mediaId=self.media.get(hit.doc_id),
                )
            }
            for hit in self.hits
        ]
        supports = [
            {
                "segment": compact(startIndex=each.start_byte, endIndex=each.end_byte, text=each.text),
                "groundingChunkIndices": list(each.hits),
                **_confidence(self.hits, each.hits),
            }
            for each in quoted.quotations
        ]
        if request.max_tokens == 1 and self.hits:
            # No text that they could support: they say how well each passage fits.
            supports = [
                {"groundingChunkIndices": [n], **found}
                for n in range(len(self.hits))
                if (found := _confidence(self.hits, [n]))
            ]
        grounding = compact(groundingChunks=chunks, groundingSupports=supports)
        retrieved = sum(len(hit.text) for hit in self.hits)
        return _response(quoted.text, grounding, request.prompt_size, retrieved)


def _quoted(
    request: GenerateRequest,
    hits: "list[index.Hit]",
    embedder: "index.Embedder | None",
    scale: "index.CosineScale",
) -> "index.QuotedAnswer":
    """The answer; a request for one token at most is about the passages alone, and gets an empty one."""
    if request.max_tokens == 1:
        return index.QuotedAnswer("", ())
    return index.quote_answer(request.question, hits, embedder, scale)


@dataclass(frozen=True, slots=True)
class _Search:
    """The search of one request; blocks."""

    request: GenerateRequest
    now: float
    embedder: "index.LazyEmbedder"
    on_demand: "index.OnDemand"
    reranking: "index.Reranking | None" = None

    def found(self, db: sqlite3.Connection) -> _Found:
        """The best passages, in one snapshot."""
        db.execute("BEGIN")  # one snapshot for all statements
        try:
            names = {stores.store_row(db, name): name for name in self.request.stores}
            embedder = self.embedder.for_search(db)
            if embedder is not None:
                self.on_demand.model = embedder.model
                if documents.any_pending(db):  # of another process, or about to be indexed
                    self.on_demand.seconds = 0.0
            hits = self._visible_hits(db, list(names), embedder)
            store_of = {hit.doc_id: names[_store_of(db, hit.doc_id)] for hit in hits}
            media = {hit.doc_id: name for hit in hits if (name := _media_of(db, hit.doc_id))}
        finally:
            db.execute("COMMIT")
        scale = embedder.model.scale if embedder is not None else None
        return _Found(hits, store_of, media, scale or index.SHIPPED_SCALE)

    def _visible_hits(
        self, db: sqlite3.Connection, store_ids: Sequence[int], embedder: "index.Embedder | None"
    ) -> "list[index.Hit]":
        """The best hits in documents that are searchable already (see ``Options.searchable_seconds``)."""
        rows = db.execute("SELECT doc_id FROM documents WHERE searchable_at > ?", (self.now,))
        hidden = {doc_id for (doc_id,) in rows}
        count = self.request.top_k
        while True:
            hits = index.search(
                db,
                self.request.question,
                store_ids=store_ids,
                k=count,
                where=self.request.where,
                embedder=embedder,
                codes=self.embedder.sign_bits,
                on_demand=self.on_demand,
                reranking=self.reranking,
            )
            visible = [hit for hit in hits if hit.doc_id not in hidden]
            if len(visible) >= self.request.top_k or len(hits) < count:
                return visible[: self.request.top_k]
            count *= 2


def _confidence(hits: "Sequence[index.Hit]", numbers: Sequence[int]) -> Json:
    """The confidence in these passages, where all of them have one."""
    scores = [round(score, 3) for n in numbers if (score := hits[n].confidence) is not None]
    return {"confidenceScores": scores} if len(scores) == len(numbers) else {}


def _store_of(db: sqlite3.Connection, doc_id: int) -> int:
    return int(db.execute("SELECT store_id FROM documents WHERE doc_id = ?", (doc_id,)).fetchone()[0])


def _media_of(db: sqlite3.Connection, doc_id: int) -> str | None:
    """The resource name of the picture that a document is; None for any other document."""
    name, mime_type = db.execute(
        "SELECT name, mime_type FROM documents WHERE doc_id = ?", (doc_id,)
    ).fetchone()
    return documents.media_name(name) if mime_type in PICTURES else None


def _tokens(characters: int) -> int:
    return -(-characters // CHARACTERS_PER_TOKEN)


def _response(text: str, grounding: Json | None, prompt_size: int, retrieved: int) -> Json:
    """A GenerateContentResponse; ``grounding`` None means that no store was searched."""
    candidate: Json = {
        "content": {"parts": [{"text": text}], "role": "model"},
        "finishReason": "STOP",
        "index": 0,
    }
    if grounding is not None:
        candidate["groundingMetadata"] = grounding
    prompt, candidates, tool = _tokens(prompt_size), _tokens(len(text)), _tokens(retrieved)
    return {
        "candidates": [candidate],
        "usageMetadata": compact(
            promptTokenCount=prompt,
            candidatesTokenCount=candidates,
            toolUsePromptTokenCount=tool,
            totalTokenCount=prompt + candidates + tool,
        ),
        "modelVersion": EXTRACTIVE,
        "responseId": random_part(22),
    }


def text_pieces(text: str) -> list[str]:
    """A text in pieces for a stream, cut at blanks; at least one."""
    pieces: list[str] = []
    start = 0
    while start < len(text):
        stop = text.find(" ", start + EVENT_CHARACTERS) + 1 or len(text)
        pieces.append(text[start:stop])
        start = stop
    return pieces or [""]


def in_events(response: Json) -> list[Json]:
    """The same answer as a stream has it: the text in pieces; grounding and reason with the last one."""
    (candidate,) = response["candidates"]
    pieces = text_pieces(candidate["content"]["parts"][0]["text"])
    frame = {"modelVersion": response["modelVersion"], "responseId": response["responseId"]}
    events: list[Json] = []
    for number, piece in enumerate(pieces, 1):
        content = {"parts": [{"text": piece}], "role": "model"}
        if number < len(pieces):
            events.append({"candidates": [{"content": content, "index": 0}], **frame})
        else:
            last = {**candidate, "content": content}
            events.append({"candidates": [last], "usageMetadata": response["usageMetadata"], **frame})
    return events


def count_tokens(body: Json) -> Json:
    """The answer of countTokens: an estimate."""
    size = sum(len(text) for content in list_field(body, "contents") for text in _texts(content))
    return compact(totalTokens=_tokens(size))
