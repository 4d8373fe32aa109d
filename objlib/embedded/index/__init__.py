"""The index of the embedded service: text, passages, search by words and by meaning, extracted answers.

Plain synchronous functions over a ``sqlite3.Connection``; nothing heavy (numpy, onnxruntime, pypdf) is
imported before a function needs it. The service owns the tables ``documents`` and its own; the tables of
:data:`SCHEMA` are the index's. Without onnxruntime, numpy or the model the search goes by words alone.
"""

from objlib.embedded.index.chunk import chunks
from objlib.embedded.index.codes import CodeCache
from objlib.embedded.index.compose import compose
from objlib.embedded.index.embedder import Embedder, load_embedder, obstacle
from objlib.embedded.index.extract import extract
from objlib.embedded.index.filters import compile_filter
from objlib.embedded.index.records import Composed, Extracted, FilterError, Hit, Support, UnreadableError
from objlib.embedded.index.schema import SCHEMA
from objlib.embedded.index.search import OnDemand, search
from objlib.embedded.index.store import drop_document, index_document
from objlib.embedded.index.vectors import adopt_model, pending_chunks, store_vectors, vector_progress

__all__ = [
    "SCHEMA",
    "CodeCache",
    "Composed",
    "Embedder",
    "Extracted",
    "FilterError",
    "Hit",
    "OnDemand",
    "Support",
    "UnreadableError",
    "adopt_model",
    "chunks",
    "compile_filter",
    "compose",
    "drop_document",
    "extract",
    "index_document",
    "load_embedder",
    "obstacle",
    "pending_chunks",
    "search",
    "store_vectors",
    "vector_progress",
]
