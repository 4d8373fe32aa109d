"""A store with only what the index needs of the service, and a small embedder whose vectors can be foreseen."""

import hashlib
import json
import re
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from objlib.embedded.index import (
    COMING_VECTORS,
    FUNCTIONS,
    POSTINGS,
    REBUILD,
    SCHEMA,
    Embedder,
    index_document,
)
from objlib.embedded.index.sign_rows import sign_bytes
from objlib.embedded.index.vectors import pending_chunks, store_vectors
from objlib.embedded.model import DIMENSIONS
from objlib.embedded.text.extract import extract
from objlib.embedded.text.extracted import Extracted

DOCUMENTS = """
    CREATE TABLE documents (
        doc_id INTEGER PRIMARY KEY, store_id INTEGER NOT NULL, display_name TEXT NOT NULL, metadata TEXT NOT NULL
    )
"""
TABLES = ("texts", "chunks", "pending", "signs", "vectors")


def new_store(path: str = ":memory:") -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA foreign_keys = ON")
    db.execute(DOCUMENTS)
    for name, function in FUNCTIONS.items():
        db.create_function(name, -1, function)
    for statement in (*SCHEMA, *REBUILD, *POSTINGS, *COMING_VECTORS):
        db.execute(statement)
    return db


def put(
    db: sqlite3.Connection,
    doc_id: int,
    text: str | Extracted,
    *,
    store: int = 1,
    name: str = "a.md",
    metadata: Mapping[str, Any] | None = None,
) -> int:
    """Add a document, or index it again."""
    metadata = metadata or {}
    db.execute(
        "INSERT INTO documents VALUES(?, ?, ?, ?) ON CONFLICT(doc_id) DO NOTHING",
        (doc_id, store, name, json.dumps(metadata)),
    )
    if isinstance(text, str):
        text = extract(text.encode(), mime_type="text/markdown", name=name)
    return index_document(db, doc_id=doc_id, extracted=text, display_name=name, metadata=metadata)


def counts(db: sqlite3.Connection) -> dict[str, int]:
    """Rows by table; of the sign bits, the slots that have some."""
    rows = {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}
    blobs = db.execute("SELECT bits FROM signs").fetchall()
    size = sign_bytes()
    rows["signs"] = sum(any(bits[at : at + size]) for (bits,) in blobs for at in range(0, len(bits), size))
    return rows


class Meanings:
    """Every word has a direction of its own, but words that are listed as synonyms share one."""

    model_id = "meanings"
    dimensions = DIMENSIONS

    def __init__(self, *synonyms: str) -> None:
        self.calls: list[list[str]] = []
        self._same = {word: group.split()[0] for group in synonyms for word in group.split()}

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.calls.append(list(texts))
        rows = np.stack(
            [sum((self._direction(w) for w in re.findall(r"\w+", t.lower())), self._ground) for t in texts]
        )
        unit: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        return unit

    def embed_query(self, text: str) -> NDArray[np.float32]:
        vector: NDArray[np.float32] = self.embed([text])[0]
        return vector

    @property
    def _ground(self) -> NDArray[np.float64]:
        return np.full(DIMENSIONS, 1e-3)

    def _direction(self, word: str) -> NDArray[np.float64]:
        seed = hashlib.sha256(self._same.get(word, word).encode()).digest()[:8]
        return np.random.default_rng(int.from_bytes(seed, "big")).standard_normal(DIMENSIONS)


def give_vectors(db: sqlite3.Connection, embedder: Embedder, limit: int = 10_000) -> int:
    """Embed what is pending; how many passages that were."""
    rows = pending_chunks(db, limit)
    if rows:
        vectors = embedder.embed([text for _, text in rows])
        store_vectors(db, zip((n for n, _ in rows), vectors, strict=True), model_id=embedder.model_id)
    return len(rows)
