"""After a run nothing is left open: files, sockets, worker threads at work, limiter tokens."""

import gc
import threading
from pathlib import Path

import pytest
import trio
import trio.testing

from objlib.core.config.settings import Settings
from objlib.engine.bootstrap.open_app import Command, StoreNeed, open_app
from objlib.engine.search.ask import search
from objlib.engine.upload.run import upload
from tests.support.engine import assert_exactly_once


def open_files() -> list[str]:
    folder = Path("/proc/self/fd")
    if not folder.exists():
        pytest.skip("open files are counted in /proc, which this system has not")
    targets = []
    for entry in folder.iterdir():
        try:
            targets.append(str(entry.readlink()))
        except FileNotFoundError:
            continue
    return sorted(name for name in targets if not name.endswith("/fd"))


def working_threads() -> list[str]:
    """Threads other than trio's idle workers, which wait ten seconds for work before they leave."""
    return sorted(t.name for t in threading.enumerate() if not t.name.startswith("Trio thread"))


@pytest.mark.real_time  # worker threads, whose work a virtual clock would jump over
async def test_files_threads_and_tokens_are_back_at_their_start_after_a_run(settings: Settings) -> None:
    async with open_app(settings, Command("upload", records=True, store=StoreNeed.CREATE)) as app:
        await upload(app, limit=1)
    gc.collect()
    files, threads = open_files(), working_threads()
    async with open_app(settings, Command("upload", records=True, store=StoreNeed.CREATE)) as app:
        report = await upload(app)
        assert report.indexed == 10
        assert app.governor.uploads.borrowed_tokens == 0
        assert (await search(app, "virtue")).citations
    with trio.fail_after(10):
        await trio.testing.wait_all_threads_completed()
    gc.collect()
    assert open_files() == files
    assert working_threads() == threads
    assert_exactly_once(settings)
