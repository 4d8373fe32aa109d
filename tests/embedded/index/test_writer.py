"""Documents in and out, vectors in, and what a second connection sees."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objlib.embedded.index import (
    SignBitCache,
    drop_document,
    drop_outdated,
    index_document,
    pending_chunks,
    search,
    store_vectors,
    vector_progress,
)
from objlib.embedded.index.postings import totals
from objlib.embedded.index.schema import POSITION_BITS
from objlib.embedded.index.sign_codes import SignBits
from objlib.embedded.index.vectors import HEADED_PASSAGES, cosines
from objlib.embedded.text.extracted import Extracted
from tests.support.index import Meanings, counts, give_vectors, new_store, put

LONG = "\n\n".join(f"Paragraph {n}. " + "word " * 150 for n in range(4))
NOTHING = {"texts": 0, "chunks": 0, "pending": 0, "signs": 0, "vectors": 0}


def embedded(codes: SignBits) -> list[int]:
    ids: list[int] = codes.ids[codes.present].tolist()
    return ids


def documents_with(db: sqlite3.Connection, query: str) -> list[int]:
    return [h.doc_id for h in search(db, query, store_ids=[1], k=10, where=None, embedder=None, codes=None)]


def test_indexing_counts_the_passages_and_queues_them() -> None:
    db = new_store()
    assert put(db, 1, LONG) == 4
    assert counts(db) == NOTHING | {"texts": 1, "chunks": 4, "pending": 4}
    assert vector_progress(db) == (0, 4)


def test_half_a_surrogate_pair_in_the_metadata_is_harmless() -> None:
    db = new_store()
    put(db, 1, "Words.", metadata={"title": "a \ud800 title", "author": 1854})
    assert documents_with(db, "title") == [1]


def test_a_dropped_document_leaves_no_rows() -> None:
    db = new_store()
    put(db, 1, LONG)
    give_vectors(db, Meanings(), 2)
    drop_document(db, 1)
    drop_document(db, 1)
    assert counts(db) == NOTHING
    db.execute("DELETE FROM documents")
    assert documents_with(db, "paragraph") == []


def test_indexing_again_replaces_the_passages() -> None:
    db = new_store()
    put(db, 1, "The old words.")
    give_vectors(db, Meanings())
    put(db, 1, "The new words.")
    assert counts(db) == NOTHING | {"texts": 1, "chunks": 1, "pending": 1}
    assert (documents_with(db, "old"), documents_with(db, "new")) == ([], [1])


def test_a_document_cannot_be_deleted_before_its_index() -> None:
    db = new_store()
    put(db, 1, "Words.")
    with pytest.raises(sqlite3.IntegrityError):
        db.execute("DELETE FROM documents")


def test_an_unknown_document_cannot_be_indexed() -> None:
    with pytest.raises(LookupError):
        index_document(new_store(), doc_id=1, extracted=Extracted("Words."), display_name="a", metadata={})


def test_pending_passages_come_breadth_first_with_their_heads() -> None:
    db = new_store()
    for doc_id in (1, 2, 3):
        put(db, doc_id, LONG, name=f"{doc_id}-the-name.md", metadata={"author": "Someone"})
    rows = pending_chunks(db, 5)
    order = sorted((n & (1 << POSITION_BITS) - 1, n >> POSITION_BITS) for n, _ in rows)
    assert order == [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2)]
    first = dict(rows)[1 << POSITION_BITS]
    assert first.startswith("Someone the name\nParagraph 0.")


def test_the_many_passages_of_a_book_are_embedded_without_their_heads() -> None:
    db = new_store()
    pages = [f"Paragraph {n}. " + "word " * 150 for n in range(HEADED_PASSAGES + 1)]
    put(db, 1, "\n\n".join(pages), name="the-long-book.md")
    put(db, 2, "\n\n".join(pages[1:]), name="the-leaflet.md")
    texts = dict(pending_chunks(db, 2))
    assert texts[1 << POSITION_BITS].startswith("Paragraph 0.")
    assert texts[2 << POSITION_BITS].startswith("the leaflet\nParagraph 1.")
    assert documents_with(db, "book") == [1] * (HEADED_PASSAGES + 1)  # still searched by their title


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("a/01-the-village-1854.md", "the village 1854"),
        ("Über_Größe.txt", "Über Größe"),
        ("IMG00123.txt", ""),
        ("4711.md", ""),
        ("", ""),
    ],
)
def test_the_meaningful_words_of_a_file_name_are_a_title(name: str, title: str) -> None:
    db = new_store()
    put(db, 1, "Words.", name=name)
    assert db.execute("SELECT title FROM texts").fetchone()[0] == title


def test_vectors_of_deleted_passages_are_ignored() -> None:
    db = new_store()
    put(db, 1, LONG)
    rows = pending_chunks(db, 10)
    vectors = Meanings().embed([text for _, text in rows])
    put(db, 1, "Quite another text.")
    store_vectors(db, zip((n for n, _ in rows), vectors, strict=True))
    assert vector_progress(db) == (0, 1)
    assert counts(db)["vectors"] == 0


def test_a_vector_may_be_stored_twice() -> None:
    db = new_store()
    put(db, 1, "Words.")
    rows = pending_chunks(db, 1)
    vectors = Meanings().embed([text for _, text in rows])
    for _ in range(2):
        store_vectors(db, [(rows[0][0], vectors[0])], model_id="meanings")
    store_vectors(db, [], model_id="meanings")
    assert vector_progress(db) == (1, 1)
    codes = SignBitCache().load(db, "meanings")
    assert codes is not None
    assert embedded(codes) == [rows[0][0]]


def test_vectors_of_an_older_model_that_shipped_are_dropped_and_queued() -> None:
    db = new_store()
    assert not drop_outdated(db)
    put(db, 1, LONG)
    give_vectors(db, Meanings(), 3)
    cache = SignBitCache()
    assert cache.load(db, "meanings") is not None
    assert cache.load(db, "other") is None
    assert drop_outdated(db)
    assert not drop_outdated(db)
    assert vector_progress(db) == (0, 4)
    assert cache.load(db, "meanings") is None


def test_the_cache_reads_new_rows_and_drops_deleted_ones(tmp_path: Path) -> None:
    path = str(tmp_path / "store.db")
    writer = new_store(path)
    reader = sqlite3.connect(path)
    cache = SignBitCache()
    assert cache.load(reader, "meanings") is None
    put(writer, 1, LONG)
    put(writer, 2, LONG)
    give_vectors(writer, Meanings(), 3)
    first = cache.load(reader, "meanings")
    assert first is not None
    assert len(embedded(first)) == 3
    assert cache.load(reader, "meanings") is first
    give_vectors(writer, Meanings(), 2)
    second = cache.load(reader, "meanings")
    assert second is not None
    assert set(embedded(second)) > set(embedded(first))
    assert len(embedded(second)) == 5
    drop_document(writer, 1)
    third = cache.load(reader, "meanings")
    assert third is not None
    assert {n >> POSITION_BITS for n in embedded(third)} == {2}
    drop_document(writer, 2)
    assert cache.load(reader, "meanings") is None
    reader.close()
    writer.close()


def test_a_stored_vector_is_close_to_its_original() -> None:
    db = new_store()
    put(db, 1, LONG)
    rows = pending_chunks(db, 4)
    rng = np.random.default_rng(1)
    vectors = rng.standard_normal((4, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    store_vectors(db, zip((n for n, _ in rows), vectors, strict=True), model_id="m")
    for (chunk_id, _), vector in zip(rows, vectors, strict=True):
        assert cosines(db, vector, [chunk_id]).get(chunk_id) == pytest.approx(1, abs=0.01)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "drop", "embed"]), st.integers(1, 3), st.sampled_from(["cat", "dog", LONG])
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_the_tables_agree_after_any_history(steps: list[tuple[str, int, str]]) -> None:
    db = new_store()
    cache = SignBitCache()
    texts: dict[int, str] = {}
    for step, doc_id, text in steps:
        if step == "put":
            put(db, doc_id, text)
            texts[doc_id] = text
        elif step == "drop":
            drop_document(db, doc_id)
            texts.pop(doc_id, None)
        else:
            give_vectors(db, Meanings(), 2)
        codes = cache.load(db, "meanings")
        kept = {row[0] for row in db.execute("SELECT chunk_id FROM vectors")}
        assert (set(embedded(codes)) if codes else set()) == kept
    state = counts(db)
    assert state["texts"] == len(texts)
    assert state["chunks"] == totals(db).passages == state["pending"] + state["signs"]
    assert state["signs"] == state["vectors"]
    for word in ("cat", "dog", "paragraph"):
        assert set(documents_with(db, word)) == {n for n, text in texts.items() if word in text.lower()}
    db.close()
