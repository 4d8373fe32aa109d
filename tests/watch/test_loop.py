"""The loop of the watch in virtual time: what makes a run due, and what an end means for the next one."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio

from objlib.api import Library, open_library
from objlib.core.config.settings import Backend, Settings
from objlib.core.reports.upload import UploadReport
from objlib.core.stop_reason import StopReason
from objlib.engine.app import Overrides
from objlib.engine.shutdown import InterruptedRun
from objlib.testing import RecordingObserver
from objlib.threads import inline_runner
from objlib.watch.loop import Watch, until_renewal
from tests.watch.day import live_a_day

pytestmark = pytest.mark.usefixtures("autojump_clock")

START = 1_800_000_000.0


@pytest.fixture
def observer() -> RecordingObserver:
    return RecordingObserver()


@pytest.fixture
async def library(tmp_path: Path, observer: RecordingObserver) -> AsyncIterator[Library]:
    root = tmp_path / "library"
    root.mkdir()
    settings = Settings(
        library=root,
        ledger=tmp_path / "ledger.db",
        embedded=tmp_path / "store.db",
        store="tests",
        backend=Backend.EMBEDDED,
        embed_seconds=0.0,
        prune_grace=3600.0,
    )
    overrides = Overrides(now=lambda: START + trio.current_time(), runner=inline_runner, signals=False)
    async with open_library(settings, observer=observer, overrides=overrides) as library:
        yield library


class Desk:
    """A watch that runs, and what a user does meanwhile."""

    def __init__(self, library: Library, watch: Watch) -> None:
        self.library = library
        self.watch = watch

    def write(self, name: str, text: str) -> None:
        """Write a file, as the watcher would tell."""
        path = self.library.settings.library / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        self.watch.changed()

    def remove(self, name: str) -> None:
        """Remove a file, as the watcher would tell."""
        (self.library.settings.library / name).unlink()
        self.watch.changed()

    async def indexed(self) -> int:
        """Files on disk that are searchable."""
        return (await self.library.status()).states["indexed"]


@pytest.fixture
async def desk(library: Library, observer: RecordingObserver) -> AsyncIterator[Desk]:
    async with trio.open_nursery() as nursery:
        watch = Watch(library, prune=True, observer=observer)
        (library.settings.library / "first.md").write_text("first", encoding="utf-8")
        nursery.start_soon(watch.run)
        await trio.sleep(60)
        assert watch.runs == 1
        yield Desk(library, watch)
        nursery.cancel_scope.cancel()


async def test_a_burst_of_changes_is_one_run(desk: Desk) -> None:
    for number in range(30):
        desk.write(f"{number}.md", "text")
        await trio.sleep(1)
    assert desk.watch.runs == 1
    await trio.sleep(30)
    assert desk.watch.runs == 2
    assert await desk.indexed() == 31


async def test_a_file_that_grows_waits_within_a_limit(desk: Desk) -> None:
    for number in range(400):
        desk.write("log.txt", "line\n" * (number + 1))
        await trio.sleep(1)
    assert desk.watch.runs == 2


async def test_without_a_change_there_is_a_scan_each_hour(desk: Desk) -> None:
    (desk.library.settings.library / "unseen.md").write_text("the watcher missed it", encoding="utf-8")
    await trio.sleep(3000)
    assert await desk.indexed() == 1
    await trio.sleep(800)
    assert await desk.indexed() == 2


async def test_a_document_goes_when_its_grace_is_over(desk: Desk) -> None:
    desk.write("second.md", "second")
    await trio.sleep(60)
    desk.remove("second.md")
    await trio.sleep(1800)
    assert (await desk.library.status()).missing == 1
    await trio.sleep(2000)
    assert (await desk.library.status()).missing == 0


async def test_a_run_inside_the_grace_keeps_the_document(desk: Desk) -> None:
    desk.write("second.md", "second")
    await trio.sleep(60)
    desk.remove("second.md")
    await trio.sleep(900)
    desk.write("third.md", "third")
    await trio.sleep(900)
    assert desk.watch.runs == 4
    assert (await desk.library.status()).missing == 1


async def test_a_library_that_is_gone_is_said_once_and_found_again(
    desk: Desk, observer: RecordingObserver
) -> None:
    root = desk.library.settings.library
    root.rename(root.with_name("unplugged"))
    desk.watch.changed()
    await trio.sleep(3 * 3600)
    notes = [note for note in observer.notes if "watching goes on" in note]
    assert len(notes) == 1
    assert desk.watch.runs > 5
    root.with_name("unplugged").rename(root)
    await trio.sleep(700)
    assert await desk.indexed() == 1
    assert (await desk.library.status()).missing == 0


async def test_a_stop_lets_the_run_finish(library: Library, observer: RecordingObserver) -> None:
    for number in range(20):
        (library.settings.library / f"{number}.md").write_text("text", encoding="utf-8")
    watch = Watch(library, prune=False, observer=observer)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch.run)
        await trio.sleep(0.01)
        watch.stop()
    assert watch.runs == 1
    status = await library.status()
    assert status.states["uploading"] == status.states["processing"] == 0


def test_a_day_of_edits_and_outages_ends_in_step_and_asks_for_nothing_else(tmp_path: Path) -> None:
    wrong, faults = live_a_day(3, 40, tmp_path)
    assert wrong == []
    actions = {request.action.partition(" ")[0] for request in faults.history}
    assert len(actions) > 3, "the day meets outages, lost answers and the daily quota"


def test_a_daily_quota_is_tried_again_after_midnight_pacific_time() -> None:
    assert until_renewal(datetime(2026, 7, 1, 6, 59, 0, tzinfo=UTC)) == 60
    assert until_renewal(datetime(2026, 1, 1, 8, 0, 0, tzinfo=UTC)) == 24 * 3600
    # The night in which the clocks go forward is an hour shorter.
    assert until_renewal(datetime(2026, 3, 8, 8, 0, 0, tzinfo=UTC)) == 23 * 3600


@pytest.mark.parametrize("early", [False, True], ids=["by its report", "by an error"])
async def test_a_run_that_another_command_stopped_is_not_followed_by_another(
    library: Library, observer: RecordingObserver, monkeypatch: pytest.MonkeyPatch, early: bool
) -> None:
    done = await library.upload()

    async def upload() -> UploadReport:
        await trio.sleep(1)
        if early:
            raise InterruptedRun("interrupted")
        return replace(done, stopped=StopReason.INTERRUPTED)

    monkeypatch.setattr(library, "upload", upload)
    watch = Watch(library, prune=False, observer=observer)
    await watch.run()
    assert watch.runs == 1
    assert observer.notes == ["another command stopped the run, so that watching ends too"]
