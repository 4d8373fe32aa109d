"""An answer on the terminal while it is written."""

import os
import sys
from collections.abc import Callable
from typing import Final, TextIO

from objlib.cli.console.terminal import Terminal, is_terminal, terminal_of
from objlib.core.reports.answers import AnswerListener

NARROWEST: Final = 40
"""Columns of a terminal on which the height of a text can be told: lines are never made for fewer."""


def streaming(stream: TextIO, lines: Callable[[str, Terminal], list[str]]) -> "StreamedAnswer | None":
    """Shows an answer on ``stream`` as it is written; None where that is no terminal whose cursor can be moved.

    ``lines`` makes the lines of a text.
    """
    if not is_terminal(stream) or sys.platform == "win32" or os.environ.get("TERM", "dumb") == "dumb":
        return None
    try:
        size = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        return None
    if size.columns < NARROWEST or size.lines < 3:
        return None
    return StreamedAnswer(stream, lambda text: lines(text, terminal_of(stream)), size.lines - 1)


class StreamedAnswer(AnswerListener):
    """The end of the text so far, as far as it fits; the answer with its numbers and sources takes its place.

    What was scrolled away could not be taken back, so no more than a screen is ever shown.

    Args:
        stream: the terminal.
        lines: makes the lines of a text.
        rows: lines that fit.
    """

    def __init__(self, stream: TextIO, lines: Callable[[str], list[str]], rows: int) -> None:
        self._stream = stream
        self._lines = lines
        self._rows = rows
        self._text = ""
        self._shown: list[str] = []

    def text(self, piece: str) -> None:
        """Show the next piece."""
        self._text += piece
        self._show(self._lines(self._text)[-self._rows :])

    def again(self) -> None:
        """Take back what was shown."""
        self._text = ""
        self._show([])

    def _show(self, lines: list[str]) -> None:
        """Draw from the first line on that differs."""
        same = 0
        while same < min(len(lines), len(self._shown)) and lines[same] == self._shown[same]:
            same += 1
        up = len(self._shown) - same
        moved = f"\x1b[{up}A" if up else ""
        self._shown = lines
        try:
            self._stream.write(moved + "\x1b[J" + "".join(f"{line}\n" for line in lines[same:]))
            self._stream.flush()
        except OSError:
            self._rows = 0  # the result will meet the same error, and reports it
