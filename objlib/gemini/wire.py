"""The shapes of answers on the wire, read leniently.

proto3 JSON leaves out whatever has its default value (``"done": false``, zero counts, empty lists), writes
64-bit integers as strings, and new fields appear at any time; so every field has a default, numbers may be
strings, and unknown fields are ignored. What is wrong beyond that is a ValueError.
"""

from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


class Wire(msgspec.Struct, rename="camel"):
    """Base of every shape: lowerCamel on the wire."""


class StringList(Wire):
    """``StringList``."""

    values: list[str] = []


class MetadataEntry(Wire):
    """``CustomMetadata``: a key and exactly one of three kinds of value."""

    key: str = ""
    string_value: str | None = None
    numeric_value: float | None = None
    string_list_value: StringList | None = None


class Store(msgspec.Struct, rename="camel", frozen=True):
    """``FileSearchStore``: a store, with its documents by state.

    Attributes:
        name: resource name, ``fileSearchStores/<id>``.
        display_name: what its owner called it; not unique.
        size: bytes that the service counts, embeddings included.
        embedding_model: ``models/<model>``; empty where the service does not say.
    """

    name: str = ""
    display_name: str = ""
    active: int = msgspec.field(default=0, name="activeDocumentsCount")
    pending: int = msgspec.field(default=0, name="pendingDocumentsCount")
    failed: int = msgspec.field(default=0, name="failedDocumentsCount")
    size: int = msgspec.field(default=0, name="sizeBytes")
    embedding_model: str = ""


class StoreList(Wire):
    """``ListFileSearchStoresResponse``."""

    file_search_stores: list[Store] = []
    next_page_token: str = ""


class ModelShape(Wire):
    """``Model``."""

    name: str = ""
    supported_generation_methods: list[str] = []


class ModelList(Wire):
    """``ListModelsResponse``."""

    models: list[ModelShape] = []
    next_page_token: str = ""


class DocumentShape(Wire):
    """``Document``."""

    name: str = ""
    display_name: str = ""
    state: str | int = ""
    size_bytes: int = 0
    mime_type: str = ""
    create_time: str = ""
    custom_metadata: list[MetadataEntry] = []


class DocumentList(Wire):
    """``ListDocumentsResponse``."""

    documents: list[DocumentShape] = []
    next_page_token: str = ""


class StatusShape(Wire):
    """``google.rpc.Status``; the code is a gRPC number, not an HTTP status."""

    code: int = 0
    message: str = ""


class OperationResult(Wire):
    """The ``response`` of an operation; the names in it may be bare ids."""

    parent: str = ""
    document_name: str = ""


class OperationShape(Wire):
    """``Operation`` and ``CustomLongRunningOperation``."""

    name: str = ""
    done: bool = False
    error: StatusShape | None = None
    response: OperationResult | None = None


class FileShape(Wire):
    """``File``."""

    name: str = ""
    state: str | int = ""
    display_name: str = ""
    sha256_hash: str = ""


class Finalized(Wire):
    """The body of a finalized upload: an operation (store upload) or ``{"file": …}`` (Files API)."""

    name: str = ""
    response: OperationResult | None = None
    file: FileShape | None = None


class PartShape(Wire):
    """``Part``: only text is of interest, and ``thought`` marks text that is not the answer."""

    text: str = ""
    thought: bool = False


class ContentShape(Wire):
    """``Content``."""

    parts: list[PartShape] = []


class RetrievedShape(Wire):
    """``RetrievedContext``: one retrieved passage."""

    title: str = ""
    text: str = ""
    file_search_store: str | None = None
    page_number: int | None = None
    media_id: str = ""
    custom_metadata: list[MetadataEntry] = []


class ChunkShape(Wire):
    """``GroundingChunk``; other kinds of chunk (web, maps) have no retrieved context."""

    retrieved_context: RetrievedShape | None = None


class SegmentShape(Wire):
    """``Segment``: offsets are UTF-8 bytes in one part, the end exclusive."""

    part_index: int = 0
    start_index: int = 0
    end_index: int = 0
    text: str = ""


class SupportShape(Wire):
    """``GroundingSupport``."""

    segment: SegmentShape | None = None
    grounding_chunk_indices: list[int] = []
    confidence_scores: list[float] = []


class GroundingShape(Wire):
    """``GroundingMetadata``."""

    grounding_chunks: list[ChunkShape] = []
    grounding_supports: list[SupportShape] = []


class CandidateShape(Wire):
    """``Candidate``."""

    content: ContentShape | None = None
    finish_reason: str = ""
    grounding_metadata: GroundingShape | None = None


class FeedbackShape(Wire):
    """``PromptFeedback``."""

    block_reason: str = ""


class GenerateShape(Wire):
    """``GenerateContentResponse``."""

    candidates: list[CandidateShape] = []
    prompt_feedback: FeedbackShape | None = None
    model_version: str = ""


class Nothing(Wire):
    """An answer whose body does not matter."""


def parse(body: bytes, shape: type[T]) -> T:
    """``body`` as ``shape``; an empty body is an empty object.

    Raises:
        ValueError: it is not JSON, or not of that shape.
    """
    try:
        raw = msgspec.json.decode(body) if body.strip() else {}
        return msgspec.convert(_without_nulls(raw), shape, strict=False)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"not a {shape.__name__}") from error


def _without_nulls(value: Any) -> Any:
    """``value`` without null members: in proto3 JSON a null is the same as a field left out."""
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_nulls(each) for each in value if each is not None]
    return value
