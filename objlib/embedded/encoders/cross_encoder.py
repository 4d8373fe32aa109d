"""A user's reranker: a cross-encoder, which reads query and passage together and gives one number."""

import math
from collections.abc import Sequence

from objlib.embedded.encoders.errors import ModelFolderError
from objlib.embedded.encoders.folder import ModelFolder
from objlib.embedded.encoders.session import Graph, cores, each_on_a_core
from objlib.embedded.encoders.tokenizer import open_tokenizer


class CrossEncoder:
    """A cross-encoder from a folder. Its methods may be called from several threads at once.

    Attributes:
        at_once: passages that are computed at the same time.

    Raises:
        ModelFolderError: the folder's graph is not one of a cross-encoder.
    """

    def __init__(self, folder: ModelFolder) -> None:
        self._folder = folder
        self.model_id = folder.model_id
        self.at_once = cores()
        self._tokenizer = open_tokenizer(folder.path)
        self._graph = Graph(folder.graph)
        self._score("a", "b")

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """How well each text fits the query; higher is better, on a scale of the model's own."""
        return each_on_a_core(lambda n: self._score(query, texts[n]), [len(text) for text in texts])

    def _score(self, query: str, text: str) -> float:
        encoding = self._tokenizer.encode(query, text, self._folder.max_tokens)
        output = self._graph.run(encoding.ids, encoding.types)[0]
        if output.size == 1:
            score = float(output.reshape(-1)[0])
        elif output.shape == (1, 2):  # two classes: does not fit, fits
            score = float(output[0, 1] - output[0, 0])
        else:
            raise ModelFolderError(
                f"{self._folder.graph} gives an array of {' by '.join(map(str, output.shape))} for a pair of texts; "
                "a reranker gives one number"
            )
        if math.isnan(score):
            raise ModelFolderError(f"{self._folder.graph} gives scores that are no numbers; export it again")
        return score
