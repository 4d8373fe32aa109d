"""Texts to vectors, through onnxruntime. The only module that imports it."""

import os
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

from objlib.embedded.index.wordpiece import WordPiece
from objlib.embedded.model import DIMENSIONS, MODEL_ID, ONNX, VOCABULARY, damage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

MAX_TOKENS = 256
"""Tokens of a text that the model reads, as it was trained; the rest is cut."""


class ModelError(Exception):
    """The model cannot be loaded; search goes by words alone."""


class Embedder(Protocol):
    """Maps texts to unit vectors; texts of similar meaning have a large inner product."""

    model_id: str
    """Name of everything that the vectors depend on; vectors of two models cannot be compared."""

    def embed(self, texts: Sequence[str]) -> "Floats":
        """Unit vectors, one row of 384 for each text, in the order of the texts."""
        ...


class MiniLM:
    """The model that ships with objlib. Its methods may be called from several threads at once.

    Each text is computed alone on one core, several at once: nothing is padded, and a vector does not depend
    on its neighbours. That is faster than batches (see README.md beside the model).
    ``threads`` texts are computed at once; 0 stands for one per core of this process.
    """

    model_id = MODEL_ID

    def __init__(self, threads: int = 0) -> None:
        # onnxruntime reports its use to its vendor unless this is set before it is imported (its Privacy.md).
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
        import numpy as np  # noqa: F401  # embed() needs it: fail now
        import onnxruntime  # takes 0.1 s that only search by meaning should pay

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        # "extended" could fuse the normalisation, which is slower.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        self._session: Any = onnxruntime.InferenceSession(
            str(ONNX), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = WordPiece(VOCABULARY)
        self._threads = threads or _cores()

    def embed(self, texts: Sequence[str]) -> "Floats":
        """See :meth:`Embedder.embed`."""
        import numpy as np

        out = np.empty((len(texts), DIMENSIONS), dtype=np.float32)

        def one(row: int) -> None:
            ids = np.array([self._tokenizer.encode(texts[row], MAX_TOKENS)], dtype=np.int64)
            out[row] = self._session.run(None, {"ids": ids})[0]

        if len(texts) == 1 or self._threads == 1:
            for row in range(len(texts)):
                one(row)
        else:
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(self._threads) as pool:
                # Long texts first, so that the threads end together.
                list(pool.map(one, sorted(range(len(texts)), key=lambda row: -len(texts[row]))))
        return out


def _cores() -> int:
    """Cores that this process may use: fewer than the machine has in containers and under ``taskset``."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def obstacle() -> str:
    """Why the model cannot be loaded, as far as that shows without loading it; empty if it can.

    Loading takes 0.1 s and 100 MB, too much for a run that only reports what is possible.
    """
    fault = damage(thorough=False)
    if fault is not None:
        return f"no search by meaning: {fault}"
    return next((_missing(name) for name in ("numpy", "onnxruntime") if find_spec(name) is None), "")


def _missing(package: str | None) -> str:
    return f"no search by meaning: {package} is not installed; install numpy and onnxruntime"


def load_embedder(*, thorough: bool = False) -> tuple[Embedder | None, str]:
    """Load the model; ``thorough`` compares the SHA-256 of its files first, and not only their sizes.

    Returns:
        The embedder and an empty string; or None and one line: why search goes by words alone.
    """
    fault = damage(thorough=thorough)
    if fault is not None:
        return None, f"no search by meaning: {fault}"
    try:
        return MiniLM(), ""
    except ImportError as error:
        return None, _missing(error.name)
    except Exception as error:  # onnxruntime raises its own types, none of them public
        return None, f"no search by meaning: the model cannot be loaded ({str(error).splitlines()[0]})"
