"""Lines of progress where no terminal shows a bar."""

import threading

import pytest

from objlib.cli.console import heartbeat
from objlib.cli.console.heartbeat import Heartbeat
from objlib.core.events import Phase


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_line_says_how_far_the_last_phase_is() -> None:
    clock = Clock()
    beat = Heartbeat(clock=clock)
    assert beat.line() == ""
    beat.begin(Phase.SCAN, None, None)
    beat.advance(Phase.SCAN, 1200, 2_300_000)
    assert beat.line() == "Scanning: 1,200 files, 2.3 MB"
    beat.total(Phase.SCAN, 2400, 4_600_000)
    clock.now += 30
    assert beat.line() == "Scanning: 1,200 of 2,400 files, 2.3 MB of 4.6 MB, about 30 s left"
    beat.end(Phase.SCAN)
    beat.begin(Phase.UPLOAD, 10, 1000)
    beat.begin(Phase.RECOVER, None, None)
    assert beat.line() == "Recovering: 0 files"
    beat.end(Phase.RECOVER)
    assert beat.line() == "Uploading: 0 of 10 files, 0 B of 1.0 kB"
    beat.end(Phase.UPLOAD)
    assert beat.line() == ""


def test_the_time_that_is_left_is_that_of_the_run() -> None:
    clock = Clock()
    beat = Heartbeat(clock=clock)
    beat.begin(Phase.VECTORS, 10_000, None, seconds=120)
    clock.now += 30
    beat.advance(Phase.VECTORS, 100, 0)
    assert beat.line().endswith("100 of 10,000 passages, about 1 min 30 s left")
    clock.now += 100
    assert beat.line().endswith("about 1 s left")
    beat.begin(Phase.VECTORS, 100, None)
    beat.advance(Phase.VECTORS, 50, 0)
    clock.now += 3600
    assert beat.line().endswith("about 1 h 0 min left")


def test_what_is_reported_of_a_phase_that_did_not_begin_is_ignored() -> None:
    beat = Heartbeat()
    beat.total(Phase.SCAN, 3, 3)
    beat.advance(Phase.SCAN, 1, 1)
    beat.end(Phase.SCAN)
    assert beat.line() == ""


def test_lines_come_by_themselves_until_the_run_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    printed: list[str] = []
    twice = threading.Event()

    def note(line: str) -> None:
        printed.append(line)
        if len(printed) == 2:
            twice.set()

    monkeypatch.setattr(heartbeat, "print_message", note)
    with Heartbeat(interval=0.001) as beat:
        beat.begin(Phase.VERIFY, 50, None)
        assert twice.wait(30)
    count = len(printed)
    assert set(printed) == {"Verifying: 0 of 50 files"}
    assert len(printed) == count
