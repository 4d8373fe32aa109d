"""The options of the embedded service; every default is how the real one behaves."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from starlette.middleware import Middleware

GRANULARITY: Final = 8 * 1024 * 1024
"""Bytes that every chunk of a resumable upload but the last is a multiple of."""
MAX_DOCUMENT: Final = 104_857_600
"""Largest document of a store, in bytes (the service's own number, 100 MiB)."""
MAX_FILE: Final = 2_147_483_648
"""Largest file of the files API, in bytes."""


@dataclass(frozen=True, slots=True)
class Options:
    """How an embedded service behaves.

    Attributes:
        require_key: the only API key that is accepted; None accepts any, and none at all.
        strict: whether requests and answers have to fit the discovery document in every field.
        granularity: chunk granularity of resumable uploads in bytes; tests make it small.
        settle_seconds: artificial lag between the last byte of a document (or file) and ACTIVE.
        searchable_seconds: artificial lag between ACTIVE and the first search that finds the document.
        full_names_in_import: a finished import names its document in full, as an upload does. The real
            service answers with bare ids there, and so does this one by default.
        storage_limit: bytes that all stores may hold together; beyond it uploads get the storage 429.
        max_document: largest document in bytes.
        background_vectors: make vectors for new passages in the background while the service is open.
        embedder: folder of the model that the store is to have, or ``default``; empty leaves it the one it has.
        reranker: folder of the cross-encoder that orders the first passages of a search; empty for none.
        rerank_seconds: how long one search may take for that.
        middleware: Starlette middleware around the whole app, outermost first: a place for faults and quotas.
    """

    require_key: str | None = None
    strict: bool = False
    granularity: int = GRANULARITY
    settle_seconds: float = 0.0
    searchable_seconds: float = 0.0
    full_names_in_import: bool = False
    storage_limit: int | None = None
    max_document: int = MAX_DOCUMENT
    background_vectors: bool = False
    embedder: str = ""
    reranker: str = ""
    rerank_seconds: float = 1.0
    middleware: tuple[Middleware, ...] = ()


class Writer(NamedTuple):
    """The open service at the moment at which it writes.

    Attributes:
        now: Unix time.
        claim: its mark on the documents that it will index.
    """

    now: float
    claim: str
    options: Options
