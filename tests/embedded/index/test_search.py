"""Search by words and meaning together, with all, some or none of the vectors."""

import sqlite3
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objlib.embedded.index import Hit, OnDemand, SignBitCache, search, store_vectors, vector_progress
from objlib.embedded.index.fusion import fuse
from objlib.embedded.index.schema import POSITION_BITS
from objlib.embedded.index.sign_codes import SignBits, nearest
from tests.support.index import Meanings, give_vectors, new_store, put


def meanings() -> Meanings:
    return Meanings("car automobile vehicle", "fast quick rapid", "doctor physician")


def library(count: int = 30) -> sqlite3.Connection:
    db = new_store()
    put(db, 1, "The automobile is rapid.", metadata={"shelf": 1})
    put(db, 2, "A car on the road, a car.", metadata={"shelf": 2})
    put(db, 3, "The physician came late.", metadata={"shelf": 2})
    for number in range(4, count):
        put(db, number, f"Filler number {number} about gardens and rivers.")
    return db


def ask(
    db: sqlite3.Connection,
    query: str,
    embedder: Meanings | None,
    *,
    where: str | None = None,
    codes: SignBitCache | None = None,
    on_demand: OnDemand | None = None,
    stores: Sequence[int] = (1,),
    k: int = 10,
) -> list[Hit]:
    return search(
        db, query, store_ids=stores, k=k, where=where, embedder=embedder, codes=codes, on_demand=on_demand
    )


def test_search_by_meaning_finds_passages_without_the_words() -> None:
    db, embedder = library(), meanings()
    assert ask(db, "doctor", embedder) == []
    give_vectors(db, embedder)
    first = ask(db, "doctor", embedder, codes=SignBitCache())[0]
    assert first.doc_id == 3
    assert first.bm25 is None
    assert first.cosine is not None
    assert first.cosine > 0.3


def test_words_and_meaning_both_count() -> None:
    db, embedder = library(), meanings()
    give_vectors(db, embedder)
    got = ask(db, "fast car", embedder)
    assert {hit.doc_id for hit in got[:2]} == {1, 2}
    assert [hit.score for hit in got] == sorted((hit.score for hit in got), reverse=True)


def test_the_embedder_is_not_used_without_vectors() -> None:
    embedder = meanings()
    got = ask(library(), "car", embedder)
    assert embedder.calls == []
    assert [hit.doc_id for hit in got] == [2]


def test_vectors_of_another_model_are_not_used() -> None:
    db = library()
    give_vectors(db, meanings())
    other = meanings()
    other.model_id = "other"
    got = ask(db, "car", other, on_demand=OnDemand())
    assert [hit.doc_id for hit in got] == [2]


def test_filter_and_store_limit_search_by_meaning() -> None:
    db, embedder = library(), meanings()
    put(db, 99, "Another physician.", store=2)
    give_vectors(db, embedder)
    assert {hit.doc_id for hit in ask(db, "doctor", embedder, where="shelf = 2")} == {2, 3}
    assert [hit.doc_id for hit in ask(db, "doctor", embedder, stores=[2])] == [99]
    assert 99 not in {hit.doc_id for hit in ask(db, "doctor", embedder)}


def test_an_existing_phrase_is_in_every_hit() -> None:
    db, embedder = library(), meanings()
    give_vectors(db, embedder)
    assert {hit.doc_id for hit in ask(db, '"on the road" doctor', embedder)} == {2}
    assert len(ask(db, '"not in there" doctor', embedder)) == 10


def test_vectors_are_made_on_demand_and_given_to_the_caller() -> None:
    db, embedder = library(), meanings()
    demand = OnDemand(limit=6)
    got = ask(db, "gardens", embedder, on_demand=demand, k=40)
    assert len(demand.rows) == 6
    assert sum(hit.cosine is not None for hit in got) == 6
    store_vectors(db, demand.rows, model_id=embedder.model_id)
    assert vector_progress(db) == (6, 29)
    again = OnDemand(limit=6)
    ask(db, "gardens", embedder, on_demand=again)
    assert not {n for n, _ in demand.rows} & {n for n, _ in again.rows}


def test_without_time_no_vectors_are_made() -> None:
    demand = OnDemand(seconds=0)
    got = ask(library(), "gardens", meanings(), on_demand=demand)
    assert demand.rows == []
    assert len(got) == 10


def test_a_document_deleted_while_embedded_is_harmless() -> None:
    db = library()

    class Slow(Meanings):
        def embed(self, texts: Sequence[str]) -> "np.typing.NDArray[np.float32]":
            if texts != ["car"]:  # the query itself is embedded in another thread
                db.execute("DELETE FROM chunks WHERE chunk_id >> 20 = 2")
            return super().embed(texts)

    assert ask(db, "car", Slow(), on_demand=OnDemand()) == []


def test_the_shortlist_keeps_the_nearest() -> None:
    rng = np.random.default_rng(7)
    vectors = rng.standard_normal((3000, 384)).astype(np.float32)
    bits = np.packbits(vectors > 0, axis=1).view(np.uint64)
    ids = np.arange(3000, dtype=np.int64) << POSITION_BITS
    codes = SignBits(ids, np.ascontiguousarray(bits.T), np.ones(3000, bool))
    query = vectors[1234] + 0.5 * rng.standard_normal(384).astype(np.float32)
    assert 1234 << POSITION_BITS in nearest(codes, query, allowed=None, count=10)
    assert nearest(codes, query, allowed=[5, 7], count=10) == [5 << POSITION_BITS, 7 << POSITION_BITS]
    assert nearest(codes, query, allowed=[], count=10) == []


SCORES = st.dictionaries(st.integers(1, 40), st.floats(0.1, 30), max_size=12)
COSINES = st.dictionaries(st.integers(1, 40), st.floats(-1, 1), max_size=12)


def by_score(scores: dict[int, float]) -> dict[int, float]:
    return dict(sorted(scores.items(), key=lambda item: -item[1]))


@given(SCORES, COSINES)
def test_every_candidate_gets_a_score(bm25: dict[int, float], cosine: dict[int, float]) -> None:
    got = fuse(by_score(bm25), cosine)
    assert set(got) == {*bm25, *cosine}
    assert all(np.isfinite(score) for score in got.values())


@given(SCORES)
def test_without_vectors_the_order_is_that_of_the_words(bm25: dict[int, float]) -> None:
    got = fuse(by_score(bm25), {})
    assert all(got[a] >= got[b] for a in bm25 for b in bm25 if bm25[a] >= bm25[b])


@given(SCORES, st.floats(-1, 1), st.data())
def test_equal_cosines_keep_the_order_of_the_words(
    bm25: dict[int, float], same: float, data: st.DataObject
) -> None:
    embedded = data.draw(st.sets(st.sampled_from(sorted(bm25)))) if bm25 else set()
    got = fuse(by_score(bm25), dict.fromkeys(embedded, same))
    assert all(got[a] >= got[b] - 1e-6 for a in bm25 for b in bm25 if bm25[a] >= bm25[b])


def test_one_vector_does_not_push_aside_those_without() -> None:
    bm25 = by_score({n: 20.0 - n for n in range(1, 11)})
    got = fuse(bm25, {10: 0.4} | dict.fromkeys(range(50, 60), 0.7))
    assert sorted(got, key=lambda n: -got[n])[:9] == list(range(1, 10))


def test_with_all_vectors_both_count_the_same() -> None:
    got = fuse({1: 4.0, 2: 2.0}, {1: 0.1, 2: 0.5})
    assert got[1] == pytest.approx(got[2], abs=1e-6)
