"""A progress line on the terminal, for work that takes longer than a moment."""

import sys
import threading
from types import TracebackType
from typing import Any, Final, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from objlib.cli.failures import complain
from objlib.cli.terminal import about, duration, safe, size
from objlib.core.observe import Phase, Pressure

PATIENCE: Final = 1.0
"""Seconds of work before anything is drawn: a short run stays quiet."""

TITLES: Final = {
    Phase.SCAN: "Scanning",
    Phase.RECOVER: "Recovering",
    Phase.UPLOAD: "Uploading",
    Phase.VECTORS: "Preparing search by meaning",
    Phase.PRUNE: "Removing documents",
    Phase.LISTING: "Listing the store",
    Phase.REPAIR: "Repairing",
    Phase.VERIFY: "Verifying",
}
UNITS: Final = {
    Phase.VECTORS: "passages",
    Phase.PRUNE: "documents",
    Phase.LISTING: "documents",
    Phase.REPAIR: "documents",
}
"""What a phase counts, where that is not files."""


class Progress:
    """Draws bars from what a run reports; opened around the run, gone when it ends.

    A timer shows the bars, not the first report: a run may wait for its first answer for a long time.

    Args:
        console: where to draw; stderr by default.
        patience: seconds before anything is drawn.
    """

    def __init__(self, console: Console | None = None, patience: float = PATIENCE) -> None:
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[said]}"),
            TimeRemainingColumn(compact=True),
            console=console or Console(file=sys.stderr, soft_wrap=False),
            transient=True,
        )
        self._timer = threading.Timer(patience, self._show)
        self._timer.daemon = True
        self._lock = threading.Lock()
        self._shown = self._over = False
        self._tasks: dict[Phase, TaskID] = {}
        self._files: dict[Phase, tuple[int, int | None]] = {}
        self._bytes: dict[Phase, int] = {}
        self._by_bytes: dict[Phase, bool] = {}
        self._pressure: Pressure | None = None

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

    def begin(self, phase: Phase, files: int | None, size: int | None) -> None:
        """A phase begins: one more bar. It measures bytes where they are known, else files."""
        self._by_bytes[phase] = bool(size)
        self._files[phase] = (0, files)
        self._bytes[phase] = 0
        if phase in self._tasks:
            self._bars.remove_task(self._tasks[phase])
        self._tasks[phase] = self._bars.add_task(TITLES[phase], total=size or files or None, said="")
        self._describe(phase)

    def advance(self, phase: Phase, files: int, size: int) -> None:
        """So much more of the phase is done."""
        if phase not in self._tasks:
            return
        done, total = self._files[phase]
        self._files[phase] = (done + files, total)
        self._bytes[phase] += size
        self._bars.update(self._tasks[phase], advance=size if self._by_bytes[phase] else files)
        self._describe(phase)

    def end(self, phase: Phase) -> None:
        """The phase is over: its bar goes away."""
        if (task := self._tasks.pop(phase, None)) is not None:
            self._bars.remove_task(task)

    def pressure(self, now: Pressure) -> None:
        """The governor does something else."""
        self._pressure = now
        if Phase.UPLOAD in self._tasks:
            self._describe(Phase.UPLOAD)

    def event(self, name: str, **fields: Any) -> None:
        """Look away: a bar has no room for single events."""

    def note(self, message: str) -> None:
        """One line for a person, above the bars."""
        with self._lock:
            if self._shown and not self._over:
                self._bars.console.print(f"objlib: {escape(safe(message))}", highlight=False)
                return
        complain(message)

    def _describe(self, phase: Phase) -> None:
        task = self._bars.tasks[self._bars.task_ids.index(self._tasks[phase])]
        done, total = self._files[phase]
        unit = UNITS.get(phase, "files")
        parts = [f"{done:,}/{total:,} {unit}" if total is not None else f"{done:,} {unit}"]
        if self._bytes[phase]:
            parts.append(size(self._bytes[phase]))
            if task.speed and self._by_bytes[phase]:
                parts.append(f"{size(task.speed)}/s")
        if phase is Phase.UPLOAD and self._pressure is not None:
            parts.append(_said(self._pressure))
        self._bars.update(self._tasks[phase], said="  ".join(part for part in parts if part))

    def _show(self) -> None:
        with self._lock:
            if not self._over:
                self._bars.start()
                self._shown = True


def _said(now: Pressure) -> str:
    """What the governor is doing, in few words."""
    if now.paused_for > 0:
        return f"paused for {duration(now.paused_for)}"
    text = f"{now.in_flight} of {now.tokens} at once"
    if now.requests_per_second is not None:
        text += f", {about(now.requests_per_second)} requests/s"
    return f"{text}, pushed back {now.throttled}x" if now.throttled else text
