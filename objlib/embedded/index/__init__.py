"""The index of the embedded service: passages, search by words and by meaning, quoted answers.

Plain synchronous functions over a ``sqlite3.Connection``; nothing heavy (numpy, onnxruntime) is
imported before a function needs it. The service owns the tables ``documents`` and its own; the tables of
:data:`SCHEMA` are the index's. Without onnxruntime, numpy or the model the search goes by words alone.
"""

from objlib.embedded.index.embedder import Embedder, load_embedder
from objlib.embedded.index.filters import compile_filter, filter_keys
from objlib.embedded.index.lazy_embedder import LazyEmbedder
from objlib.embedded.index.postings import merge_next
from objlib.embedded.index.quote import quote_answer
from objlib.embedded.index.records import FilterError, Hit, QuotedAnswer
from objlib.embedded.index.schema import POSTINGS, REBUILD, SCHEMA
from objlib.embedded.index.search import OnDemand, search
from objlib.embedded.index.sign_codes import SignBitCache
from objlib.embedded.index.vectors import adopt_model, pending_chunks, store_vectors, vector_progress
from objlib.embedded.index.writer import (
    FUNCTIONS,
    IndexedText,
    add_passages,
    begin_document,
    drop_document,
    index_document,
    move_older,
)

__all__ = [
    "FUNCTIONS",
    "POSTINGS",
    "REBUILD",
    "SCHEMA",
    "Embedder",
    "FilterError",
    "Hit",
    "IndexedText",
    "LazyEmbedder",
    "OnDemand",
    "QuotedAnswer",
    "SignBitCache",
    "add_passages",
    "adopt_model",
    "begin_document",
    "compile_filter",
    "drop_document",
    "filter_keys",
    "index_document",
    "load_embedder",
    "merge_next",
    "move_older",
    "pending_chunks",
    "quote_answer",
    "search",
    "store_vectors",
    "vector_progress",
]
