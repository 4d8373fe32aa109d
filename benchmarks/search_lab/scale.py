"""Stores of many passages, and other engines over the same passages.

The texts are sentences of the library in another order, so that words are as frequent as they are in books. The
vectors are random: they are for size and time only.
"""

import random
import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.search_lab.tasks import DATA, QUESTIONS
from objlib.embedded import index
from objlib.embedded.extraction.frames import ExtractedPassage, Outline
from objlib.embedded.index.lexical import parse_query
from objlib.embedded.index.schema import POSITION_BITS
from objlib.embedded.model import DIMENSIONS, MODEL_ID

PASSAGES_A_DOCUMENT = 50
SENTENCES = re.compile(r"(?<=[.!?])\s+")
WORDS = 165
Search = Callable[[str], object]
TABLES = (
    "CREATE TABLE documents(doc_id INTEGER PRIMARY KEY, store_id INTEGER, display_name TEXT, metadata TEXT)",
    *index.SCHEMA,
    *index.REBUILD,
    *index.POSTINGS,
    *index.COMING_VECTORS,
)


def questions() -> list[str]:
    return [line.split("\t")[0] for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]


def texts(count: int) -> Iterator[str]:
    """Passages of the size of ours; the same ones each time."""
    drawn = random.Random(1)
    sentences = [
        sentence
        for path in sorted((DATA / "library").rglob("*.md"))
        for sentence in SENTENCES.split(path.read_text(encoding="utf-8").partition("\n---\n")[2])
        if 3 < len(sentence.split()) < 80
    ]
    for _ in range(count):
        passage: list[str] = []
        words = 0
        while words < WORDS:
            sentence = drawn.choice(sentences)
            passage.append(sentence)
            words += len(sentence.split())
        yield " ".join(passage)


def unit_vectors(count: int, seed: int) -> "np.typing.NDArray[np.float32]":
    rows = np.random.default_rng(seed).standard_normal((count, DIMENSIONS)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    for name, function in index.FUNCTIONS.items():
        db.create_function(name, -1, function)
    return db


def build(path: Path, count: int) -> dict[str, float]:
    """Make a store of ``count`` passages with vectors; returns its figures."""
    db = connect(path)
    for statement in TABLES:
        db.execute(statement)
    size, seconds, processor = 0, 0.0, 0.0
    passages = texts(count)
    for doc_id in range(1, count // PASSAGES_A_DOCUMENT + 1):
        bodies = [next(passages) for _ in range(PASSAGES_A_DOCUMENT)]
        made = unit_vectors(len(bodies), doc_id)
        size += sum(len(body.encode()) for body in bodies)
        begun, worked = time.perf_counter(), time.process_time()
        _add(db, doc_id, bodies, made)
        seconds, processor = seconds + time.perf_counter() - begun, processor + time.process_time() - worked
    begun, worked = time.perf_counter(), time.process_time()
    while _merged(db):  # as the worker does in quiet moments
        pass
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    seconds, processor = seconds + time.perf_counter() - begun, processor + time.process_time() - worked
    db.close()
    return {"text": size, "file": path.stat().st_size, "seconds": seconds, "processor": processor}


def _add(
    db: sqlite3.Connection, doc_id: int, bodies: list[str], made: "np.typing.NDArray[np.float32]"
) -> None:
    db.execute("BEGIN")
    db.execute("INSERT INTO documents VALUES(?, 1, ?, '{}')", (doc_id, f"{doc_id}.md"))
    outline = Outline("", "", len(bodies))
    text = index.begin_document(db, doc_id=doc_id, outline=outline, display_name=f"{doc_id}.md", metadata={})
    index.add_passages(db, text, 0, (ExtractedPassage(0, 1, None, "", body) for body in bodies))
    first = text.text_id << POSITION_BITS
    index.store_vectors(db, ((first | n, vector) for n, vector in enumerate(made)), model_id=MODEL_ID)
    db.execute("COMMIT")


def _merged(db: sqlite3.Connection) -> bool:
    db.execute("BEGIN")
    merged = index.merge_next(db)
    db.execute("COMMIT")
    return merged


def plain_fts5(path: Path) -> Search:
    """FTS5 as it comes, over the same passages: its own ranking, the words of the query without stop words."""
    path.with_suffix(".fts").unlink(missing_ok=True)  # of an earlier run
    db = sqlite3.connect(path.with_suffix(".fts"))
    db.execute("CREATE VIRTUAL TABLE fts USING fts5(body, content='', tokenize='porter unicode61')")
    db.execute("ATTACH ? AS store", (str(path),))
    db.execute("INSERT INTO fts(rowid, body) SELECT chunk_id, body FROM store.chunks")
    db.execute("INSERT INTO fts(fts) VALUES('optimize')")
    db.commit()

    def search(query: str) -> object:
        expression = parse_query(query).loose()
        return db.execute(
            "SELECT rowid, rank FROM fts WHERE fts MATCH ? ORDER BY rank LIMIT 200", (expression,)
        ).fetchall()

    return search


def tantivy(path: Path) -> Search | None:
    """tantivy over the same passages; None where it is not installed."""
    try:
        import tantivy as engine
    except ImportError:
        return None
    folder = path.with_suffix(".tantivy")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    schema = (
        engine.SchemaBuilder()
        .add_integer_field("id", stored=True)
        .add_text_field("body", tokenizer_name="en_stem")
        .build()
    )
    made = engine.Index(schema, str(folder))
    writer = made.writer(heap_size=100_000_000, num_threads=1)
    for chunk_id, body in sqlite3.connect(path).execute("SELECT chunk_id, body FROM chunks"):
        writer.add_document(engine.Document(id=chunk_id, body=[body]))
    writer.commit()
    writer.wait_merging_threads()
    made.reload()
    searcher = made.searcher()

    def search(query: str) -> object:
        return searcher.search(made.parse_query(" ".join(parse_query(query).words), ["body"]), 200).hits

    return search


def exact(path: Path) -> Search:
    """All cosines by one product in numpy: the time a search by meaning needs without an index."""
    rows = sqlite3.connect(path).execute("SELECT i8 FROM vectors ORDER BY chunk_id")
    vectors = np.frombuffer(b"".join(row[0] for row in rows), np.int8).reshape(-1, DIMENSIONS)
    floats = vectors.astype(np.float32)
    query = unit_vectors(1, 0)[0]
    return lambda _: np.argpartition(-(floats @ query), 200)[:200]


def faiss(path: Path) -> Search | None:
    """faiss' flat index over the same vectors; None where it is not installed."""
    try:
        import faiss as engine
    except ImportError:
        return None
    rows = sqlite3.connect(path).execute("SELECT i8 FROM vectors ORDER BY chunk_id")
    vectors = np.frombuffer(b"".join(row[0] for row in rows), np.int8).reshape(-1, DIMENSIONS)
    flat = engine.IndexFlatIP(DIMENSIONS)
    flat.add(vectors.astype(np.float32))
    query = unit_vectors(1, 0)
    return lambda _: flat.search(query, 200)
