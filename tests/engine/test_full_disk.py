"""A disk that is full from the k-th page on, for every k: under the ledger, and under the embedded store."""

import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from objlib.cli.console.errors import explain
from objlib.core.config.settings import Settings
from objlib.core.errors import Exit, LedgerError, ObjlibError, ServiceError
from objlib.embedded.database import open_database
from objlib.engine.recover import recover
from objlib.engine.upload.run import upload
from objlib.ledger import open_ledger
from objlib.testing.databases import read_database
from objlib.threads import inline_runner
from tests.support.engine import Opener, assert_exactly_once, write

Opened = Callable[[Path], AbstractAsyncContextManager[object]]


@asynccontextmanager
async def a_ledger(path: Path) -> AsyncIterator[object]:
    async with open_ledger(path, runner=inline_runner) as ledger:
        yield ledger


@asynccontextmanager
async def a_store(path: Path) -> AsyncIterator[object]:
    async with open_database(path, inline_runner) as database:
        yield database


class Disk:
    """Lets one SQLite file have ``pages`` pages and no more; SQLite itself then says that the disk is full."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pages: int | None = None
        real = sqlite3.connect

        def connect(database: Any, *args: Any, **kwargs: Any) -> sqlite3.Connection:
            db: sqlite3.Connection = real(database, *args, **kwargs)
            if self.pages is not None and path.name in str(database):
                db.execute(f"PRAGMA max_page_count = {self.pages}")
            return db

        monkeypatch.setattr(sqlite3, "connect", connect)


@pytest.mark.parametrize(("opening", "kind"), [(a_ledger, LedgerError), (a_store, ServiceError)])
async def test_a_disk_that_is_full_when_a_file_is_created_is_reported_in_one_line(
    tmp_path: Path, opening: Opened, kind: type[ObjlibError], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "made.db"
    disk = Disk(path, monkeypatch)
    for pages in range(1, 200):
        disk.pages = pages
        try:
            async with opening(path):
                break
        except kind as error:
            message = str(error)
        assert str(path) in message
        assert "the disk is full; free some space and try again" in message
        assert "\n" not in message
        # Either nothing or, a migration further, a part that is whole; opening it goes on from there.
        disk.pages = None
        with read_database(path) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert 20 < pages < 200
    disk.pages = None
    async with opening(path):
        pass


@pytest.mark.parametrize("which", ["ledger", "embedded"])
async def test_a_disk_that_fills_up_at_any_page_breaks_no_promise(
    opened: Opener, settings: Settings, library: Path, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(library)
    write(library, "first.txt", "The first thought.\n")
    async with opened() as app:
        assert (await upload(app)).indexed == 1
    for number in range(7):
        write(library, f"{number}.txt", f"Thought {number}.\n" * 200)
    path: Path = getattr(settings, which)
    with read_database(path) as db:
        (pages,) = db.execute("PRAGMA page_count").fetchone()
    kept = [(file, file.read_bytes()) for file in (settings.ledger_file, settings.embedded)]
    disk = Disk(path, monkeypatch)
    spare = 0
    while True:
        for file, data in kept:
            file.write_bytes(data)
        disk.pages = pages + spare
        began = trio.current_time()
        message = await _one_run(opened)
        assert trio.current_time() - began < 60, "it goes on and on"
        disk.pages = None
        if message == "":
            break
        assert "disk is full" in message
        assert "\n" not in message
        async with opened("recover") as app:
            await trio.sleep(100)  # the end of the run may not be on record
            await recover(app)
        async with opened() as app:
            assert (await upload(app, retry_failed=True)).indexed == 8
        assert_exactly_once(settings)
        spare += 1
    assert spare > 3, "the file did not have to grow"


async def _one_run(opened: Opener) -> str:
    """The message of a run on a full disk; empty when everything is indexed all the same."""
    try:
        async with opened() as app:
            report = await upload(app)
    except (LedgerError, BaseExceptionGroup) as error:
        lines, code, bug = explain(error)  # as the command line does
        assert (len(lines), code, bug) == (1, Exit.FATAL, False)
        return lines[0]
    if report.indexed == 8:
        return ""
    return report.advice or report.failures[0].error
