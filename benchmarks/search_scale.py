"""How fast the embedded search is, at ten thousand to a million passages.

::

    just bench search-scale --passages 10000 100000

Each size is a store of sentences of the library with random vectors: for size and time only. Beside it, in the same
run, plain FTS5, tantivy, all cosines in numpy, and faiss; ``uv pip install --group bench`` installs the peers.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.search_lab import scale
from objlib.embedded import index
from objlib.embedded.index.lexical import bm25, parse_query
from objlib.embedded.index.sign_codes import nearest

COLD = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from benchmarks.search_lab import scale
from objlib.embedded import index
db = scale.connect(Path(sys.argv[2]))
lazy = index.LazyEmbedder()
hits = index.search(db, "is it wrong to break a promise", store_ids=[1], k=8, where=None,
                    embedder=lazy.for_search(db), codes=lazy.sign_bits)
assert len(hits) == 8
"""


def times(search: scale.Search, queries: list[str]) -> tuple[float, float, float]:
    """(median, 95th percentile, mean of processor time) in milliseconds, after one round to warm up.

    Processor time is that of all threads, and hardly depends on what else the machine does.
    """
    for query in queries:
        search(query)
    taken = []
    worked = time.process_time()
    for query in queries:
        begun = time.perf_counter()
        search(query)
        taken.append(1000 * (time.perf_counter() - begun))
    worked = 1000 * (time.process_time() - worked) / len(queries)
    return statistics.median(taken), statistics.quantiles(taken, n=20)[-1], worked


def line(label: str, search: scale.Search | None, queries: list[str]) -> None:
    if search is None:
        print(f"  {label:28s} not installed")
        return
    p50, p95, worked = times(search, queries)
    print(
        f"  {label:28s} p50 {p50:7.1f} ms   p95 {p95:7.1f} ms   processor {worked:7.1f} ms",
        flush=True,
    )


def cold(path: Path) -> float:
    """Seconds of processor time of a process that searches once."""
    root = str(Path(__file__).resolve().parents[1])
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", COLD, root, str(path)], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(folder: Path, count: int, *, peers: bool) -> None:
    path = folder / f"{count}.db"
    print(f"{count} passages")
    if not path.exists():
        built = scale.build(path, count)
        print(
            f"  built: {count / built['seconds']:.0f} passages/s ({count / built['processor']:.0f} by processor time),"
            f" file {built['file'] / built['text']:.2f} times the text of {built['text'] / 1e6:.0f} MB",
            flush=True,
        )
    queries = scale.questions()
    db = scale.connect(path)
    embedder, reason = index.load_embedder()
    if embedder is None:
        raise SystemExit(reason)
    cache = index.SignBitCache()
    line(
        "the whole search",
        lambda q: index.search(db, q, store_ids=[1], k=8, where=None, embedder=embedder, codes=cache),
        queries,
    )
    line(
        "  its words",
        lambda q: bm25(db, parse_query(q), cache.slots.load(db), allowed=None, depth=200),
        queries,
    )
    line("  its query vector", lambda q: embedder.embed([q]), queries)
    bits = cache.load(db, embedder.model_id)
    assert bits is not None
    vector = embedder.embed(["a question"])[0]
    line("  its scan of sign bits", lambda _: nearest(bits, vector, allowed=None, count=500), queries)
    print(f"  cold: {min(cold(path) for _ in range(3)):.2f} s of processor time")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  memory: {memory:.0f} MB", flush=True)
    if peers:
        line("plain FTS5", scale.plain_fts5(path), queries)
        line("tantivy", scale.tantivy(path), queries)
        line("all cosines in numpy", scale.exact(path), queries)
        line("faiss, flat", scale.faiss(path), queries)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the speed of the embedded search.")
    parser.add_argument("--passages", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--folder", type=Path, help="keep the stores here between runs")
    parser.add_argument("--no-peers", action="store_true")
    chosen = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder or Path(temporary)
        folder.mkdir(exist_ok=True, parents=True)
        for count in chosen.passages:
            measure(folder, count, peers=not chosen.no_peers)


if __name__ == "__main__":
    main()
