"""Kill a process at random instants while it indexes, embeds, embeds anew or deletes, and compare the answers.

::

    just fuzz index_kill --instants 100 --seed 1

A child opens the store, changes it step by step, and is killed with SIGKILL. Then the store is opened again, its
work is finished, and it has to answer each query as a fresh store does over the same documents; the next child goes
on with it. ``tests/embedded/test_crash.py`` has a sample.
"""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

import trio

from objlib.embedded import Options, open_service
from objlib.embedded.database import connect
from objlib.embedded.index import SignBitCache, search
from objlib.embedded.index.lazy_embedder import LazyEmbedder
from tests.support.embedded import open_box
from tests.support.models import make_encoder

ROOT: Final = Path(__file__).resolve().parents[3]
WORDS: Final = (
    "car automobile gold silver bread garden river stone promise duty music light winter horse".split()
)
QUERIES: Final = (*WORDS, "gold river", "winter horse promise", '"gold"')
STEPS: Final = 12
"""Steps of a child at most, of which each prints a line, before it is killed."""
PAUSE: Final = 0.3
"""Seconds at most that it goes on after the last of them."""


def text_of(number: int) -> bytes:
    """The text of a document: some of the words, several paragraphs for every third."""
    drawn = random.Random(number)
    size = 400 if number % 3 == 0 else 12
    return " ".join(drawn.choices(WORDS, k=size)).encode()


async def change(path: Path, models: tuple[str, str], seed: int) -> None:
    """Change the store until killed: documents in, documents out, vectors, and another model."""
    drawn = random.Random(seed)
    print("begin", flush=True)
    for _ in range(1000):
        chosen = Options(embedder=drawn.choice(models))
        async with open_box(path, options=chosen, now=time.time, runner=None, store=False) as box:
            stores = (await box.get("fileSearchStores")).get("fileSearchStores", [])
            box.store = stores[0]["name"] if stores else await box.new_store()
            documents = [each["name"] for each in await box.all_pages(f"{box.store}/documents", "documents")]
            for name in drawn.sample(documents, min(len(documents), 3)):
                await box.delete(name, force="true")
            print("deleted", flush=True)
            for _ in range(drawn.randint(2, 6)):
                number = drawn.randint(1, 60)
                await box.upload(text_of(number), f"{number}.txt")
            print("uploaded", flush=True)
            await box.service.make_vectors(seconds=drawn.choice((0.02, 5.0)), progress=lambda _made: None)
            print("embedded", flush=True)


def answers(path: Path) -> dict[str, list[tuple[str, float]]]:
    """The names and scores that each query finds, with the store's own model."""
    with closing(connect(path)) as db:
        lazy = LazyEmbedder()
        ids = [row[0] for row in db.execute("SELECT store_id FROM stores")]
        out = {}
        for query in QUERIES:
            hits = search(
                db,
                query,
                store_ids=ids,
                k=300,
                where=None,
                embedder=lazy.for_search(db),
                codes=SignBitCache(),
            )
            out[query] = sorted((hit.display_name, round(hit.score, 4)) for hit in hits)
        return out


async def finish(path: Path, model: str) -> None:
    """Open the store and let it finish what a killed process left."""
    async with open_service(path, options=Options(embedder=model)) as service:
        with trio.fail_after(120):
            await trio.to_thread.run_sync(_wait, path)
            await service.make_vectors(seconds=60, progress=lambda _made: None)


def _wait(path: Path) -> None:
    """Wait until no document is left to be indexed."""
    with closing(connect(path)) as db:
        while db.execute("SELECT 1 FROM documents WHERE state = 'PENDING'").fetchone() is not None:
            time.sleep(0.02)  # real time


async def fresh(path: Path, documents: list[str], model: str) -> None:
    """A store with these documents and vectors, made without interruption."""
    async with open_box(path, options=Options(embedder=model), now=time.time, runner=None) as box:
        for name in documents:
            await box.active(text_of(int(name.removesuffix(".txt"))), name)
        await box.service.make_vectors(seconds=60, progress=lambda _made: None)


def kill_once(path: Path, models: tuple[str, str], seed: int, pause: float) -> None:
    """Let a child change the store, and kill it in the middle of a step."""
    command = [sys.executable, "-m", "tests.support.fuzz.index_kill", "--child", str(path), *models]
    child = subprocess.Popen([*command, "--seed", str(seed)], cwd=ROOT, stdout=subprocess.PIPE)
    assert child.stdout is not None
    with child, child.stdout:
        drawn = random.Random(seed)
        for _ in range(drawn.randint(1, STEPS)):
            child.stdout.readline()
        time.sleep(drawn.uniform(0, pause))  # real time
        child.send_signal(signal.SIGKILL)


def differences(
    folder: Path, models: tuple[str, str], seed: int, *, pause: float = PAUSE
) -> Mapping[str, object]:
    """The queries that a store answers otherwise after a kill than a fresh one; the store is ``folder/store.db``."""
    path = folder / "store.db"
    kill_once(path, models, seed, pause)
    if not path.exists():
        return {}
    model = random.Random(seed).choice(models)
    trio.run(finish, path, model)
    with closing(connect(path)) as db:
        names = [row[0] for row in db.execute("SELECT display_name FROM documents ORDER BY doc_id")]
        check = [row[0] for row in db.execute("PRAGMA integrity_check")]
    other = folder / f"fresh-{seed}.db"
    trio.run(fresh, other, names, model)
    have, want = answers(path), answers(other)
    for file in folder.glob(f"{other.name}*"):
        file.unlink()
    out: dict[str, object] = {
        query: (have[query], want[query]) for query in QUERIES if have[query] != want[query]
    }
    return out if check == ["ok"] else {**out, "integrity": check}


def make_models(folder: Path) -> tuple[str, str]:
    """Two small encoders of different sizes."""
    one = make_encoder(folder / "one", 48)
    return str(one), str(make_encoder(folder / "two", 72, seed=2, same=("bread", "horse")))


def main() -> None:
    """Kill at as many instants as asked for; exit with 1 where an answer differs."""
    parser = argparse.ArgumentParser(
        description="Kill a process that changes a store, and compare its answers."
    )
    parser.add_argument("--instants", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--child", nargs=3, metavar=("STORE", "MODEL", "MODEL"))
    chosen = parser.parse_args()
    if chosen.child:
        path, one, two = chosen.child
        trio.run(change, Path(path), (one, two), chosen.seed)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        models, wrong = make_models(folder), 0
        for seed in range(chosen.seed, chosen.seed + chosen.instants):
            different = differences(folder, models, seed)
            wrong += bool(different)
            print(f"{seed}: {different or 'the same'}", flush=True)
    print(f"{chosen.instants} kills, {wrong} stores that answer otherwise")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
