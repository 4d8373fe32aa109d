"""Finishing search by meaning, apart from an upload."""

from collections.abc import Callable
from math import inf
from typing import cast

import pytest
import trio

from objlib.core.events import Phase
from objlib.core.reports.upload import VectorReport
from objlib.core.stop_reason import StopReason
from objlib.embedded import Service, embedding_worker
from objlib.engine.search.ask import search
from objlib.engine.upload.run import upload
from objlib.engine.vectors import index
from objlib.testing.observer import RecordingObserver
from tests.support.engine import Opener


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of three passages, so that there are several."""
    monkeypatch.setattr(embedding_worker, "EMBEDDING_BATCH", 3)


async def test_index_finishes_what_uploads_left(opened: Opener) -> None:
    async with opened() as app:
        report = await upload(app)
        assert report.vectors is not None
        assert (report.vectors.done, report.vectors.total, report.vectors.seconds_left) == (0, 10, None)
    observer = RecordingObserver()
    async with opened(observer=observer) as app:
        done = await index(app)
        again = await index(app)
        assert (await search(app, "virtue")).notice == ""
    assert (done.vectors.done, done.vectors.total, done.made, done.stopped) == (10, 10, 10, "")
    assert (again.made, again.vectors.done) == (0, 10)
    assert observer.phases == ["begin vectors", "end vectors"]
    assert observer.files == 10


async def test_index_stops_when_it_is_asked_to_and_goes_on(opened: Opener) -> None:
    class Impatient(RecordingObserver):
        def advance(self, phase: Phase, files: int, size: int) -> None:
            super().advance(phase, files, size)
            if files:
                app.drain.stop()

    async with opened() as app:
        await upload(app)
    async with opened(observer=Impatient()) as app:
        report = await index(app, seconds=inf)
    assert report.stopped is StopReason.INTERRUPTED
    assert 0 < report.vectors.done < 10
    async with opened() as app:
        rest = await index(app)
    assert (rest.made, rest.vectors.done) == (10 - report.vectors.done, 10)


class SlowService:
    """A service that makes 50 of 200 vectors in 10 seconds, after 5 seconds of loading."""

    done = 0

    async def vectors(self) -> VectorReport:
        await trio.lowlevel.checkpoint()
        return VectorReport(self.done, 200)

    async def make_vectors(self, *, seconds: float, progress: Callable[[int], None]) -> None:
        await trio.sleep(5)
        progress(0)
        await trio.sleep(10)
        self.done = 50
        progress(50)


async def test_index_within_a_time_says_how_long_the_rest_takes(opened: Opener) -> None:
    async with opened() as app:
        app.service = cast("Service", SlowService())
        report = await index(app, seconds=12)
    assert (report.made, report.vectors.seconds_left) == (50, 30)


async def test_nothing_is_done_in_no_time_and_in_an_empty_store(opened: Opener) -> None:
    async with opened() as app:
        assert (await index(app)).vectors.total == 0
        await upload(app)
        assert (await index(app, seconds=0)).made == 0
