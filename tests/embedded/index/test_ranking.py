"""The word index: what it finds is what FTS5 finds, with and without arrays, after any history."""

import sqlite3
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objlib.embedded.index import SignBitCache, drop_document, postings, search
from objlib.embedded.index.lexical import bm25, parse_query
from objlib.embedded.index.postings import totals
from objlib.embedded.index.slot_cache import SlotCache
from tests.support.index import new_store, put

WORDS = st.sampled_from("whale whales ship sea sailing harbour captain's the of running 42".split())
TEXTS = st.lists(st.lists(WORDS, min_size=1, max_size=30).map(" ".join), min_size=1, max_size=12)


def by_fts5(texts: Sequence[str], query: str) -> dict[int, float]:
    """BM25 of SQLite's own full-text index, by the number of the text."""
    db = sqlite3.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE fts USING fts5(body, tokenize='porter unicode61')")
    db.executemany("INSERT INTO fts(rowid, body) VALUES(?, ?)", enumerate(texts, 1))
    rows = db.execute("SELECT rowid, -rank FROM fts WHERE fts MATCH ?", (parse_query(query).loose(),))
    return dict(rows.fetchall())


def by_document(db: sqlite3.Connection, query: str, *, arrays: bool) -> dict[int, float]:
    slots = SlotCache().load(db) if arrays else None
    scores, _ = bm25(db, parse_query(query), slots, allowed=None, depth=1000)
    return {chunk_id >> 20: score for chunk_id, score in scores.items()}


@settings(max_examples=25, deadline=None)
@given(TEXTS, st.lists(WORDS, min_size=1, max_size=4, unique=True).map(" ".join))
def test_scores_are_those_of_fts5_with_and_without_arrays(texts: list[str], query: str) -> None:
    db = new_store()
    for number, text in enumerate(texts, 1):
        put(db, number, text, name="")
    right = pytest.approx(by_fts5(texts, query), rel=1e-4, abs=1e-4)
    assert by_document(db, query, arrays=True) == right
    assert by_document(db, query, arrays=False) == right


HISTORY = st.lists(st.tuples(st.booleans(), st.integers(1, 4), TEXTS.map("\n\n".join)), max_size=8)


@settings(max_examples=25, deadline=None)
@given(HISTORY)
def test_after_any_history_the_index_answers_like_a_fresh_one(history: list[tuple[bool, int, str]]) -> None:
    db, cache, kept = new_store(), SignBitCache(), dict[int, str]()
    for stays, doc_id, text in history:
        if stays:
            put(db, doc_id, text)
            kept[doc_id] = text
        else:
            drop_document(db, doc_id)
            kept.pop(doc_id, None)
    fresh = new_store()
    for doc_id, text in kept.items():
        put(fresh, doc_id, text)
    assert totals(db) == totals(fresh)

    def answers(
        of: sqlite3.Connection, with_cache: SignBitCache | None
    ) -> list[list[tuple[int, str, float]]]:
        return [
            sorted(
                (hit.doc_id, hit.text, round(hit.bm25 or 0, 4))
                for hit in search(
                    of, query, store_ids=[1], k=100, where=None, embedder=None, codes=with_cache
                )
            )
            for query in ("whale", "sailing ship harbour", '"sea ship"', "the of")
        ]

    right = answers(fresh, None)
    assert answers(db, None) == right
    assert answers(db, cache) == right


def test_a_dropped_document_leaves_nothing_in_the_word_index() -> None:
    db = new_store()
    put(db, 1, "One whale. " * 40)
    put(db, 2, "Two ships.")
    for doc_id in (1, 2):
        drop_document(db, doc_id)
    assert db.execute("SELECT count(*) FROM postings").fetchone() == (0,)
    assert totals(db) == (0, 0)
    put(db, 3, "Three harbours.")
    assert db.execute("SELECT slot FROM chunks").fetchall() == [(0,)]  # the first slot is used again


def test_passages_are_ranked_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    db, cache = new_store(), SignBitCache()
    for module in ("postings", "ranking", "slot_cache"):
        monkeypatch.setattr(f"objlib.embedded.index.{module}.BLOCK", 4)
    for number in range(1, 12):
        put(db, number, f"whale {number} " + "sea " * number)
    assert db.execute("SELECT count(*) FROM slots").fetchone() == (3,)
    for codes in (None, cache):
        hits = search(db, "whale", store_ids=[1], k=20, where=None, embedder=None, codes=codes)
        assert [hit.doc_id for hit in hits] == list(range(1, 12))  # the shorter the better


@pytest.mark.parametrize("limit", ["MOST_SEGMENTS", "MOST_FRESH"])
def test_fresh_segments_are_merged_from_a_number_on_and_when_asked(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postings, limit, 5)
    db = new_store()
    for number in range(1, 14):
        put(db, number, "whale " * number)
    (before,) = db.execute("SELECT count(*) FROM segments").fetchone()
    assert before == 1 + 3  # the large one, and those since its last merge
    scores = by_document(db, "whale", arrays=False)
    assert list(scores) == list(range(13, 0, -1))
    assert postings.merge_next(db)
    assert not postings.merge_next(db)
    assert by_document(db, "whale", arrays=True) == pytest.approx(scores)
    assert db.execute("SELECT segment, block FROM segments").fetchall() == [(0, 0)]


def test_equal_scores_come_in_the_order_of_the_library_whatever_the_slots() -> None:
    db = new_store()
    for number in (1, 2, 3):
        put(db, number, "whale")
    put(db, 1, "whale")  # takes the first slot again, with a higher id
    hits = search(db, "whale", store_ids=[1], k=3, where=None, embedder=None, codes=SignBitCache())
    assert [hit.doc_id for hit in hits] == [2, 3, 1]


def test_a_word_that_stands_thousands_of_times_is_counted_as_often_as_a_byte_holds() -> None:
    db = new_store()
    ids = postings.add(db, [postings.IndexedPassage(7 << 20, "whale " * 100_000)])
    assert ids == [0]
    assert totals(db) == (1, 0xFFFF)
    postings.remove(db, [(0, "whale " * 100_000)])
    assert totals(db) == (0, 0)
