"""How well the embedded search tells questions that a store answers from those that it does not.

::

    just bench search-weak
    just bench search-weak --sets scifact summa-hard

Questions of another set stand for those without an answer, and some words of one passage for names and key words.
The first eight passages are looked at. Prints the share of each that is called weak, for the half of the questions on
which the constants were chosen, and for the other.
"""

import argparse
import random
import sqlite3
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.search import CACHE, SETS
from benchmarks.search_lab import store
from benchmarks.search_lab.tasks import Task, read_task
from benchmarks.search_lab.vectors import Cached
from objlib.embedded import WEAK, index

QUESTIONS = 400
LOOKED_AT = 8
LONG_WORD = 4


def share_called_weak(db: sqlite3.Connection, embedder: Cached, questions: list[str]) -> float:
    cache = index.SignBitCache()
    weak = 0
    for question in questions:
        hits = index.search(
            db, question, store_ids=[1], k=LOOKED_AT, where=None, embedder=embedder, codes=cache
        )
        weak += all(hit.confidence is not None and hit.confidence < WEAK for hit in hits)
    return weak / max(1, len(questions))


def key_words(task: Task, count: int, drawn: random.Random) -> list[str]:
    """Some words of one document each."""
    out = []
    for name in drawn.sample(sorted(task.documents), min(150, len(task.documents))):
        found = index.parse_query(task.documents[name].decode()[:3000]).words
        words = [word for word in found if len(word) >= LONG_WORD]
        out.append(" ".join(drawn.sample(words, min(count, len(words)))))
    return [query for query in out if query]


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure which passages are called weak.")
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS)
    parser.add_argument("--cache", type=Path, default=CACHE, help="file that keeps vectors between runs")
    chosen = parser.parse_args()
    inner, reason = index.load_embedder()
    if inner is None:
        raise SystemExit(reason)
    embedder = Cached(inner, chosen.cache)
    foreign = {"scifact": "summa-hard", "summa-hard": "scifact", "library": "scifact"}
    for name in chosen.sets:
        task, drawn = read_task(name), random.Random(3)
        db = store.build(task)
        store.embed(db, embedder)
        for half in ("choose", "judge"):
            own = list(task.half(half).queries.values())
            others = list(read_task(foreign[name]).half(half).queries.values())
            kinds = {
                "questions": drawn.sample(own, min(QUESTIONS, len(own))),
                f"questions of {foreign[name]}": drawn.sample(others, min(QUESTIONS, len(others))),
                "one word of a document": key_words(task, 1, drawn),
                "three words of a document": key_words(task, 3, drawn),
            }
            for kind, queries in kinds.items():
                share = share_called_weak(db, embedder, queries)
                print(
                    f"{name:12s} {half:8s} {kind:28s} {len(queries):4d}   weak {100 * share:5.1f} %",
                    flush=True,
                )


if __name__ == "__main__":
    main()
