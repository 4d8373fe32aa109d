"""The embedder, loaded when a search can first use it: that takes a tenth of a second and 100 MB."""

import sqlite3
import threading

from objlib.embedded.index.embedder import Embedder, load_embedder, obstacle
from objlib.embedded.index.sign_codes import SignBitCache
from objlib.embedded.index.vectors import vector_progress


class LazyEmbedder:
    """Loads the embedder once and keeps it, with the cache of sign bits, until the service closes.

    Its methods may be called from several threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._embedder: Embedder | None = None
        self._reason: str | None = None
        self.sign_bits = SignBitCache()

    def load(self) -> tuple[Embedder | None, str]:
        """The embedder and an empty string, or None and the reason; blocks while it is loaded for the first time."""
        with self._lock:
            if self._reason is None:
                self._embedder, self._reason = load_embedder()
            return self._embedder, self._reason

    def obstacle(self) -> str:
        """Why there is no embedder, or an empty string; loads nothing, so a failure of loading is not foreseen."""
        with self._lock:
            return obstacle() if self._reason is None else self._reason

    def for_search(self, db: sqlite3.Connection) -> Embedder | None:
        """The embedder if it is loaded or the store has passages; an empty store is no reason to load it."""
        useful = self._reason is not None or vector_progress(db)[1] > 0
        return self.load()[0] if useful else None
