"""How good and how fast the embedded search is, on judged queries.

::

    python benchmarks/search.py --set scifact
    python benchmarks/search.py --set summa-hard --limit-queries 200 --coverage 0 30 100

Reads ``../shared/data/ir/<set>`` (corpus.jsonl, queries.jsonl, qrels/*.tsv) beside the checkout, or the
folder that ``--data`` names. Each document goes through the whole index: bytes, text, passages, words,
vectors, search. A document's rank is that of its best passage. Vectors are kept in ``--cache`` between runs,
by the text they belong to.

``--coverage`` gives only that share of the passages a vector, in the order of the second pass;
``--on-demand`` lets each search embed its best 20 passages that have none.
"""

import argparse
import hashlib
import json
import math
import sqlite3
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from objlib.embedded import index
from objlib.embedded.index import sign_codes as index_codes
from objlib.embedded.model import DIMENSIONS, MODEL_ID
from objlib.embedded.text.extract import extract

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "ir"
DOCUMENTS = (
    "CREATE TABLE documents(doc_id INTEGER PRIMARY KEY, store_id INTEGER, display_name TEXT, metadata TEXT)"
)
PASSAGES = 300
"""Passages asked for, so that there are 100 documents among them."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Task:
    """A set of judged queries: documents and queries by id, and the grade of each document for a query."""

    documents: dict[str, bytes]
    queries: dict[str, str]
    grades: dict[str, dict[str, int]]


def lines(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def read_task(folder: Path, limit: int | None) -> Task:
    documents = {}
    for row in lines(folder / "corpus.jsonl"):
        heading = f"# {row['title']}\n\n" if row["title"] else ""
        documents[row["_id"]] = (heading + row["text"]).encode()
    grades: dict[str, dict[str, int]] = {}
    for path in sorted((folder / "qrels").glob("*.tsv")):
        for line in path.read_text().splitlines()[1:]:
            query, document, grade = line.split("\t")
            if int(grade) > 0:
                grades.setdefault(query, {})[document] = int(grade)
    queries = {row["_id"]: row["text"] for row in lines(folder / "queries.jsonl") if row["_id"] in grades}
    if limit is not None:  # spread over all of them
        names = list(queries)[:: max(1, len(queries) // limit)][:limit]
        queries = {name: queries[name] for name in names}
    return Task(documents, queries, grades)


class Cached:
    """An embedder that keeps what it has made in a file, since embedding a set takes minutes."""

    model_id = MODEL_ID

    def __init__(self, inner: index.Embedder, path: Path) -> None:
        self._inner = inner
        self._db = sqlite3.connect(path)
        self._db.execute("CREATE TABLE IF NOT EXISTS made(key BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID")
        self.made = 0
        self.seconds = 0.0
        self.processor = 0.0

    def embed(self, texts: Sequence[str]) -> Floats:
        keys = [hashlib.sha256(f"{MODEL_ID}\0{text}".encode()).digest() for text in texts]
        out = np.zeros((len(texts), DIMENSIONS), np.float32)
        missing = []
        for row, key in enumerate(keys):
            vector = self._db.execute("SELECT vector FROM made WHERE key = ?", (key,)).fetchone()
            if vector:
                out[row] = np.frombuffer(vector[0], np.float32)
            else:
                missing.append(row)
        if missing:
            begun, worked = time.perf_counter(), time.process_time()
            out[missing] = self._inner.embed([texts[row] for row in missing])
            self.seconds += time.perf_counter() - begun
            self.processor += time.process_time() - worked
            self.made += len(missing)
            self._db.executemany(
                "INSERT OR REPLACE INTO made VALUES(?, ?)",
                [(keys[row], out[row].tobytes()) for row in missing],
            )
            self._db.commit()
        return out


def build(task: Task) -> sqlite3.Connection:
    """Index the documents by words; prints the speed."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.execute(DOCUMENTS)
    for name, function in index.FUNCTIONS.items():
        db.create_function(name, -1, function)
    for statement in (*index.SCHEMA, *index.REBUILD):
        db.execute(statement)
    begun, worked, count = time.perf_counter(), time.process_time(), 0
    db.execute("BEGIN")
    for doc_id, (name, data) in enumerate(task.documents.items(), 1):
        db.execute("INSERT INTO documents VALUES(?, 1, ?, '{}')", (doc_id, name))
        extracted = extract(data, mime_type="text/markdown", name=f"{name}.md")
        count += index.index_document(db, doc_id=doc_id, extracted=extracted, display_name=name, metadata={})
    db.execute("COMMIT")
    seconds, worked = time.perf_counter() - begun, time.process_time() - worked
    print(
        f"indexed by words: {len(task.documents)} documents, {count} passages; "
        f"{count / seconds:.0f} passages/s ({count / worked:.0f} by processor time)"
    )
    return db


def make_vectors(db: sqlite3.Connection, embedder: Cached, share: float) -> None:
    """Give this share of the passages a vector; prints the speed of those that were not in the cache."""
    done, total = index.vector_progress(db)
    while done < round(share * total):
        rows = index.pending_chunks(db, min(64, round(share * total) - done))
        vectors = embedder.embed([text for _, text in rows])
        db.execute("BEGIN")
        index.store_vectors(db, zip((n for n, _ in rows), vectors, strict=True))
        db.execute("COMMIT")
        done, total = index.vector_progress(db)
    if embedder.made:
        print(
            f"embedded {embedder.made} passages: {embedder.made / embedder.seconds:.1f} passages/s, "
            f"{1000 * embedder.processor / embedder.made:.1f} ms of processor time each"
        )


def measure(label: str, task: Task, hits_by_query: dict[str, list[str]], milliseconds: list[float]) -> None:
    """Print nDCG@10, recall@100 and how long a query took."""
    gains, recalls = [], []
    for query, documents in hits_by_query.items():
        grades = task.grades[query]
        gain = sum((2 ** grades.get(d, 0) - 1) / math.log2(rank + 2) for rank, d in enumerate(documents[:10]))
        best = sorted(grades.values(), reverse=True)[:10]
        gains.append(gain / sum((2**grade - 1) / math.log2(rank + 2) for rank, grade in enumerate(best)))
        recalls.append(sum(d in grades for d in documents[:100]) / len(grades))
    p50, p95 = statistics.median(milliseconds), statistics.quantiles(milliseconds, n=20)[-1]
    print(
        f"{label:24s} nDCG@10 {statistics.mean(gains):.4f}  recall@100 {statistics.mean(recalls):.4f}  "
        f"query {p50:.1f} ms, p95 {p95:.1f}",
        flush=True,
    )


def by_document(hits: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(hits))


def run(
    task: Task, db: sqlite3.Connection, label: str, embedder: index.Embedder | None, *, on_demand: bool
) -> None:
    cache = index.SignBitCache()

    def hits(query: str, k: int) -> list[index.Hit]:
        demand = index.OnDemand(seconds=60) if on_demand else None
        return index.search(
            db, query, store_ids=[1], k=k, where=None, embedder=embedder, codes=cache, on_demand=demand
        )

    hits_by_query, times = {}, []
    for name, query in task.queries.items():
        begun = time.perf_counter()
        hits(query, 10)  # as many as the user asks for; the long list is for recall
        times.append(1000 * (time.perf_counter() - begun))
        hits_by_query[name] = by_document([hit.display_name for hit in hits(query, PASSAGES)])
    measure(label, task, hits_by_query, times)


def run_vectors(task: Task, db: sqlite3.Connection, embedder: index.Embedder) -> None:
    """By meaning alone, through the sign bits as the search does it."""
    bits = index.SignBitCache().load(db, MODEL_ID)
    names = dict(db.execute("SELECT t.text_id, d.display_name FROM texts t JOIN documents d USING (doc_id)"))
    hits_by_query, times = {}, []
    for name, query in task.queries.items():
        begun = time.perf_counter()
        vector = embedder.embed([query])[0]
        near = index_codes.nearest(bits, vector, allowed=None, count=500) if bits else []
        cosines = index_codes.cosines(db, vector, near)
        times.append(1000 * (time.perf_counter() - begun))
        hits_by_query[name] = by_document(
            [names[n >> 20] for n in sorted(cosines, key=lambda n: -cosines[n])]
        )
    measure("vectors alone", task, hits_by_query, times)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the embedded search on judged queries.")
    parser.add_argument("--set", default="scifact", help="folder under --data: scifact, summa-hard")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--limit-queries", type=int)
    parser.add_argument(
        "--coverage", type=int, nargs="+", default=[100], help="percent of passages with a vector"
    )
    parser.add_argument("--on-demand", action="store_true")
    parser.add_argument("--cache", type=Path, help="SQLite file that keeps vectors from one run to the next")
    chosen = parser.parse_args()
    task = read_task(chosen.data / chosen.set, chosen.limit_queries)
    db = build(task)
    print(f"{len(task.queries)} queries")
    run(task, db, "words alone", None, on_demand=False)
    inner, reason = index.load_embedder()
    if inner is None:
        raise SystemExit(reason)
    embedder = Cached(inner, chosen.cache or Path(":memory:"))
    for coverage in sorted(chosen.coverage):
        make_vectors(db, embedder, coverage / 100)
        run(task, db, f"both, {coverage} % embedded", inner, on_demand=False)
        if chosen.on_demand:
            run(task, db, f"both, {coverage} % + on demand", embedder, on_demand=True)
    if max(chosen.coverage) == 100:
        run_vectors(task, db, inner)


if __name__ == "__main__":
    main()
