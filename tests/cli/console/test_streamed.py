"""Answers on a terminal while they are written, on the screen of a small terminal that keeps what it was sent."""

import fcntl
import io
import os
import pty
import re
import struct
import termios
from pathlib import Path

import pytest

from objlib.cli.console.streamed import StreamedAnswer, streaming
from objlib.cli.console.terminal import Terminal, wrap
from objlib.cli.render.answer import text_lines


def screen(sent: str) -> list[str]:
    """The lines of a terminal that was sent this text."""
    lines, row = [""], 0
    for piece in re.findall(r"\x1b\[\d*[AJ]|\n|[^\x1b\n]+", sent):
        if piece.startswith("\x1b") and piece.endswith("A"):
            row -= int(piece[2:-1])
            assert row >= 0, "it moved above what it wrote"
        elif piece == "\x1b[J":
            lines[row:] = [""]
        elif piece == "\n":
            row += 1
            lines += [""] if row == len(lines) else []
        else:
            lines[row] = piece
    return lines


def test_a_text_grows_line_by_line_and_is_taken_back() -> None:
    stream = io.StringIO()
    shown = StreamedAnswer(stream, lambda text: wrap(text, 12), 3)
    for piece in ("what ", "is it ", "like to ", "be a bat"):
        shown.text(piece)
    assert screen(stream.getvalue()) == ["what is it", "like to be a", "bat", ""]
    shown.text(" in a cave at night")
    assert screen(stream.getvalue()) == ["bat in a", "cave at", "night", ""]
    shown.again()
    assert screen(stream.getvalue()) == [""]
    shown.text("anew")
    assert screen(stream.getvalue()) == ["anew", ""]


def test_no_more_is_shown_than_can_be_taken_back() -> None:
    stream = io.StringIO()
    shown = StreamedAnswer(stream, lambda text: text.split(), 3)
    for word in range(50):
        shown.text(f" {word}")
        assert screen(stream.getvalue())[:-1] == [str(each) for each in range(max(0, word - 2), word + 1)]


def test_nothing_of_an_answer_acts_on_the_terminal() -> None:
    stream = io.StringIO()
    shown = StreamedAnswer(stream, lambda text: text_lines(text, Terminal()), 9)
    for piece in ("a\x1b", "[2J\x9b31m", "\u202eb", "\rc"):
        shown.text(piece)
    assert set(re.findall(r"\x1b\[\d*.", stream.getvalue())) <= {"\x1b[J", "\x1b[1A", "\x1b[2A"}
    assert not re.search("[\x9b\u202e\r]", stream.getvalue())


def test_only_a_terminal_that_can_move_its_cursor_is_streamed_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    with (tmp_path / "out").open("w") as file:
        assert streaming(file, text_lines) is None
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal, os.fdopen(ours, "rb"):
        for rows, columns, fits in ((24, 80, True), (24, 30, False), (2, 80, False)):
            fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            assert (streaming(terminal, text_lines) is not None) is fits
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        monkeypatch.setenv("TERM", "dumb")
        assert streaming(terminal, text_lines) is None
