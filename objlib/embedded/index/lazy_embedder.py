"""The embedder, loaded when a search can first use it: that takes a tenth of a second and 100 MB."""

import sqlite3
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from objlib.embedded.index.embedder import Embedder, ModelError, load_embedder, obstacle
from objlib.embedded.index.sign_codes import SignBitCache
from objlib.embedded.index.vectors import vector_progress
from objlib.embedded.model import MODEL_ID

if TYPE_CHECKING:
    from objlib.embedded.index.embedder import Floats


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
        """An embedder that is loaded at its first use, in the thread that uses it; None for an empty store.

        Its use raises :class:`ModelError` if the model cannot be loaded after all.
        """
        if self.obstacle() or (self._reason is None and vector_progress(db)[1] == 0):
            return None
        return _Loading(self)

    def loaded(self) -> Embedder | None:
        """The embedder if a search has loaded it."""
        with self._lock:
            return self._embedder


class _Loading:
    model_id = MODEL_ID

    def __init__(self, lazy: LazyEmbedder) -> None:
        self._lazy = lazy

    def embed(self, texts: Sequence[str]) -> "Floats":
        embedder, reason = self._lazy.load()
        if embedder is None:
            raise ModelError(reason)
        return embedder.embed(texts)
