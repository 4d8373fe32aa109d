"""The second pass makes vectors in batches, within its time, and resumes."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import trio
from trio.testing import MockClock

from objlib.core.errors import ServiceError
from objlib.embedded import Options, embedding_worker, index
from objlib.embedded.embedding_worker import LOOK_AGAIN_SECONDS, QUIET_SECONDS
from objlib.embedded.index import lazy_embedder
from objlib.embedded.worker import TIDY_SECONDS
from objlib.testing.databases import read_database
from tests.support.embedded import Box, V, ok, open_box, refused

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Fake:
    """Embeds by letters: quick, and the same text is always in the same place."""

    model_id = "all-MiniLM-L6-v2/int8-1"
    dimensions = 384

    def __init__(self) -> None:
        self.batches: list[int] = []

    def embed(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        self.batches.append(len(texts))
        rows = np.zeros((len(texts), 384), dtype=np.float32)
        for row, text in enumerate(texts):
            for letter in text:
                rows[row, ord(letter) % 384] += 1
            rows[row, 0] += 1
        unit: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        return unit

    def embed_query(self, text: str) -> "NDArray[np.float32]":
        vector: NDArray[np.float32] = self.embed([text])[0]
        return vector


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    embedder = Fake()
    monkeypatch.setattr(lazy_embedder, "load_embedder", lambda: (embedder, ""))
    monkeypatch.setattr(embedding_worker, "EMBEDDING_BATCH", 2)
    return embedder


async def fill(box: Box, count: int) -> None:
    for number in range(count):
        await box.active(b"bees and honey, number %d" % number, f"{number}.txt")


async def test_all_passages_get_a_vector_and_are_found_by_it(tmp_path: Path, fake: Fake) -> None:
    async with open_box(tmp_path / "s.db") as box:
        await fill(box, 5)
        assert await box.titles("seeb") == []  # by words alone it is not there
        state = await box.service.vectors()
        assert (state.done, state.total, state.available, state.reason) == (0, 5, True, "")
        seen: list[int] = []
        report = await box.service.make_vectors(seconds=60, progress=seen.append)
        assert (report.done, report.total) == (5, 5)
        assert seen == [0, 2, 2, 1]
        again = await box.service.make_vectors(seconds=60, progress=seen.append)
        assert again == report
        assert len(await box.titles("seeb")) == 5  # the same letters, hence the same place


async def test_the_second_pass_stops_in_time_and_resumes(
    tmp_path: Path, fake: Fake, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s.db"
    async with open_box(path) as box:
        await fill(box, 7)
        nothing = await box.service.make_vectors(seconds=0, progress=lambda _made: None)
        assert (nothing.done, fake.batches) == (0, [])

        def tick(_made: int) -> None:
            autojump_clock.jump(10)

        partly = await box.service.make_vectors(seconds=25, progress=tick)
        assert (partly.done, partly.total) == (4, 7)
    async with open_box(path, store=False) as box:
        assert (await box.service.make_vectors(seconds=60, progress=lambda _made: None)).done == 7


async def test_a_cancelled_second_pass_keeps_its_vectors(tmp_path: Path, fake: Fake) -> None:
    async with open_box(tmp_path / "s.db") as box:
        await fill(box, 7)
        with trio.CancelScope() as scope:

            def stop(made: int) -> None:
                if made:
                    scope.cancel()

            await box.service.make_vectors(seconds=60, progress=stop)
        assert scope.cancelled_caught
        assert (await box.service.vectors()).done == 2


async def test_two_second_passes_at_once_are_harmless(tmp_path: Path, fake: Fake) -> None:
    path = tmp_path / "s.db"
    async with open_box(path) as one, open_box(path, store=False) as two:
        await fill(one, 6)

        async def make(box: Box) -> None:
            await box.service.make_vectors(seconds=60, progress=lambda _made: None)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(make, one)
            nursery.start_soon(make, two)
        assert (await two.service.vectors()).done == 6
        two.store = one.store
        assert len(await two.titles("seeb", topK=9)) == 6


async def test_the_background_pass_embeds_new_passages(tmp_path: Path, fake: Fake) -> None:
    async with open_box(tmp_path / "s.db", options=Options(background_vectors=True)) as box:
        for count in (1, 2, 3):
            await fill(box, 1)
            await trio.testing.wait_all_tasks_blocked()
            assert (await box.service.vectors()).done == count - 1, "requests have just come"
            await trio.sleep(2 * QUIET_SECONDS)
            assert (await box.service.vectors()).done == count


class NoRoom:
    """Vectors find the disk full while ``full`` says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = True
        self.tried = 0
        real = index.store_vectors

        def store(*args: Any, **kwargs: Any) -> None:
            self.tried += 1
            if self.full:
                raise sqlite3.OperationalError("database or disk is full")
            real(*args, **kwargs)

        monkeypatch.setattr(index, "store_vectors", store)


async def test_a_full_disk_is_reported_in_one_line(
    tmp_path: Path, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upload whose files were all in already ended as a bug in objlib."""
    path = tmp_path / "s.db"
    disk = NoRoom(monkeypatch)
    async with open_box(path) as box:
        await fill(box, 3)
        with pytest.raises(ServiceError) as caught:
            await box.service.make_vectors(seconds=60, progress=lambda _made: None)
        assert str(caught.value) == (
            f"the store file {path} cannot grow: the disk is full; free some space and try again"
        )
        assert await box.titles("bees", topK=9) != []
        disk.full = False
        assert (await box.service.make_vectors(seconds=60, progress=lambda _made: None)).done == 3


async def test_a_full_disk_does_not_end_the_background_pass(
    tmp_path: Path, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server ended with it, and with whatever it was answering."""
    disk = NoRoom(monkeypatch)
    async with open_box(tmp_path / "s.db", options=Options(background_vectors=True)) as box:
        await fill(box, 1)
        await trio.sleep(2 * QUIET_SECONDS)
        assert (disk.tried, (await box.service.vectors()).done) == (1, 0)
        disk.full = False
        await trio.sleep(LOOK_AGAIN_SECONDS + 2 * QUIET_SECONDS)
        assert (await box.service.vectors()).done == 1


async def test_without_a_model_the_reason_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lazy_embedder, "load_embedder", lambda: (None, "numpy is not installed"))
    async with open_box(tmp_path / "s.db", options=Options(background_vectors=True)) as box:
        await fill(box, 1)
        report = await box.service.make_vectors(seconds=60, progress=lambda _made: None)
        assert (report.available, report.reason, report.done, report.total) == (
            False,
            "numpy is not installed",
            0,
            1,
        )
        assert await box.titles("bees") == ["0.txt"]
        body = {"content": {"parts": [{"text": "x"}]}}
        answer = await box.client.post(f"{V}/models/gemini-embedding-001:embedContent", json=body)
        refused(answer, 501, "UNIMPLEMENTED", "numpy is not installed")


async def test_the_state_is_reported_without_loading_the_model(
    tmp_path: Path, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[bool] = []

    def load() -> tuple[Fake, str]:
        loaded.append(True)
        return fake, ""

    monkeypatch.setattr(lazy_embedder, "load_embedder", load)
    async with open_box(tmp_path / "s.db") as box:
        await fill(box, 1)
        assert (await box.service.vectors()).available
        monkeypatch.setattr(lazy_embedder, "obstacle", lambda: "numpy is not installed")
        state = await box.service.vectors()
        assert (state.available, state.reason) == (False, "numpy is not installed")
        assert not loaded
        await box.service.make_vectors(seconds=60, progress=lambda _made: None)
        assert loaded
        assert (await box.service.vectors()).available, "it is loaded, so it can be"


async def test_the_embedding_methods_answer_with_vectors(tmp_path: Path, fake: Fake) -> None:
    async with open_box(tmp_path / "s.db") as box:
        one = {
            "model": "models/gemini-embedding-001",
            "content": {"parts": [{"text": "hi"}]},
            "taskType": "RETRIEVAL_QUERY",
        }
        single = await box.post("models/gemini-embedding-001:embedContent", one)
        assert len(single["embedding"]["values"]) == 384
        both = await box.post("models/gemini-embedding-001:batchEmbedContents", {"requests": [one, one]})
        assert both["embeddings"] == [single["embedding"]] * 2
        assert await box.post("models/gemini-embedding-001:batchEmbedContents") == {"embeddings": []}
        ok(
            await box.client.post(
                f"{V}/models/gemini-embedding-001:embedContent", json=one | {"output_dimensionality": 384}
            )
        )
        wrongs: list[Any] = [one | {"outputDimensionality": 3073}, {"content": {"parts": []}}, {}]
        for wrong in wrongs:
            answer = await box.client.post(f"{V}/models/gemini-embedding-001:embedContent", json=wrong)
            refused(answer, 400, "INVALID_ARGUMENT")
        answer = await box.client.post(
            f"{V}/models/gemini-embedding-001:batchEmbedContents", json={"requests": ["x"]}
        )
        refused(answer, 400, "INVALID_ARGUMENT")


async def test_the_shipped_model_finds_by_meaning(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        await box.active(b"The physician healed the sick child.", "doctor.txt")
        await box.active(b"The ship sailed across the ocean.", "ship.txt")
        state = await box.service.vectors()
        assert state.available, state.reason
        await box.service.make_vectors(seconds=60, progress=lambda _made: None)
        assert (await box.titles("a doctor cures a patient"))[0] == "doctor.txt"
    with read_database(tmp_path / "s.db") as db:
        assert db.execute("SELECT count(*) FROM pending").fetchone() == (0,)


async def test_the_index_is_tidied_after_a_quiet_second_and_not_before(tmp_path: Path) -> None:
    path = tmp_path / "s.db"

    def segments() -> int:
        with read_database(path) as db:
            return int(db.execute("SELECT count(*) FROM segments").fetchone()[0])

    async with open_box(path) as box:
        await fill(box, 3)
        before = segments()
    assert before > 1
    async with open_box(path):
        await trio.sleep(0.9 * TIDY_SECONDS)  # longer than a command that only searches
        assert segments() == before
        await trio.sleep(0.2 * TIDY_SECONDS)
        assert segments() == 1
