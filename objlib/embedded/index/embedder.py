"""Texts to vectors: what an embedder is, and the one that ships with objlib."""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

from objlib.embedded.encoders.errors import ModelError
from objlib.embedded.encoders.session import each_on_a_core, first_line, open_session
from objlib.embedded.encoders.wordpiece import WordPiece, read_vocabulary
from objlib.embedded.model import DIMENSIONS, MODEL_ID, ONNX, VOCABULARY, damage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

__all__ = ["MAX_TOKENS", "Embedder", "MiniLM", "ModelError", "load_embedder", "obstacle"]

MAX_TOKENS = 256
"""Tokens of a text that the model reads, as it was trained; the rest is cut."""
_START, _END = "[CLS]", "[SEP]"


class Embedder(Protocol):
    """Maps texts to unit vectors; texts of similar meaning have a large inner product."""

    model_id: str
    """Name of everything that the vectors depend on; vectors of two models cannot be compared."""
    dimensions: int
    """Numbers of a vector."""

    def embed(self, texts: Sequence[str]) -> "Floats":
        """Unit vectors of passages, one row for each text, in the order of the texts."""
        ...

    def embed_query(self, text: str) -> "Floats":
        """The unit vector of a query: some models read queries in another way than passages."""
        ...


class MiniLM:
    """The model that ships with objlib. Its methods may be called from several threads at once.

    Each text is computed alone on one core, several at once: nothing is padded, and a vector does not depend
    on its neighbours. That is faster than batches (see README.md beside the model).
    ``threads`` texts are computed at once; 0 stands for one per core of this process.
    """

    model_id = MODEL_ID
    dimensions = DIMENSIONS

    def __init__(self, threads: int = 0) -> None:
        import_module("numpy")  # embed() needs it: fail now

        # The graph is written as it is to be computed: to rewrite it takes longer and changes nothing.
        self._session: Any = open_session(ONNX, level="ORT_DISABLE_ALL")
        vocabulary = read_vocabulary(VOCABULARY)
        self._start, self._end = vocabulary[_START], vocabulary[_END]
        self._tokenizer = WordPiece(vocabulary)
        self._threads = threads

    def embed(self, texts: Sequence[str]) -> "Floats":
        """See :meth:`Embedder.embed`."""
        import numpy as np

        out = np.empty((len(texts), DIMENSIONS), dtype=np.float32)

        def one(row: int) -> None:
            inner = self._tokenizer.ids(texts[row], MAX_TOKENS - 2)
            ids = np.array([[self._start, *inner, self._end]], dtype=np.int64)
            out[row] = self._session.run(None, {"ids": ids})[0]

        each_on_a_core(one, [len(text) for text in texts], threads=self._threads)
        return out

    def embed_query(self, text: str) -> "Floats":
        """See :meth:`Embedder.embed_query`; this model reads both alike."""
        vector: Floats = self.embed([text])[0]
        return vector


def obstacle() -> str:
    """Why the model cannot be loaded, as far as that shows without loading it; empty if it can.

    Loading takes 0.1 s and 100 MB, too much for a run that only reports what is possible.
    """
    fault = damage(thorough=False)
    return f"no search by meaning: {fault}" if fault is not None else missing_packages()


def missing_packages() -> str:
    """Which package is missing without which no model can be loaded; empty if none is."""
    return next((missing(name) for name in ("numpy", "onnxruntime") if find_spec(name) is None), "")


def missing(package: str | None) -> str:
    """The reason where a package is not there."""
    return f"no search by meaning: {package} is not installed; install numpy and onnxruntime"


def load_embedder(*, thorough: bool = False) -> tuple[Embedder | None, str]:
    """Load the model that ships; ``thorough`` compares the SHA-256 of its files first, and not only their sizes.

    Returns:
        The embedder and an empty string; or None and one line: why search goes by words alone.
    """
    fault = damage(thorough=thorough)
    if fault is not None:
        return None, f"no search by meaning: {fault}"
    try:
        return MiniLM(), ""
    except ImportError as error:
        return None, missing(error.name)
    except Exception as error:  # onnxruntime raises its own types, none of them public
        return None, f"no search by meaning: the model cannot be loaded ({first_line(error)})"
