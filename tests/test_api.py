"""The Python API: the commands as methods of one library."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

import objlib
from objlib.api import Library, open_library
from objlib.core.errors import ObjlibError, RefusedError, UsageError
from objlib.core.events import EventKind
from objlib.core.stop_reason import StopReason
from objlib.testing import RecordingObserver
from objlib.watch.serve import watch_library
from tests.support.library import library_settings, small_library

TEXTS = {"moon.md": "The moon is far away.", "sun.md": "The sun is hot.", "sub/sea.md": "The sea is deep."}


@pytest.fixture
async def library(tmp_path: Path) -> AsyncIterator[Library]:
    async with small_library(tmp_path, TEXTS) as library:
        yield library


async def test_what_is_uploaded_is_found_and_is_not_sent_again(library: Library) -> None:
    first = await library.upload()
    assert (first.uploaded, first.indexed, first.stopped) == (3, 3, StopReason.NONE)
    found = await library.search("how far is the moon")
    assert found.citations[0].path == "moon.md"
    assert (await library.upload()).uploaded == 0
    assert (await library.status()).states["indexed"] == 3
    assert (await library.explain("sub/sea.md")).state == "indexed"
    assert (await library.verify(sample=None)).drift == {}


async def test_a_search_sees_what_was_uploaded_after_the_first_search(library: Library) -> None:
    await library.upload()
    await library.search("moon")
    (library.settings.library / "star.md").write_text("A star is a distant sun.", encoding="utf-8")
    await library.upload()
    assert (await library.search("distant star")).citations[0].path == "star.md"


async def test_a_monitor_is_told_what_all_runs_did(library: Library) -> None:
    await library.scan()
    before = await library.metrics()
    assert (before.totals, before.vectors, before.compared, before.searches) == ({}, None, None, {})
    await library.upload()
    (library.settings.library / "star.md").write_text("A star is a distant sun.", encoding="utf-8")
    await library.upload()
    await library.search("distant star")
    await library.compare()  # it records nothing
    report = await library.metrics()
    assert report.totals["events indexed"] == 4
    assert report.totals["sent_bytes"] == sum(map(len, TEXTS.values())) + 24 == report.bytes["indexed"]
    assert report.totals["requests upload answered"] >= 8, "a start and its bytes for each file"
    assert (report.vectors and report.vectors.total, report.compared, report.drift) == (4, None, {})
    assert sum(number for key, number in report.searches.items() if not key.endswith("sum")) == 1


async def test_a_monitor_is_told_what_the_last_comparison_found(library: Library) -> None:
    await library.upload()
    _, plan = await library.compare()
    await library.repair(plan)
    assert (await library.metrics()).compared is None, "a plan is no look at the whole store"


async def test_an_error_is_not_wrapped_in_groups_and_ends_nothing(library: Library) -> None:
    with pytest.raises(ObjlibError):
        await library.search("before there is a store")
    with pytest.raises(UsageError, match="top_k"):
        await library.search("moon", top_k=0)
    with pytest.raises(UsageError, match="empty"):
        await library.ask("  ")
    await library.upload()
    with pytest.raises(UsageError, match="filter"):
        await library.search("moon", where="author = ")
    assert (await library.search("moon")).citations


async def test_files_that_are_gone_are_removed_within_the_limit(library: Library) -> None:
    await library.upload()
    for name in TEXTS:
        (library.settings.library / name).unlink()
    (library.settings.library / "new.md").write_text("New.", encoding="utf-8")
    with pytest.raises(RefusedError, match="3 of"):
        await library.sync(prune=True, grace=0, max_delete="1")
    report = await library.sync(prune=True, grace=0, max_delete="3")
    assert report.prune is not None
    assert report.prune.deleted == 3
    assert (await library.status()).states["indexed"] == 1


async def test_searches_run_beside_each_other_and_an_upload(library: Library) -> None:
    await library.upload()
    places: list[str] = []

    async def search(text: str) -> None:
        places.append((await library.search(text)).citations[0].path)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(library.upload)
        for text in ("moon", "sun hot", "sea deep"):
            nursery.start_soon(search, text)
    assert sorted(places) == ["moon.md", "sub/sea.md", "sun.md"]


async def test_an_upload_that_is_cancelled_is_finished_by_the_next(tmp_path: Path) -> None:
    class StopAtFirst(RecordingObserver):
        def event(self, kind: object, /, **fields: object) -> None:
            scope.cancel()

    scope = trio.CancelScope()
    settings = library_settings(tmp_path, TEXTS)
    async with open_library(settings, observer=StopAtFirst()) as library:
        with scope:
            await library.upload()
        assert scope.cancelled_caught
    async with open_library(settings) as library:
        report = await library.upload()
        assert (report.indexed, report.pending) == (3, 0)
        assert (await library.verify(sample=None)).drift == {}


async def test_a_folder_is_listed_by_path_in_pages(library: Library) -> None:
    await library.upload()
    page = await library.documents()
    assert [each.path for each in page.folders] == ["sub"]
    assert (page.folders[0].files, page.folders[0].indexed) == (1, 1)
    assert [each.path for each in page.documents] == ["moon.md", "sun.md"]
    deep = await library.documents(deep=True)
    assert [each.path for each in deep.documents] == ["moon.md", "sub/sea.md", "sun.md"]
    assert [each.path for each in (await library.documents("sub")).documents] == ["sub/sea.md"]
    assert (await library.documents("su")).documents == ()


async def test_the_text_of_a_document_is_read_by_lines(library: Library) -> None:
    moon = library.settings.library / "moon.md"
    moon.write_bytes(b"one\r\ntwo\nthree\n")
    await library.upload()
    whole = await library.document("moon.md")
    assert (whole.lines, whole.total, whole.note) == (("one", "two", "three"), 3, "")
    part = await library.document("moon.md", first=2, count=1)
    assert (part.lines, part.first, part.total) == (("two",), 2, 3)
    moon.write_text("other", encoding="utf-8")
    assert "changed since it was indexed" in (await library.document("moon.md")).note
    moon.unlink()
    assert (await library.document("moon.md")).lines == ()
    with pytest.raises(UsageError, match="no file stars"):
        await library.document("stars.md")


async def test_facets_count_the_values_of_each_key(library: Library) -> None:
    root = library.settings.library
    (root / "moon.md").write_text("---\nauthor: Mill\ntags: [sky, night]\n---\nmoon", encoding="utf-8")
    (root / "sun.md").write_text("---\nauthor: Mill\ntags: [sky]\n---\nsun", encoding="utf-8")
    await library.upload()
    keys = (await library.facets()).keys
    assert keys["author"] == (("Mill", 2),)
    assert keys["tags"] == (("sky", 2),)


async def test_a_run_that_is_over_is_not_alive(library: Library) -> None:
    await library.upload()
    await library.scan()
    runs = await library.runs()
    assert [run.command for run in runs] == ["scan", "upload"]
    assert not any(run.alive for run in runs)
    assert all(run.ended is not None for run in runs)


async def test_a_stop_while_a_run_is_opened_stops_it(library: Library) -> None:
    stopped: list[object] = []

    async def upload() -> None:
        try:
            stopped.append((await library.upload()).stopped)
        except ObjlibError as error:
            stopped.append(error)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(upload)
        await trio.testing.wait_all_tasks_blocked()
        library.stop()
    assert "interrupted" in str(stopped[0])
    assert (await library.upload()).pending == 0


async def test_a_setting_that_is_not_there_is_named_with_one_that_is(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no setting max_upload; did you mean max_uploads"):
        async with objlib.open(tmp_path, max_upload=4):
            pass
    with pytest.raises(UsageError, match=r"no setting colour$"):
        async with objlib.open(tmp_path, colour="red"):
            pass


async def test_on_another_event_loop_it_names_the_way(tmp_path: Path) -> None:
    async def open_it() -> None:
        async with objlib.open(tmp_path):
            pass

    with pytest.raises(UsageError, match="in a thread"):
        await trio.to_thread.run_sync(asyncio.run, open_it())


async def test_a_watch_sends_what_changes_until_it_is_cancelled(tmp_path: Path) -> None:
    class Counter(RecordingObserver):
        left = len(TEXTS)

        def event(self, kind: EventKind, /, **fields: Any) -> None:
            self.left -= kind is EventKind.INDEXED
            if not self.left:
                all_indexed.set()

    all_indexed = trio.Event()
    async with small_library(tmp_path, TEXTS, observer=Counter()) as library:
        await library.scan()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch_library, library)
            await all_indexed.wait()
            nursery.cancel_scope.cancel()
        assert (await library.recover()).found == 0
