"""The index of the embedded service: text, passages, search by words and by meaning, extracted answers.

Plain synchronous functions over a ``sqlite3.Connection``; nothing heavy (numpy, onnxruntime, pypdf) is
imported before a function needs it. The service owns the tables ``documents`` and its own; the tables of
:data:`SCHEMA` are the index's. Without onnxruntime, numpy or the model the search goes by words alone.
"""

from objlib.embedded.index.embedder import Embedder, load_embedder, obstacle
from objlib.embedded.index.filters import compile_filter
from objlib.embedded.index.quote import compose
from objlib.embedded.index.records import Composed, Extracted, FilterError, Hit, Support, UnreadableError
from objlib.embedded.index.schema import SCHEMA
from objlib.embedded.index.search import OnDemand, search
from objlib.embedded.index.sign_codes import SignBitCache
from objlib.embedded.index.vectors import adopt_model, pending_chunks, store_vectors, vector_progress
from objlib.embedded.index.writer import drop_document, index_document
from objlib.embedded.text.chunk import chunks
from objlib.embedded.text.extract import extract

__all__ = [
    "SCHEMA",
    "Composed",
    "Embedder",
    "Extracted",
    "FilterError",
    "Hit",
    "OnDemand",
    "SignBitCache",
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
