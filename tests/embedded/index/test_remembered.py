"""An embedder that remembers: the same vectors, and each text asked for once."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from objlib.embedded.index import remembered
from objlib.embedded.index.remembered import RememberedVectors

Floats = npt.NDArray[np.float32]


class Counting:
    """An embedder whose vectors are the lengths of texts, and which keeps what it was asked."""

    model_id = "m"
    dimensions = 2

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> Floats:
        self.asked += texts
        return np.array([[len(text), 1.0] for text in texts], dtype=np.float32)

    def embed_query(self, text: str) -> Floats:
        vector: Floats = self.embed([text])[0]
        return vector


def test_a_text_is_embedded_once() -> None:
    inner = Counting()
    vectors = RememberedVectors(inner)
    assert vectors.embed(["a", "bb", "a"]).tolist() == [[1, 1], [2, 1], [1, 1]]
    assert vectors.embed(["bb", "ccc"]).tolist() == [[2, 1], [3, 1]]
    assert inner.asked == ["a", "bb", "ccc"]
    assert vectors.embed([]).size == 0
    assert (vectors.model_id, vectors.dimensions) == ("m", 2)
    assert vectors.embed_query("dddd").tolist() == [4, 1]


def test_the_longest_unused_and_long_texts_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "KEPT", 2)
    inner = Counting()
    vectors = RememberedVectors(inner)
    vectors.embed(["a", "bb"])
    vectors.embed(["a"])
    vectors.embed(["ccc"])
    inner.asked.clear()
    vectors.embed(["a", "ccc", "bb", "x" * (remembered.KEPT_CHARACTERS + 1)])
    vectors.embed(["x" * (remembered.KEPT_CHARACTERS + 1)])
    assert [len(text) for text in inner.asked] == [2, 2001, 2001]
