"""How good the embedded search is, on judged queries.

::

    just bench search
    just bench search --sets scifact --half judge --levers

Reads ``../shared/data`` beside the checkout: the train halves of two sets, and 88 questions of our own over
a library of books (``search_lab/questions.tsv``). A set's documents are ranked by their best passage; of the
library the passages are judged. Each line has the whole search, by words alone and by meaning alone, and
the whole's gain over the words with its 95 % interval (paired bootstrap over the queries).

``--half`` takes the half of the queries on which constants are chosen, or the other, by which they are judged.
``--levers`` takes each lever away, and prints what the search loses without it.
``--page-words`` prints each document on pages, as a PDF is, and passages end with them.
``--coverage`` gives only that share of the passages a vector.
"""

import argparse
import os
import sqlite3
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.search_lab import figures, store
from benchmarks.search_lab.levers import LEVERS, Lever, without
from benchmarks.search_lab.tasks import Task, plain, read_task
from benchmarks.search_lab.vectors import Cached
from objlib.embedded import index

SETS = ("scifact", "summa-hard", "library")
CACHE = Path(tempfile.gettempdir()) / f"objlib-search-{os.environ.get('USER', 'vectors')}.db"

Values = dict[str, list[float]]
"""Values of each figure, one a query."""


def judge(task: Task, system: store.System) -> Values:
    """The figures of a system, query by query."""
    out: Values = defaultdict(list)
    for name, query in task.queries.items():
        hits = system(query)
        if name in task.answers:
            work, words = task.answers[name]
            right = (work in hit.display_name and words in plain(hit.text) for hit in hits)
            rank = next((n for n, good in enumerate(right, 1) if good), None)
            out["hit@10"].append(float(rank is not None and rank <= 10))
            out["hit@20"].append(float(rank is not None and rank <= 20))
            out["MRR"].append(1 / rank if rank else 0.0)
        else:
            ranking = list(dict.fromkeys(hit.display_name for hit in hits))
            out["nDCG@10"].append(figures.ndcg(ranking, task.grades[name]))
            out["recall@100"].append(figures.recall(ranking, task.grades[name]))
    return out


def line(label: str, values: Values, against: Values | None = None) -> str:
    shown = "  ".join(f"{name} {figures.mean(each):.4f}" for name, each in values.items())
    if against is not None:
        name = next(iter(values)) if "MRR" not in values else "MRR"
        gain, low, high = figures.interval(against[name], values[name])
        shown += f"   {name} {gain:+.4f} [{low:+.4f}, {high:+.4f}]"
    return f"  {label:26s} {shown}"


class Bench:
    """One set of judged queries, with the stores that its systems need."""

    def __init__(self, task: Task, embedder: Cached, page_words: int) -> None:
        self._task = task
        self._embedder = embedder
        self._page_words = page_words

    def built(self, share: float = 1.0) -> sqlite3.Connection:
        """A store over the task's documents, with the levers as they are now."""
        db = store.build(self._task, self._page_words)
        store.embed(db, self._embedder, share)
        return db

    def whole(self, db: sqlite3.Connection) -> Values:
        return judge(self._task, store.whole(db, self._embedder))

    def compare(self, share: float, levers: tuple[Lever, ...]) -> None:
        """Print the figures of the set."""
        begun = time.perf_counter()
        db = self.built(share)
        passages = index.vector_progress(db)[1]
        by_words = judge(self._task, store.words(db))
        print(line("words", by_words))
        if share:
            print(line("meaning", judge(self._task, store.meaning(db, self._embedder))))
        usual = self.whole(db)
        print(line("whole, against words", usual, by_words), flush=True)
        for lever in levers:
            with without(lever):
                other = self.built(share) if lever.rebuilds else db
                count = index.vector_progress(other)[1]
                changed = self.whole(other)
            note = f"   {count} passages" if count != passages else ""
            print(line(f"what `{lever.name}` gains", usual, changed) + note, flush=True)
        print(f"  {passages} passages, {time.perf_counter() - begun:.0f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the embedded search on judged queries.")
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS)
    parser.add_argument("--half", default="all", choices=("choose", "judge", "all"))
    parser.add_argument("--coverage", type=int, default=100, help="percent of passages with a vector")
    parser.add_argument("--levers", nargs="*", help="take these levers away one by one; without names all")
    parser.add_argument("--works", default="", help="of the library only files whose path contains this")
    parser.add_argument(
        "--page-words", type=int, default=0, help="print each document on pages of that number of words"
    )
    parser.add_argument("--cache", type=Path, default=CACHE, help="file that keeps vectors between runs")
    chosen = parser.parse_args()
    inner, reason = index.load_embedder()
    if inner is None:
        raise SystemExit(reason)
    names = chosen.levers or [lever.name for lever in LEVERS]
    levers = tuple(
        lever
        for lever in LEVERS
        if chosen.levers is not None and lever.name in names and (chosen.page_words or lever.name != "pages")
    )
    for name in chosen.sets:
        task = read_task(name).within(chosen.works).half(chosen.half)
        print(f"{name}: {len(task.documents)} documents, {len(task.queries)} queries ({chosen.half})")
        Bench(task, Cached(inner, chosen.cache), chosen.page_words).compare(chosen.coverage / 100, levers)


if __name__ == "__main__":
    main()
