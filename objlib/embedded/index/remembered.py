"""An embedder that remembers the texts that it was asked for last.

The answers of one store quote the same passages again and again, and the vectors of their sentences are nine tenths
of the work of an answer.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from objlib.embedded.index.embedder import Embedder

if TYPE_CHECKING:
    from objlib.embedded.index.embedder import Floats

KEPT: Final = 4096
"""Vectors that are kept, the newest used: 6 MB of the model that ships."""
KEPT_CHARACTERS: Final = 2000
"""Longest text that is kept: with the vectors the texts stay below 20 MB."""


class RememberedVectors:
    """Wraps an embedder, whose vectors depend on the text alone; may be called from several threads at once."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.model_id = embedder.model_id
        self.dimensions = embedder.dimensions
        self._lock = threading.Lock()
        self._vectors: OrderedDict[str, Floats] = OrderedDict()

    def embed(self, texts: Sequence[str]) -> "Floats":
        """See :meth:`Embedder.embed`."""
        import numpy as np

        known: dict[str, Floats] = {}
        with self._lock:
            for text in texts:
                if (vector := self._vectors.get(text)) is not None:
                    self._vectors.move_to_end(text)
                    known[text] = vector
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if new:
            known |= zip(new, self._embedder.embed(new), strict=True)
        with self._lock:
            for text in new:
                if len(text) <= KEPT_CHARACTERS:
                    self._vectors[text] = known[text].copy()  # a row would keep its whole array
            while len(self._vectors) > KEPT:
                self._vectors.popitem(last=False)
        return np.array([known[text] for text in texts], dtype=np.float32).reshape(
            len(texts), self.dimensions
        )

    def embed_query(self, text: str) -> "Floats":
        """See :meth:`Embedder.embed_query`; a question seldom comes twice."""
        return self._embedder.embed_query(text)
