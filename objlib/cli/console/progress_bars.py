"""Draws progress lines with Rich: one for each phase, as wide as the terminal has room for."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import compress
from typing import Final

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, Task, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from objlib.cli.console.phases import TITLES, PhaseTally
from objlib.cli.console.progress_line import Piece, Row, lay_out
from objlib.cli.console.terminal import about, duration, size
from objlib.core.events import GovernorStatistics, Phase

SHORTEST_PAUSE: Final = 1.5
"""Pauses of at least this many seconds are shown: a shorter one is over before it is read."""


class Lines(Progress):
    """A line for each task, which has a :class:`PhaseTally` in its field ``tally``."""

    def __init__(self, console: Console) -> None:
        self._screen = console  # Rich asks for the table before it has a console itself
        self._remaining = TimeRemainingColumn(compact=True)
        self._governor: GovernorStatistics | None = None
        self._opens = 0.0
        super().__init__(console=console, transient=True)

    def pressure(self, now: GovernorStatistics) -> None:
        """The governor does something else. A pause counts down from here by itself."""
        clock = self.get_time()
        if now.paused_for >= SHORTEST_PAUSE or self._opens > clock:
            self._opens = clock + now.paused_for
        if now.paused_for > 0:  # then nothing may be in flight; what may be before and after says more
            now = replace(now, tokens=self._governor.tokens if self._governor else 0)
        self._governor = now

    def make_tasks_table(self, tasks: Iterable[Task]) -> Table:
        """The lines of these tasks, below each other."""
        drawn = list(tasks)
        # A pause holds up the phase that began last: a listing within a recovery, say.
        rows = [self._row(task, self._pause() if task is drawn[-1] else {}) for task in drawn]
        lines, bar = lay_out(rows, self._screen.width)
        cells: list[tuple[RenderableType, ...]] = [
            (
                _text(line.title),
                BarColumn(bar)(task) if bar else "",
                _text(line.details),
                _text(line.remaining, "progress.remaining"),
            )
            for task, line in zip(drawn, lines, strict=True)
        ]
        filled = [any(column) for column in zip(*cells, strict=True)]
        table = Table.grid(padding=(0, 1))
        for row in cells:
            table.add_row(*compress(row, filled))
        return table

    def _row(self, task: Task, pause: Row) -> Row:
        tally: PhaseTally = task.fields["tally"]
        count = f"{tally.files:,}" if tally.total is None else f"{tally.files:,}/{tally.total:,}"
        # The count is the last thing to go where there is a pause to show, else it stays.
        counts = [f"{count} {tally.unit}", count, *([] if pause else [count])]
        row: dict[Piece, Sequence[str]] = {
            Piece.TITLE: [TITLES[tally.phase]],
            Piece.COUNT: counts,
            Piece.REMAINING: [self._time_left(task)],
        }
        if tally.size:
            row[Piece.BYTES] = [size(tally.size)]
            if task.speed and tally.by_bytes:
                row[Piece.BYTE_SPEED] = [f"{size(task.speed)}/s"]
        if tally.phase is Phase.UPLOAD and not pause:
            row.update(_speed(self._governor))
        return {**row, **pause}

    def _time_left(self, task: Task) -> str:
        """How long this run still works on the phase."""
        ends: float | None = task.fields["tally"].ends
        if ends is None or (task.time_remaining or 0) <= ends - self.get_time():
            return str(self._remaining(task))
        seconds = max(0, round(ends - self.get_time()))
        return f"{seconds // 60:02d}:{seconds % 60:02d}"

    def _pause(self) -> Row:
        seconds = self._opens - self.get_time()
        if seconds <= 0:
            return {}
        whole = max(1, round(seconds))
        pause = duration(whole) if whole >= 60 else f"{whole} s"
        return {Piece.PAUSE: [f"paused for {pause}", f"paused {pause}"]}


def _speed(now: GovernorStatistics | None) -> Row:
    """How fast the governor goes, in few words."""
    pieces: dict[Piece, Sequence[str]] = {}
    if now is None:
        return pieces
    if now.tokens:
        pieces[Piece.AT_ONCE] = [f"{now.in_flight} of {now.tokens} at once"]
    if now.requests_per_second is not None:
        speed = about(now.requests_per_second)
        pieces[Piece.SPEED] = [f"{speed} requests/s", f"{speed}/s"]
    if now.throttled:
        pieces[Piece.THROTTLED] = [f"throttled {now.throttled}x"]
    return pieces


def _text(text: str, style: str = "") -> Text:
    return Text(text, style, no_wrap=True, overflow="ellipsis")
