"""Stores that an older objlib indexed: they answer, and are moved to the new word index step by step."""

import sqlite3

import numpy as np

from objlib.embedded.index import (
    FUNCTIONS,
    POSTINGS,
    REBUILD,
    SCHEMA,
    SignBitCache,
    drop_document,
    move_older,
    pending_chunks,
    search,
    store_vectors,
    vector_progress,
)
from objlib.embedded.index.schema import POSITION_BITS
from objlib.embedded.index.vectors import HEADED_PASSAGES
from tests.support.index import DOCUMENTS, Meanings, new_store, put

BOOK = [f"Chapter {n} of the whale and the sea." for n in range(HEADED_PASSAGES + 3)]
LETTER = ["The doctor sailed to the harbour."]


def older_store(embedder: Meanings) -> sqlite3.Connection:
    """A store as version 3 left it: words in FTS5, sign bits one in a row, all passages with vectors."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.execute(DOCUMENTS)
    for name, function in FUNCTIONS.items():
        db.create_function(name, -1, function)
    for statement in (*SCHEMA, *REBUILD):
        db.execute(statement)
    for doc_id, title, bodies in ((1, "Moby Dick", BOOK), (2, "A letter", LETTER)):
        db.execute("INSERT INTO documents VALUES(?, 1, ?, '{}')", (doc_id, title))
        db.execute(
            "INSERT INTO texts VALUES(?, ?, 1, ?, 'Melville', ?)", (doc_id, doc_id, title, len(bodies))
        )
        for n, body in enumerate(bodies):
            chunk_id = doc_id << POSITION_BITS | n
            db.execute("INSERT INTO chunks VALUES(?, 0, 1, NULL, '', ?)", (chunk_id, body))
            values = (chunk_id, f"Melville {title}", body)
            db.execute("INSERT INTO fts(rowid, head, body) VALUES(?, ?, ?)", values)
            (vector,) = embedder.embed([f"Melville {title}\n{body}"])
            small = np.clip(np.rint(vector * 508), -127, 127).astype(np.int8)
            db.execute("INSERT INTO vectors VALUES(?, ?)", (chunk_id, small.tobytes()))
            bits = np.packbits(vector > 0).tobytes()
            db.execute("INSERT INTO codes(chunk_id, bits) VALUES(?, ?)", (chunk_id, bits))
    db.execute("INSERT INTO index_meta VALUES('model', ?)", (embedder.model_id,))
    for statement in POSTINGS:
        db.execute(statement)
    return db


def found(
    db: sqlite3.Connection, embedder: Meanings, cache: SignBitCache
) -> dict[str, list[tuple[int, int]]]:
    return {
        query: sorted(
            (hit.doc_id, hit.chunk_id & 0xFF)
            for hit in search(db, query, store_ids=[1], k=50, where=None, embedder=each, codes=cache)
        )
        for query in ("whale", "harbour", '"doctor sailed"', "melville", "physician")
        for each in ((embedder,) if query == "physician" else (None,))
    }


def test_a_store_of_an_older_objlib_answers_before_while_and_after_it_is_moved() -> None:
    embedder = Meanings("doctor physician")
    db, cache = older_store(embedder), SignBitCache()
    before = found(db, embedder, cache)
    assert before["harbour"] == before['"doctor sailed"'] == [(2, 0)]
    assert len(before["melville"]) == len(before["physician"]) == len(BOOK) + 1
    assert vector_progress(db) == (len(BOOK) + 1, len(BOOK) + 1)
    steps = 0
    while move_older(db, limit=4):
        steps += 1
        assert found(db, embedder, cache) == before
        assert vector_progress(db)[1] == len(BOOK) + 1
    assert steps == 2 * (len(BOOK) // 4 + 2)  # to terms of our own, and to those of more scripts
    for table in ("codes", "fts_docsize"):
        assert db.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_the_passages_of_books_are_embedded_anew_and_use_their_vectors_until_then() -> None:
    embedder = Meanings()
    db, cache = older_store(embedder), SignBitCache()
    while move_older(db):
        pass
    assert vector_progress(db) == (1, len(BOOK) + 1)
    hits = search(db, "chapter", store_ids=[1], k=50, where=None, embedder=embedder, codes=cache)
    assert all(hit.cosine is not None for hit in hits)
    rows = pending_chunks(db, 100)
    assert sorted(text for _, text in rows) == sorted(BOOK)
    vectors = embedder.embed([text for _, text in rows])
    store_vectors(db, zip((n for n, _ in rows), vectors, strict=True), model_id=embedder.model_id)
    assert vector_progress(db) == (len(BOOK) + 1, len(BOOK) + 1)


def scores(db: sqlite3.Connection, query: str) -> list[tuple[str, float]]:
    hits = search(db, query, store_ids=[1], k=50, where=None, embedder=None, codes=None)
    return sorted((hit.text, round(hit.score, 6)) for hit in hits)


def test_a_moved_store_ranks_like_a_fresh_one() -> None:
    db, fresh = older_store(Meanings()), new_store()
    while move_older(db, limit=5):
        pass
    for doc_id, title, bodies in ((1, "Moby Dick", BOOK), (2, "A letter", LETTER)):
        for n, body in enumerate(bodies):  # a document for each passage: they are shorter than passages are
            put(fresh, 100 * doc_id + n, body, metadata={"title": title, "author": "Melville"})
    for query in ("whale", "harbour whale", "melville letter"):
        assert scores(db, query) == scores(fresh, query)


def test_older_documents_may_be_deleted_at_any_time() -> None:
    def drop_after(steps: int, doc_id: int) -> sqlite3.Connection:
        db = older_store(Meanings())
        for _ in range(steps):
            move_older(db, limit=4)
        drop_document(db, doc_id)
        while move_older(db, limit=4):
            pass
        return db

    for steps in range(5):
        assert vector_progress(drop_after(steps, 1))[1] == 1
        assert vector_progress(drop_after(steps, 2))[1] == len(BOOK)
