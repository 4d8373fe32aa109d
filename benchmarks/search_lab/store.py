"""A store in memory over the documents of a task, and the systems that search it."""

import re
import sqlite3
from collections.abc import Callable
from dataclasses import replace

from benchmarks.search_lab.tasks import Task
from benchmarks.search_lab.vectors import Cached
from objlib.embedded import index
from objlib.embedded.index import Hit
from objlib.embedded.index import sign_codes as index_codes
from objlib.embedded.index import vectors as index_vectors
from objlib.embedded.index.search import _hits
from objlib.embedded.text.extract import extract
from objlib.embedded.text.extracted import Extracted

DOCUMENTS = (
    "CREATE TABLE documents(doc_id INTEGER PRIMARY KEY, store_id INTEGER, display_name TEXT, metadata TEXT)"
)
EMBEDDED_AT_ONCE = 64
PAGES_PART = True
"""Whether the index knows the pages of a document that is printed on some."""
DEPTH = 300
"""Passages asked for, so that there are 100 documents among them."""
System = Callable[[str], list[Hit]]


def build(task: Task, page_words: int = 0) -> sqlite3.Connection:
    """Each document goes through the whole index: bytes, text, passages, words.

    ``page_words`` prints it on pages of that number of words, as a PDF has them.
    """
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.execute(DOCUMENTS)
    for name, function in index.FUNCTIONS.items():
        db.create_function(name, -1, function)
    for statement in (*index.SCHEMA, *index.REBUILD, *index.POSTINGS, *index.COMING_VECTORS):
        db.execute(statement)
    db.execute("BEGIN")
    for doc_id, (name, data) in enumerate(task.documents.items(), 1):
        db.execute("INSERT INTO documents VALUES(?, 1, ?, '{}')", (doc_id, name))
        extracted = extract(data, mime_type="text/markdown", name=name)
        if page_words:
            extracted = _on_pages(extracted, page_words)
        index.index_document(db, doc_id=doc_id, extracted=extracted, display_name=name, metadata={})
    db.execute("COMMIT")
    return db


def _on_pages(extracted: Extracted, words: int) -> Extracted:
    pages = re.findall(rf"(?:\S+\s*){{1,{words}}}", extracted.text)
    starts = [0]
    for page in pages[:-1]:
        starts.append(starts[-1] + len(page) + 2)
    # Headings are not known in a PDF.
    return replace(
        extracted, text="\n\n".join(pages), page_starts=tuple(starts) if PAGES_PART else (), headings=()
    )


def embed(db: sqlite3.Connection, embedder: Cached, share: float = 1.0) -> None:
    """Give this share of the passages a vector, in the order of the second pass."""
    done, total = index.vector_progress(db)
    while done < round(share * total):
        rows = index.pending_chunks(db, min(EMBEDDED_AT_ONCE, round(share * total) - done))
        made = embedder.embed([text for _, text in rows])
        db.execute("BEGIN")
        index.store_vectors(db, zip((n for n, _ in rows), made, strict=True), model_id=embedder.model_id)
        db.execute("COMMIT")
        done, total = index.vector_progress(db)


def words(db: sqlite3.Connection) -> System:
    """BM25 alone."""
    return lambda query: index.search(
        db, query, store_ids=[1], k=DEPTH, where=None, embedder=None, codes=None
    )


def whole(db: sqlite3.Connection, embedder: index.Embedder) -> System:
    """The search as users have it."""
    cache = index.SignBitCache()
    return lambda query: index.search(
        db, query, store_ids=[1], k=DEPTH, where=None, embedder=embedder, codes=cache
    )


def meaning(db: sqlite3.Connection, embedder: index.Embedder) -> System:
    """The cosine alone, through the sign bits."""
    cache = index.SignBitCache()

    def search(query: str) -> list[Hit]:
        bits = cache.load(db, embedder.model_id)
        assert bits is not None
        vector = embedder.embed_query(query)
        near = index_codes.nearest(bits, vector, allowed=None, count=500)
        cosines = index_vectors.cosines(db, vector, near)
        best = sorted(cosines, key=lambda n: -cosines[n])[:DEPTH]
        return _hits(db, best, cosines, {}, cosines)

    return search
