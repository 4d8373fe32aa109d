"""How well a passage fits, on one scale for all models."""

import hashlib
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from objlib.embedded.index import (
    ANSWERING,
    NO_SCALE,
    SHIPPED_SCALE,
    WEAK,
    SignBitCache,
    StoredModel,
    measure_scale,
    quote_answer,
    search,
)
from objlib.embedded.index.confidence import confidence
from objlib.embedded.index.embedder import MiniLM
from objlib.embedded.index.lexical import parse_query
from objlib.embedded.index.postings import index_weights
from objlib.embedded.model import MODEL_ID
from tests.support.index import give_vectors, new_store, put


@pytest.fixture(scope="module")
def shipped() -> MiniLM:
    return MiniLM(threads=2)


class Squeezed:
    """The model that ships, with cosines from .7 to 1, as some models have them."""

    model_id = "squeezed"
    dimensions = 385

    def __init__(self, inner: MiniLM) -> None:
        self._inner = inner

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = self._inner.embed(texts)
        same = np.full((len(rows), 1), 0.7**0.5, np.float32)
        return np.concatenate([rows * np.float32(0.3**0.5), same], axis=1)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        vector: NDArray[np.float32] = self.embed([text])[0]
        return vector


class Noise:
    """A model that knows nothing."""

    model_id = "noise"
    dimensions = 384

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        seeds = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") for text in texts]
        rows = np.stack([np.random.default_rng(seed).standard_normal(384) for seed in seeds])
        unit: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        return unit

    def embed_query(self, text: str) -> NDArray[np.float32]:
        vector: NDArray[np.float32] = self.embed([text])[0]
        return vector


def test_the_scale_of_the_model_that_ships_is_the_one_that_is_built_in(shipped: MiniLM) -> None:
    scale = measure_scale(shipped)
    assert scale.factor == pytest.approx(1, abs=0.03)
    assert scale.offset == pytest.approx(0, abs=0.02)


def test_a_model_of_another_range_comes_to_the_same_scale(shipped: MiniLM) -> None:
    scale = measure_scale(Squeezed(shipped))
    for cosine in (0.0, 0.3, 0.6):
        assert scale.usual(0.7 + 0.3 * cosine) == pytest.approx(cosine, abs=0.03)
    near, far = (confidence({"bee": 1}, "", 0.7 + 0.3 * cosine, scale) for cosine in (0.6, 0.1))
    assert far is not None
    assert near is not None
    assert far < WEAK < near


def test_a_model_that_does_not_tell_right_from_wrong_has_no_scale() -> None:
    assert measure_scale(Noise()) == NO_SCALE


def of(query: str, text: str, cosine: float | None) -> float | None:
    return confidence(index_weights(parse_query(query).words), text, cosine, SHIPPED_SCALE)


def test_words_and_meaning_count_together() -> None:
    near, far = of("keeping bees", "apiculture", 0.7), of("keeping bees", "a ship", 0.05)
    assert near is not None
    assert far is not None
    assert far < WEAK < near
    half = of("keeping bees", "the bee", 0.05)
    assert half is not None
    assert far < half


def test_a_passage_with_every_word_is_never_weak() -> None:
    assert of("Hogarth", "the dog of Hogarth", 0.1) == WEAK
    assert of("Hogarth", "the dog of Hogarth", None) == WEAK
    assert of("Hogarth painter", "the dog of Hogarth", None) is None  # nothing is known of its meaning
    assert confidence(index_weights(["x"]), "y", 0.0, NO_SCALE) is None
    assert confidence(index_weights(["x"]), "y", 0.0, None) is None


TEXTS = (
    "# Bees\n\nA beekeeper takes the honey from the hive in late summer, and leaves the bees enough for the winter.",
    "# Ships\n\nThe captain of the old ship waited in the harbour for a wind from the east.",
)


def test_a_search_says_which_hits_are_weak_and_an_answer_is_none_of_them(shipped: MiniLM) -> None:
    db = new_store()
    for number, text in enumerate(TEXTS, 1):
        put(db, number, text)
    give_vectors(db, shipped)

    def weak(query: str) -> list[bool]:
        hits = search(db, query, store_ids=[1], k=5, where=None, embedder=shipped, codes=SignBitCache())
        return [hit.confidence is not None and hit.confidence < WEAK for hit in hits]

    assert weak("When is honey harvested?") == [False, True]
    assert weak("harbour")[0] is False
    assert weak('"wind from the east"') == [False]
    question = "Which enzyme repairs the mitochondrial membrane of yeast?"
    assert weak(question) == [True, True]
    hits = search(db, question, store_ids=[1], k=5, where=None, embedder=shipped, codes=SignBitCache())
    assert quote_answer(question, hits, shipped).quotations == ()


def test_the_scale_is_kept_with_the_model() -> None:
    db = new_store()
    scale = measure_scale(Noise())
    for model in (StoredModel("m", "/m", 8, scale), StoredModel("m", "/m", 8), StoredModel()):
        ANSWERING.set_model(db, model)
        assert ANSWERING.model(db) == model
    kept = ANSWERING.model(db)
    assert kept is not None
    assert (kept.model_id, kept.scale) == (MODEL_ID, SHIPPED_SCALE)
