"""A line every half a minute, where no terminal shows a bar: a log has to tell slow from stuck."""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from objlib.cli.console.errors import print_message
from objlib.cli.console.phases import TITLES, PhaseTally
from objlib.cli.console.terminal import duration, size
from objlib.core.events import Observer, Phase

INTERVAL: Final = 30.0
"""Seconds between two lines; the first comes after as many, so that a short run prints none."""


class Heartbeat(Observer):
    """Prints how far the phase is that began last; opened around the run.

    A thread prints, not the run: that may wait for one answer for minutes.
    """

    def __init__(self, interval: float = INTERVAL, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = interval
        self._clock = clock
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._phases: dict[Phase, PhaseTally] = {}
        self._thread = threading.Thread(target=self._beat, name="objlib heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def begin(
        self, phase: Phase, files: int | None, size: int | None, *, seconds: float | None = None
    ) -> None:
        """A phase begins."""
        now = self._clock()
        ends = None if seconds is None else now + seconds
        with self._lock:
            self._phases.pop(phase, None)
            self._phases[phase] = PhaseTally(phase, files, size, began=now, ends=ends)

    def total(self, phase: Phase, files: int | None, size: int | None) -> None:
        """The totals are known now."""
        with self._lock:
            if tally := self._phases.get(phase):
                tally.total, tally.total_size = files, size

    def advance(self, phase: Phase, files: int, size: int) -> None:
        """So much more of the phase is done."""
        with self._lock:
            if tally := self._phases.get(phase):
                tally.files += files
                tally.size += size

    def end(self, phase: Phase) -> None:
        """The phase is over."""
        with self._lock:
            self._phases.pop(phase, None)

    def line(self) -> str:
        """How far the phase is that began last; empty between two phases."""
        with self._lock:
            if not self._phases:
                return ""
            tally = list(self._phases.values())[-1]
            return _line(tally, self._clock())

    def _beat(self) -> None:
        while not self._over.wait(self._interval):
            if line := self.line():
                print_message(line)


def _line(tally: PhaseTally, now: float) -> str:
    count = f"{tally.files:,}" if tally.total is None else f"{tally.files:,} of {tally.total:,}"
    parts = [f"{TITLES[tally.phase]}: {count} {tally.unit}"]
    if tally.by_bytes:
        parts.append(f"{size(tally.size)} of {size(tally.total_size or 0)}")
    elif tally.size:
        parts.append(size(tally.size))
    left = tally.seconds_left(now)
    if left is not None:
        parts.append(f"about {duration(max(60, left)) if left >= 60 else f'{max(1, round(left))} s'} left")
    return ", ".join(parts)
