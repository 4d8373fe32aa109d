"""How many threads read the files of a scan at once."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
import trio

from objlib.engine.scan import read_file, scan
from tests.support.scan import open_desk

T = TypeVar("T")


class Peak:
    """A runner that counts how many functions run at once; the ledger's run one by one in any case."""

    def __init__(self) -> None:
        self.running = self.most = 0

    async def __call__(self, fn: Callable[[], T], /) -> T:
        self.running += 1
        self.most = max(self.most, self.running)
        for _ in range(5):
            await trio.lowlevel.checkpoint()
        self.running -= 1
        return fn()


@pytest.fixture(autouse=True)
def few_files_to_a_hop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "READ_FILES", 2)


async def peak_of_a_scan(folder: Path) -> int:
    peak = Peak()
    async with open_desk(folder, peak) as desk:
        for number in range(12):
            desk.write(f"{number}.txt", f"text {number}")
        report = await desk.scan()
        assert (report.new, len(await desk.rows())) == (12, 12)
    return peak.most


class Time:
    """A clock by which all of the time of a reading goes into waiting, or none."""

    def __init__(self, *, waiting: bool) -> None:
        self.now, self.waiting = 0.0, waiting

    def perf_counter(self) -> float:
        self.now += 1
        return self.now

    def thread_time(self) -> float:
        return 0.0 if self.waiting else self.now


@pytest.mark.parametrize(("waiting", "large", "beside"), [
    (False, False, False),
    (True, False, True),
    (False, True, True),
])  # fmt: skip
async def test_hops_run_beside_one_another_where_there_is_more_to_do_than_interpret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, waiting: bool, large: bool, beside: bool
) -> None:
    monkeypatch.setattr(read_file, "time", Time(waiting=waiting))
    if large:
        monkeypatch.setattr(scan, "LARGE", 1)
    assert (await peak_of_a_scan(tmp_path) > 1) == beside
