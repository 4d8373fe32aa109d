"""The index of the embedded service: passages, search by words and by meaning, quoted answers.

Plain synchronous functions over a ``sqlite3.Connection``; nothing heavy (numpy, onnxruntime) is
imported before a function needs it. The service owns the tables ``documents`` and its own; the tables of
:data:`SCHEMA` are the index's. Without onnxruntime, numpy or the model the search goes by words alone.
"""

from objlib.embedded.index.confidence import NO_SCALE, SHIPPED_SCALE, WEAK, CosineScale, measure_scale
from objlib.embedded.index.embedder import Embedder, load_embedder
from objlib.embedded.index.filters import compile_filter, filter_keys
from objlib.embedded.index.lazy_embedder import SHIPPED, LazyEmbedder, LoadingEmbedder, load_folder
from objlib.embedded.index.lexical import parse_query
from objlib.embedded.index.postings import merge_next
from objlib.embedded.index.quote import quote_answer
from objlib.embedded.index.records import FilterError, Hit, QuotedAnswer
from objlib.embedded.index.rerank import LazyReranker, Reranking, load_reranker
from objlib.embedded.index.schema import COMING_VECTORS, MORE_SCRIPTS, POSTINGS, REBUILD, SCHEMA
from objlib.embedded.index.search import OnDemand, search
from objlib.embedded.index.sign_codes import SignBitCache
from objlib.embedded.index.vector_sets import (
    ANSWERING,
    COMING,
    StoredModel,
    aim_at,
    drop_outdated,
    replace_answering,
    scale_of,
)
from objlib.embedded.index.vectors import pending_chunks, store_vectors, vector_progress
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
    "ANSWERING",
    "COMING",
    "COMING_VECTORS",
    "FUNCTIONS",
    "MORE_SCRIPTS",
    "NO_SCALE",
    "POSTINGS",
    "REBUILD",
    "SCHEMA",
    "SHIPPED",
    "SHIPPED_SCALE",
    "WEAK",
    "CosineScale",
    "Embedder",
    "FilterError",
    "Hit",
    "IndexedText",
    "LazyEmbedder",
    "LazyReranker",
    "LoadingEmbedder",
    "OnDemand",
    "QuotedAnswer",
    "Reranking",
    "SignBitCache",
    "StoredModel",
    "add_passages",
    "aim_at",
    "begin_document",
    "compile_filter",
    "drop_document",
    "drop_outdated",
    "filter_keys",
    "index_document",
    "load_embedder",
    "load_folder",
    "load_reranker",
    "measure_scale",
    "merge_next",
    "move_older",
    "parse_query",
    "pending_chunks",
    "quote_answer",
    "replace_answering",
    "scale_of",
    "search",
    "store_vectors",
    "vector_progress",
]
