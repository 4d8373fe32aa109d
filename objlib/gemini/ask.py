"""Asking a model over a store, and the citations in its answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, Final

from objlib.core.library.metadata import MetadataValue
from objlib.gemini import names
from objlib.gemini.errors import Call
from objlib.gemini.metadata import from_wire
from objlib.gemini.offsets import Spans
from objlib.gemini.pages import Pages, Send, at_once
from objlib.gemini.stream import AnswerStream, Heard
from objlib.gemini.transport import Reply, Resource
from objlib.gemini.wire import CandidateShape, GenerateShape, GroundingShape, ModelList, RetrievedShape

_ASK: Final = Call("ask", "asking the model", method="POST", slow=True, reads=True)
_SEARCH: Final = Call("ask", "searching the store", method="POST", slow=True, reads=True)
_MODELS: Final = Call("models", "listing the models")
_METHOD: Final = "generateContent"
_FINISHED: Final = frozenset({"", "STOP", "MAX_TOKENS", "FINISH_REASON_UNSPECIFIED"})


@dataclass(frozen=True, slots=True)
class Passage:
    """One passage that the model was given.

    Attributes:
        title: the document's display name; for an imported document the id of the file it came from.
        text: the passage.
        store: full name of the store it is from.
        page: in a paginated document.
        media: resource name of the picture that the passage is; None for text.
        metadata: the document's, with our tags: the only way back to the document.
        confidence: how much the service trusts it, 0 to 1; None where it does not say.
    """

    title: str
    text: str
    store: str | None = None
    page: int | None = None
    media: str | None = None
    metadata: dict[str, MetadataValue] = field(default_factory=dict)
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A model's answer.

    Attributes:
        text: the answer; empty when it was blocked.
        passages: what it was given; empty when it did not search, and nothing forces a model to.
        supports: (first character, character after the last, indices into ``passages``) of spans of ``text``.
        model_version: the model that answered.
        blocked: why there is no answer; None when there is one.
    """

    text: str
    passages: list[Passage]
    supports: list[tuple[int, int, tuple[int, ...]]]
    model_version: str = ""
    blocked: str | None = None


class ModelsApi(Resource):
    """The requests to models; see :attr:`objlib.gemini.Client.models`."""

    async def answering(self, send: Send[ModelList] = at_once) -> list[str]:
        """The names of the models that answer questions, without ``models/``, in the order of the service."""
        names = []
        async for page in Pages(_MODELS, self._models, send):
            names += [each.name for each in page.models if _METHOD in each.supported_generation_methods]
        return [name.removeprefix("models/") for name in names]

    async def _models(self, token: str | None) -> ModelList:
        query = {"pageSize": "1000"} | ({"pageToken": token} if token else {})
        return await self._transport.json(_MODELS, "models", ModelList, query=query)

    async def ask(
        self,
        *,
        model: str,
        question: str,
        store: str,
        metadata_filter: str | None = None,
        top_k: int | None = None,
        system: str | None = None,
        max_tokens: int | None = None,
        for_passages: bool = False,
        history: Sequence[tuple[str, str]] = (),
        heard: Heard | None = None,
    ) -> Answer:
        """Ask ``model`` a question that it may search ``store`` for; ``system`` instructs it.

        ``metadata_filter`` is an AIP-160 expression over the metadata of documents. ``top_k`` bounds the passages of
        one retrieval, and the model may retrieve several times. ``max_tokens`` bounds the answer: 1 where only the
        passages of an embedded store are wanted, which then composes none. ``for_passages`` says that it is a search
        to the user, and so errors call it one. ``history`` has the questions of before with their answers.
        ``heard`` gets the text piece by piece as the model writes it.
        """
        search: dict[str, Any] = {"fileSearchStoreNames": [names.store_name(store)]}
        if top_k is not None:
            search["topK"] = top_k
        if metadata_filter is not None:
            search["metadataFilter"] = metadata_filter
        body: dict[str, Any] = {
            "contents": [*chain.from_iterable(map(_turn, history)), _content("user", question)],
            "tools": [{"fileSearch": search}],
        }
        if system is not None:
            body["systemInstruction"] = {"parts": [{"text": system}]}
        if max_tokens is not None:
            body["generationConfig"] = {"maxOutputTokens": max_tokens}
        call = _SEARCH if for_passages else _ASK
        if heard is not None:
            return await self._streamed(call, names.model_name(model), body, heard)
        path = f"{names.model_name(model)}:{_METHOD}"
        return read(await self._transport.json(call, path, GenerateShape, body=body))

    async def _streamed(self, call: Call, model: str, body: Mapping[str, Any], heard: Heard) -> Answer:
        stream = AnswerStream(heard)
        path, query = f"{model}:streamGenerateContent", {"alt": "sse"}
        reply = await self._transport.keyed(call, path, query=query, body=body, heard=stream.feed)
        if not stream.events:  # a transport that gives bodies as a whole
            stream.feed(reply.body + b"\n\n")
        for event in stream.events:
            piece = Reply(reply.status, reply.headers, event)
            if not piece.success:  # the service met an error while the model wrote
                raise self._transport.refusal(call, piece)
        try:
            whole = stream.whole()
        except ValueError:
            whole, stream.events = None, []  # the cause quotes the body
        if whole is not None:
            return read(whole)
        if stream.events:
            raise call.error("the answer broke off", call.unanswered, reply.status)
        raise self._transport.unreadable(call, reply)


def _turn(turn: tuple[str, str]) -> list[dict[str, Any]]:
    question, answer = turn
    return [_content("user", question), _content("model", answer)]


def _content(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"text": text}]}


def read(shape: GenerateShape) -> Answer:
    """``shape`` with character offsets instead of byte offsets, and indices that lead to passages."""
    blocked = shape.prompt_feedback.block_reason if shape.prompt_feedback else ""
    candidate = shape.candidates[0] if shape.candidates else CandidateShape()
    parts = candidate.content.parts if candidate.content else []
    spans = Spans([None if part.thought else part.text for part in parts])
    if not spans.text and candidate.finish_reason not in _FINISHED:
        blocked = blocked or candidate.finish_reason
    grounding = candidate.grounding_metadata or GroundingShape()
    passages, positions = _passages([chunk.retrieved_context for chunk in grounding.grounding_chunks])
    supports = []
    trusted: dict[int, float] = {}
    for support in grounding.grounding_supports:
        for number, score in zip(support.grounding_chunk_indices, support.confidence_scores, strict=False):
            if number in positions:
                trusted[positions[number]] = max(score, trusted.get(positions[number], 0.0))
        cited = tuple(dict.fromkeys(positions[i] for i in support.grounding_chunk_indices if i in positions))
        span = spans.find(support.segment) if support.segment is not None else None
        if span is not None and cited:
            supports.append((*span, cited))
    return Answer(
        text=spans.text,
        passages=[replace(each, confidence=trusted.get(n)) for n, each in enumerate(passages)],
        supports=supports,
        model_version=shape.model_version,
        blocked=blocked or None,
    )


def _passages(contexts: Sequence[RetrievedShape | None]) -> tuple[list[Passage], dict[int, int]]:
    """The passages, and where each chunk's index leads: other kinds of chunk have an index but no passage."""
    passages: list[Passage] = []
    positions: dict[int, int] = {}
    for index, context in enumerate(contexts):
        if context is None:
            continue
        positions[index] = len(passages)
        passages.append(
            Passage(
                title=context.title,
                text=context.text,
                store=names.full_store(context.file_search_store or "") or None,
                page=context.page_number,
                media=context.media_id or None,
                metadata=from_wire(context.custom_metadata),
            )
        )
    return passages, positions
