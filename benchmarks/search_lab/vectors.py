"""An embedder that keeps what it has made, since embedding a set takes minutes."""

import hashlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from objlib.embedded.index import Embedder

Floats = NDArray[np.float32]


class Cached:
    """Vectors by the text they belong to, in a file."""

    def __init__(self, inner: Embedder, path: Path) -> None:
        self.model_id = inner.model_id
        self.dimensions = inner.dimensions
        self._inner = inner
        # A query is embedded in a thread of its own, while nothing else uses the file.
        self._db = sqlite3.connect(path, timeout=60, check_same_thread=False)
        self._db.execute("CREATE TABLE IF NOT EXISTS made(key BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID")

    def embed(self, texts: Sequence[str]) -> Floats:
        keys = [hashlib.sha256(f"{self.model_id}\0{text}".encode()).digest() for text in texts]
        out = np.zeros((len(texts), self.dimensions), np.float32)
        missing = []
        for row, key in enumerate(keys):
            vector = self._db.execute("SELECT vector FROM made WHERE key = ?", (key,)).fetchone()
            if vector:
                out[row] = np.frombuffer(vector[0], np.float32)
            else:
                missing.append(row)
        if missing:
            out[missing] = self._inner.embed([texts[row] for row in missing])
            self._db.executemany(
                "INSERT OR REPLACE INTO made VALUES(?, ?)",
                [(keys[row], out[row].tobytes()) for row in missing],
            )
            self._db.commit()
        return out

    def embed_query(self, text: str) -> Floats:
        """A query, kept apart: some models read it in another way."""
        key = hashlib.sha256(f"{self.model_id}\0query\0{text}".encode()).digest()
        row = self._db.execute("SELECT vector FROM made WHERE key = ?", (key,)).fetchone()
        if row:
            return np.frombuffer(row[0], np.float32)
        vector = self._inner.embed_query(text)
        self._db.execute("INSERT OR REPLACE INTO made VALUES(?, ?)", (key, vector.tobytes()))
        self._db.commit()
        return vector
