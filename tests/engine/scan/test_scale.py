"""A scan of many files: how much memory it takes, and how much work when nothing changed."""

import gc
import os
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from objlib.core.library.snapshot import FileStatus
from objlib.engine.scan import scan as scan_module
from objlib.engine.scan.scan import WALK_BATCH
from objlib.engine.scan.walk import Skipped, Walk
from objlib.testing.databases import raw
from objlib.threads import thread_runner
from tests.support.scan import LONG_AGO, open_desk

T = TypeVar("T")


class Fabricated(Walk):
    """A walk over files that exist only here."""

    count = 0

    def _walk(self) -> Iterator[FileStatus | Skipped]:
        for number in range(self.count):
            yield FileStatus(f"{number // 100:05}/{number:08}.txt", None, 1, LONG_AGO, number + 1, LONG_AGO)


async def _peak(folder: Path, count: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Most bytes of Python's memory in use at once while a library of ``count`` files is scanned."""
    folder.mkdir()
    monkeypatch.setattr(Fabricated, "count", count)
    async with open_desk(folder) as desk:
        # A third of the files is read, because of its date, and found gone; the rest is believed.
        await raw(desk.ledger).write(
            lambda conn: conn.executemany(
                "INSERT INTO files (file_id, file_path, content_hash, size, mtime_ns, inode, mime_type,"
                " gemini_state_updated_at) VALUES (?, ?, 'h', 1, ?, ?, 'text/plain', 1.0)",
                (
                    (f"{number}", f"{number // 100:05}/{number:08}.txt", LONG_AGO + number % 3, number + 1)
                    for number in range(count)
                ),
            )
        )
        gc.collect()
        # The collector waits longer the more there is: what other tests left must not count as what there is.
        gc.freeze()
        tracemalloc.start()
        try:
            report = await desk.scan()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
            gc.unfreeze()
        assert report.missing == count - (count + 2) // 3
    return peak


async def test_memory_does_not_grow_with_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_module, "Walk", Fabricated)
    await _peak(tmp_path / "warm", 10, monkeypatch)
    few = await _peak(tmp_path / "few", 1_000, monkeypatch)
    many = await _peak(tmp_path / "many", 20_000, monkeypatch)
    # A kilobyte a file would be nineteen megabytes more; a buffer or two may wait for the collector.
    assert many < few + 1_000_000, f"{few:,} bytes for 1,000 files, {many:,} for 20,000"


async def test_unchanged_files_are_neither_read_nor_taken_one_by_one(tmp_path: Path) -> None:
    async with open_desk(tmp_path, thread_runner(1)) as desk:
        for folder in range(20):
            (desk.root / f"{folder}").mkdir()
            for number in range(100):
                path = desk.root / f"{folder}/{number}.txt"
                path.write_text(f"{folder} {number}")
                os.utime(path, (LONG_AGO, LONG_AGO))
        assert (await desk.scan()).new == 2_000
        runner, hops = desk.runner, 0

        async def counted(fn: Callable[[], T], /) -> T:
            nonlocal hops
            hops += 1
            return await runner(fn)

        desk.runner = counted
        report = await desk.scan()
        assert (report.unchanged, report.hashed) == (2_000, 0)
        # Two batches of the walk and its end, and a few for the settings.
        assert hops <= 2_000 / WALK_BATCH + 5
