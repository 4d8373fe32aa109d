"""A progress line on the terminal, for work that takes longer than a moment."""

import sys
import threading
from types import TracebackType
from typing import Any, Final, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import TaskID

from objlib.cli.console.errors import print_message
from objlib.cli.console.phases import PhaseTally
from objlib.cli.console.progress_bars import Lines
from objlib.cli.console.terminal import safe
from objlib.core.events import EventKind, GovernorStatistics, Observer, Phase

DRAW_DELAY: Final = 1.0
"""Seconds of work before anything is drawn: a short run stays quiet."""


class Progress(Observer):
    """Draws bars from what a run reports; opened around the run, gone when it ends.

    A timer shows the bars, not the first report: a run may wait for its first answer for a long time.
    """

    def __init__(self, console: Console | None = None, delay: float = DRAW_DELAY) -> None:
        self._bars = Lines(console or Console(file=sys.stderr, soft_wrap=False))
        self._timer = threading.Timer(delay, self._show)
        self._timer.daemon = True
        self._lock = threading.Lock()
        self._shown = self._over = False
        self._tasks: dict[Phase, tuple[TaskID, PhaseTally]] = {}

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            self._over = True
            if self._shown:
                self._bars.stop()

    def begin(
        self, phase: Phase, files: int | None, size: int | None, *, seconds: float | None = None
    ) -> None:
        """A phase begins: one more bar. It measures bytes where they are known, else files."""
        self.end(phase)
        ends = None if seconds is None else self._bars.get_time() + seconds
        tally = PhaseTally(phase, files, size, ends=ends)
        self._tasks[phase] = self._bars.add_task("", total=size or files or None, tally=tally), tally

    def total(self, phase: Phase, files: int | None, size: int | None) -> None:
        """The totals are known now; what was done before counts in them."""
        if phase not in self._tasks:
            return
        task, tally = self._tasks[phase]
        tally.total, tally.total_size = files, size
        done = tally.size if tally.by_bytes else tally.files
        self._bars.update(task, total=size or files or None, completed=done)

    def advance(self, phase: Phase, files: int, size: int) -> None:
        """So much more of the phase is done."""
        if phase not in self._tasks:
            return
        task, tally = self._tasks[phase]
        tally.files += files
        tally.size += size
        self._bars.update(task, advance=size if tally.by_bytes else files)

    def end(self, phase: Phase) -> None:
        """The phase is over: its bar goes away."""
        if phase in self._tasks:
            self._bars.remove_task(self._tasks.pop(phase)[0])

    def pressure(self, now: GovernorStatistics) -> None:
        """The governor does something else."""
        self._bars.pressure(now)

    def event(self, kind: EventKind, /, **fields: Any) -> None:
        """Ignore: a bar has no room for single events."""

    def note(self, message: str) -> None:
        """One line for the user, above the bars."""
        with self._lock:
            if self._shown and not self._over:
                self._bars.console.print(f"objlib: {escape(safe(message))}", highlight=False)
                return
        print_message(message)

    def _show(self) -> None:
        with self._lock:
            if not self._over:
                self._bars.start()
                self._shown = True
