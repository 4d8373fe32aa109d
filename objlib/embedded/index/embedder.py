"""Texts to vectors, through onnxruntime. The only module that knows it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from objlib.embedded.index.wordpiece import WordPiece
from objlib.embedded.model import DIMENSIONS, MODEL_ID, ONNX, VOCABULARY, damage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

MAX_TOKENS = 256
"""What the model was trained on; a longer text is cut."""

_BATCH = 16


class Embedder(Protocol):
    """Gives a text a place in a space where texts with a like meaning are near each other."""

    model_id: str
    """Names what the vectors depend on; vectors of two models cannot be compared."""

    def embed(self, texts: Sequence[str]) -> "Floats":
        """Unit vectors, one row of 384 for each text, in the order of the texts."""
        ...


class MiniLM:
    """The model that ships with objlib. Its methods may be called from several threads at once.

    Args:
        threads: processor threads one call uses; 0 for as many as there are cores.
    """

    model_id = MODEL_ID

    def __init__(self, threads: int = 0) -> None:
        import onnxruntime  # noqa: PLC0415  # 0.1 s that only search by meaning should cost

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        # Waiting threads must not spin: other work shares the cores, and it costs no speed.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session: Any = onnxruntime.InferenceSession(
            str(ONNX), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = WordPiece(VOCABULARY)

    def embed(self, texts: Sequence[str]) -> "Floats":
        """See :meth:`Embedder.embed`. Texts of like length go together, so that little is padded."""
        import numpy as np  # noqa: PLC0415

        ids = [self._tokenizer.encode(text, MAX_TOKENS) for text in texts]
        order = sorted(range(len(ids)), key=lambda n: len(ids[n]))
        out = np.empty((len(ids), DIMENSIONS), dtype=np.float32)
        for start in range(0, len(order), _BATCH):
            batch = order[start : start + _BATCH]
            out[batch] = self._run([ids[n] for n in batch])
        return out

    def _run(self, batch: list[list[int]]) -> "Floats":
        import numpy as np  # noqa: PLC0415

        width = max(map(len, batch))
        tokens = np.zeros((len(batch), width), dtype=np.int64)
        mask = np.zeros_like(tokens)
        for row, ids in enumerate(batch):
            tokens[row, : len(ids)] = ids
            mask[row, : len(ids)] = 1
        feed = {"input_ids": tokens, "attention_mask": mask, "position_ids": np.arange(width, dtype=np.int64)}
        states: Floats = self._session.run(None, feed)[0]
        pooled = (states * mask[..., None]).sum(axis=1, dtype=np.float32) / mask.sum(axis=1, keepdims=True)
        unit: Floats = (pooled / np.linalg.norm(pooled, axis=1, keepdims=True)).astype(np.float32)
        return unit


def load_embedder() -> tuple[Embedder | None, str]:
    """Load the model.

    Returns:
        The embedder and an empty string; or None and one line that says why search goes by words alone.
    """
    wrong = damage(thorough=False)
    if wrong is not None:
        return None, f"no search by meaning: {wrong}"
    try:
        return MiniLM(), ""
    except ImportError as error:
        return (
            None,
            f"no search by meaning: {error.name} is not installed; install numpy and onnxruntime",
        )
    except Exception as error:  # onnxruntime raises its own kinds, none of them public
        return None, f"no search by meaning: the model cannot be loaded ({str(error).splitlines()[0]})"
