"""A store changes its model without a gap, from run to run; a reranker orders what it finds."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from objlib.core.errors import UsageError
from objlib.embedded import Options, embedding_worker
from objlib.embedded.index import ANSWERING, COMING, SignBitCache, replace_answering, search
from objlib.embedded.index.lazy_embedder import LazyEmbedder
from objlib.testing.databases import read_database
from tests.support.embedded import Box, open_box, refused
from tests.support.models import make_encoder, make_reranker, write_json

TEXTS = ("A gold car.", "Silver bread.", "The stone in the river.", "A promise is a duty.", "Winter light.")


async def fill(box: Box, texts: tuple[str, ...] = TEXTS) -> None:
    for number, text in enumerate(texts):
        await box.active(text.encode(), f"{number}.txt")


async def make(box: Box, seconds: float = 60) -> tuple[int, int]:
    report = await box.service.make_vectors(seconds=seconds, progress=lambda _made: None)
    return report.done, report.total


def options(folder: Path | str) -> Options:
    return Options(embedder=str(folder))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two encoders: to the first car and automobile are the same, to the second bread and horse."""
    root = tmp_path_factory.mktemp("models")
    one = make_encoder(root / "one", 48)
    return one, make_encoder(root / "two", 72, seed=2, same=("bread", "horse"))


def model_ids(path: Path) -> tuple[str, str]:
    with read_database(path) as db:
        answering, coming = ANSWERING.model(db), COMING.model(db)
    return Path(answering.folder).name if answering else "", Path(coming.folder).name if coming else ""


def rankings(path: Path) -> dict[str, list[str]]:
    """The answers of the store by its own model."""
    with sqlite3.connect(path) as db:
        lazy = LazyEmbedder()
        return {
            word: [
                hit.display_name
                for hit in search(
                    db,
                    word,
                    store_ids=[1],
                    k=3,
                    where=None,
                    embedder=lazy.for_search(db),
                    codes=SignBitCache(),
                )
            ]
            for word in ("automobile", "horse", "winter stone", "gold")
        }


async def test_the_first_vectors_choose_the_model_and_later_calls_keep_it(
    tmp_path: Path, models: tuple[Path, Path]
) -> None:
    path = tmp_path / "s.db"
    async with open_box(path, options=options(models[0])) as box:
        await fill(box)
        assert await make(box) == (5, 5)
    assert model_ids(path) == ("one", "")
    async with open_box(path, store=False) as box:
        await box.new_store()
        await fill(box, ("An automobile.",))
        assert await make(box) == (6, 6), "with the store's model, although none is named"
    assert model_ids(path) == ("one", "")
    assert rankings(path)["automobile"][0] == "0.txt"


async def test_another_model_is_made_beside_the_one_that_answers_until_it_is_whole(
    tmp_path: Path, models: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding_worker, "EMBEDDING_BATCH", 2)
    path = tmp_path / "s.db"
    async with open_box(path, options=options(models[0])) as box:
        await fill(box)
        await make(box)
    before = rankings(path)
    assert before["automobile"][0] == "0.txt"
    async with open_box(path, store=False, options=options(models[1])) as box:
        state = await box.service.vectors()
        assert (state.done, state.total, state.begun) == (0, 5, False)
        assert state.coming == str(models[1])
        await box.service.choose_model()
        state = await box.service.vectors()
        assert (state.done, state.begun, state.words_only) == (0, True, "")
    assert model_ids(path) == ("one", "two")
    for made, done in ((2, 2), (2, 4)):
        async with open_box(path, store=False) as box:  # goes on with the model that was begun
            progress: list[int] = []

            class Stop(Exception):
                pass

            def stop(count: int, progress: list[int] = progress) -> None:
                progress.append(count)
                if sum(progress) >= 2:
                    raise Stop

            with pytest.raises(Stop):
                await box.service.make_vectors(seconds=60, progress=stop)
            assert sum(progress) == made
            assert (await box.service.vectors()).done == done
        assert model_ids(path) == ("one", "two")
        with sqlite3.connect(path) as db:
            assert not replace_answering(db), "as when a passage came in between"
        assert rankings(path) == before, "the old vectors answer"
    async with open_box(path, store=False) as box:
        await box.new_store("second")
        await fill(box, ("Horse music.",))  # new while the other set is made
        assert (await box.service.vectors()).total == 6
        assert await make(box) == (6, 6)
    assert model_ids(path) == ("two", "")
    assert rankings(path)["horse"][0] == "1.txt"

    fresh = tmp_path / "fresh.db"
    async with open_box(fresh, options=options(models[1])) as box:
        await fill(box)
        await box.new_store("second")
        await fill(box, ("Horse music.",))
        await make(box)
    assert rankings(path) == rankings(fresh)


async def test_going_back_drops_the_second_set_and_default_is_the_model_that_ships(
    tmp_path: Path, models: tuple[Path, Path]
) -> None:
    path = tmp_path / "s.db"
    async with open_box(path, options=options(models[0])) as box:
        await fill(box, TEXTS[:2])
        await make(box)
    before = rankings(path)
    async with open_box(path, store=False, options=options(models[1])) as box:
        await box.service.choose_model()
    async with open_box(path, store=False, options=options(models[0])) as box:
        assert await make(box) == (2, 2)
    assert model_ids(path) == ("one", "")
    assert rankings(path) == before
    async with open_box(path, store=False, options=options("default")) as box:
        assert (await box.service.vectors()).coming == "default"
        assert await make(box) == (2, 2)
        assert (await box.service.vectors()).coming == ""
    with read_database(path) as db:
        model = ANSWERING.model(db)
    assert model is not None
    assert (model.folder, model.dimensions) == ("", 384)


async def test_a_document_that_is_deleted_meanwhile_leaves_both_sets(
    tmp_path: Path, models: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s.db"
    async with open_box(path, options=options(models[0])) as box:
        documents = [await box.active(text.encode(), f"{n}.txt") for n, text in enumerate(TEXTS)]
        await make(box)
    async with open_box(path, store=False, options=options(models[1])) as box:
        monkeypatch.setattr(embedding_worker, "EMBEDDING_BATCH", 2)

        class Stop(Exception):
            pass

        def stop(count: int) -> None:
            if count:
                raise Stop

        with pytest.raises(Stop):
            await box.service.make_vectors(seconds=60, progress=stop)
        for document in (documents[0], documents[4]):  # one with both vectors, one with the old one
            await box.delete(document, force="true")
        assert (await box.service.vectors()).total == 3
        assert await make(box) == (3, 3)
    with read_database(path) as db:
        counts = [db.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in ("vectors", "pending")]
        rest = [
            db.execute(f"SELECT count(*) FROM next_{t}").fetchone()[0]
            for t in ("vectors", "signs", "pending")
        ]
    assert (counts, rest) == ([3, 0], [0, 0, 0])


async def test_a_store_whose_model_is_gone_is_searched_by_words(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    folder = make_encoder(tmp_path / "model")
    async with open_box(path, options=options(folder)) as box:
        await fill(box)
        await make(box)
        store = box.store
    make_encoder(folder, seed=5)
    async with open_box(path, store=False) as box:
        box.store = store
        assert "another model by now" in (await box.service.vectors()).words_only
        assert await box.titles("gold") == ["0.txt"]
    folder.rename(tmp_path / "elsewhere")
    async with open_box(path, store=False) as box:
        box.store = store
        state = await box.service.vectors()
        assert f"{folder} does not exist" in state.words_only
        assert not state.available
        assert await box.titles("gold") == ["0.txt"]
        assert await make(box) == (5, 5), "the vectors are kept"


async def test_a_reranker_orders_the_passages_that_are_found(
    tmp_path: Path, models: tuple[Path, Path]
) -> None:
    folder = make_reranker(tmp_path / "reranker", {"stone": 9.0, "bread": 5.0})
    texts = ("gold gold", "gold bread", "gold stone", "gold gold light")
    plain = options(models[0])
    reranked = replace(plain, reranker=str(folder))
    late = replace(reranked, rerank_seconds=0)
    orders = {}
    for name, chosen in {"plain": plain, "reranked": reranked, "late": late}.items():
        async with open_box(tmp_path / f"{name}.db", options=chosen) as box:
            await fill(box, texts)
            orders[name] = await box.titles("gold")
    assert orders["reranked"][:2] == ["2.txt", "1.txt"]
    assert sorted(orders["plain"]) == sorted(orders["reranked"]) == sorted(orders["late"])
    assert orders["plain"] != orders["reranked"]


@pytest.mark.parametrize("name", ["embedder", "reranker"])
async def test_a_folder_that_is_no_model_is_refused_before_a_store_is_made(tmp_path: Path, name: str) -> None:
    path = tmp_path / "s.db"
    none = str(tmp_path / "none")
    chosen = Options(embedder=none) if name == "embedder" else Options(reranker=none)
    with pytest.raises(UsageError, match=f"{name}: .*/none does not exist"):
        async with open_box(path, options=chosen):
            pass
    assert not path.exists()


async def test_a_model_that_cannot_be_computed_is_said_in_one_line(tmp_path: Path) -> None:
    folder = make_encoder(tmp_path / "model")
    (folder / "onnx" / "model.onnx").write_bytes(b"not a graph")
    write_json(tmp_path / "reranker" / "tokenizer.json", {})
    (tmp_path / "reranker" / "model.onnx").write_bytes(b"nor this")
    async with open_box(tmp_path / "s.db", options=options(folder)) as box:
        await fill(box, TEXTS[:1])
        report = await box.service.make_vectors(seconds=60, progress=lambda _made: None)
        assert not report.available
        assert "cannot be loaded" in report.reason
        assert await box.titles("gold") == ["0.txt"]
    chosen = Options(reranker=str(tmp_path / "reranker"))
    async with open_box(tmp_path / "t.db", options=chosen) as box:
        await fill(box, TEXTS[:1])
        body = {
            "contents": [{"parts": [{"text": "gold"}]}],
            "tools": [{"fileSearch": {"fileSearchStoreNames": [box.store]}}],
        }
        answer = await box.client.post("/v1beta/models/gemini-test:generateContent", json=body)
        error = refused(answer, 400, "FAILED_PRECONDITION", "reranker: ")
        assert "\n" not in error["message"]
