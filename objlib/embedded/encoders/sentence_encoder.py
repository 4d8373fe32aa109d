"""A user's encoder: texts to vectors."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from objlib.embedded.encoders.errors import ModelFolderError, NoEncoderError
from objlib.embedded.encoders.folder import ModelFolder, Pooling
from objlib.embedded.encoders.session import Graph, each_on_a_core
from objlib.embedded.encoders.tokenizer import open_tokenizer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

WHOLE_TEXT = "sentence_embedding"
"""The output of a graph that pools by itself."""
LEAST_NUMBERS = 4
"""Numbers of a vector at least; a cross-encoder gives one or two for a text."""


class SentenceEncoder:
    """An encoder from a folder. Its methods may be called from several threads at once.

    Attributes:
        dimensions: numbers of a vector.
        pools: whether the vector of a text is made here, from those of its tokens.

    Raises:
        ModelFolderError: the folder's graph is not one of an encoder, or does not fit its card.
    """

    def __init__(self, folder: ModelFolder) -> None:
        self._folder = folder
        self.model_id = folder.model_id
        self._tokenizer = open_tokenizer(folder.path)
        self._graph = Graph(folder.graph)
        outputs = self._graph.outputs
        self._output = outputs.index(WHOLE_TEXT) if WHOLE_TEXT in outputs else 0
        self.pools = True
        size = len(self._vector("a"))
        if size < LEAST_NUMBERS:
            raise NoEncoderError(
                f"{folder.path} gives {size} number(s) for a text, which is no vector; a cross-encoder is a reranker"
            )
        if folder.dimensions is not None and folder.dimensions > size:
            raise ModelFolderError(
                f"{folder.path} says that a vector has {folder.dimensions} numbers, and its graph gives {size}"
            )
        self.dimensions = folder.dimensions or size

    def embed(self, texts: Sequence[str]) -> "Floats":
        """Unit vectors of passages, one row for each text."""
        return self._embed([self._folder.document_prefix + text for text in texts])

    def embed_query(self, text: str) -> "Floats":
        """The unit vector of a query."""
        vector: Floats = self._embed([self._folder.query_prefix + text])[0]
        return vector

    def _embed(self, texts: Sequence[str]) -> "Floats":
        import numpy as np

        rows = each_on_a_core(lambda n: self._vector(texts[n]), [len(text) for text in texts])
        if not rows:
            return np.empty((0, self.dimensions), np.float32)
        out = np.stack(rows)[:, : self.dimensions].astype(np.float32)
        lengths = np.linalg.norm(out, axis=1, keepdims=True)
        if not np.isfinite(lengths).all():
            raise ModelFolderError(f"{self._folder.graph} gives vectors that are no numbers; export it again")
        unit: Floats = out / np.maximum(lengths, 1e-12)
        return unit

    def _vector(self, text: str) -> "NDArray[Any]":
        encoding = self._tokenizer.encode(text, None, self._folder.max_tokens)
        output: NDArray[Any] = self._graph.run(encoding.ids, encoding.types)[self._output]
        if output.ndim == 2 and output.shape[0] == 1:
            self.pools = False
            first: NDArray[Any] = output[0]
            return first
        if output.ndim == 3 and output.shape[:2] == (1, len(encoding.ids)):
            return _pooled(output[0], self._folder.pooling)
        raise ModelFolderError(
            f"{self._folder.graph} gives an array of {' by '.join(map(str, output.shape))} for a text, which is no "
            "vector, nor one for each token"
        )


def _pooled(tokens: "NDArray[Any]", pooling: Pooling) -> "NDArray[Any]":
    """The vector of a text from those of its tokens; nothing is padded, so all of them count."""
    out: NDArray[Any]
    match pooling:
        case Pooling.MEAN:
            out = tokens.mean(axis=0)
        case Pooling.MAX:
            out = tokens.max(axis=0)
        case Pooling.CLS:
            out = tokens[0]
        case Pooling.LAST:
            out = tokens[-1]
    return out
