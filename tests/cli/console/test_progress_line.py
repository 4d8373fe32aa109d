"""The layout of a progress line in much room, and in little."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objlib.cli.console.progress_line import BAR, SHORTEST_BAR, Piece, Row, lay_out

COUNT: Final = {Piece.TITLE: ["Uploading"], Piece.COUNT: ["9/30 files", "9/30"], Piece.REMAINING: ["00:25"]}
BYTES: Final = {Piece.BYTES: ["583 B"], Piece.BYTE_SPEED: ["111 B/s"]}
PAUSED: Final = COUNT | BYTES | {Piece.PAUSE: ["paused for 51 s", "paused 51 s"]}
RUNNING: Final = (
    COUNT
    | BYTES
    | {Piece.COUNT: ["9/30 files", "9/30", "9/30"], Piece.SPEED: ["4.9 requests/s", "4.9/s"]}
    | {Piece.AT_ONCE: ["2 of 4 at once"], Piece.THROTTLED: ["throttled 3x"]}
)


def drawn(rows: list[Row], room: int) -> list[str]:
    """The lines as they would stand on the terminal."""
    lines, bar = lay_out(rows, room)
    return [" ".join(filter(None, (line.title, "-" * bar, line.details, line.remaining))) for line in lines]


@pytest.mark.parametrize(
    ("room", "line"),
    [
        (100, "Uploading ------------------------ 9/30 files  583 B  111 B/s  paused for 51 s 00:25"),
        (80, "Uploading -------------------- 9/30 files  583 B  111 B/s  paused for 51 s 00:25"),
        (60, "Uploading ---------------- 9/30 files  paused for 51 s 00:25"),
        (40, "Uploading 9/30 files  paused for 51 s"),
        (36, "Uploading 9/30 files  paused 51 s"),
        (20, "9/30  paused 51 s"),
        (15, "paused 51 s"),
    ],
)
def test_a_pause_outlasts_everything_else(room: int, line: str) -> None:
    assert drawn([PAUSED], room) == [line]


@pytest.mark.parametrize(
    ("room", "line"),
    [
        (
            120,
            "Uploading ------------------------ "
            "9/30 files  583 B  111 B/s  2 of 4 at once, 4.9 requests/s, throttled 3x 00:25",
        ),
        (80, "Uploading 9/30 files  2 of 4 at once, 4.9 requests/s, throttled 3x 00:25"),
        (60, "Uploading 9/30 files  4.9 requests/s, throttled 3x"),
        (40, "Uploading 9/30 files  4.9 requests/s"),
        (20, "9/30  4.9 requests/s"),
        (19, "9/30  4.9/s"),
        (10, "9/30"),
        (3, "9/30"),
    ],
)
def test_the_speed_outlasts_the_bar_and_the_bytes(room: int, line: str) -> None:
    assert drawn([RUNNING], room) == [line]


def test_lines_below_each_other_keep_the_same_columns() -> None:
    recovering = {Piece.TITLE: ["Recovering"], Piece.COUNT: ["7 files", "7"]}
    lines, bar = lay_out([recovering, PAUSED], 36)
    assert bar == 0
    assert [line.title for line in lines] == ["Recovering", "Uploading"]
    assert [line.details for line in lines] == ["7 files", "9/30 files  paused 51 s"]
    assert lay_out([], 40) == ([], BAR)


@given(st.integers(17, 130), st.sampled_from([PAUSED, RUNNING, COUNT]))
def test_a_line_is_never_wider_than_the_terminal(room: int, row: Row) -> None:
    assert len(drawn([row], room)[0]) <= room
    assert lay_out([row], room)[1] in {0, *range(SHORTEST_BAR, BAR + 1)}
