"""The layout of progress lines: which pieces fit the terminal, a pause being the last to go."""

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import Final, NamedTuple

from objlib.cli.console.terminal import columns


class Piece(Enum):
    """Something that a line can say."""

    TITLE = auto()
    BAR = auto()
    COUNT = auto()
    BYTES = auto()
    BYTE_SPEED = auto()
    PAUSE = auto()
    AT_ONCE = auto()
    SPEED = auto()
    THROTTLED = auto()
    REMAINING = auto()


Row = Mapping[Piece, Sequence[str]]
"""The pieces of one line, each in its spellings: the longest first, and after the last one it is left out."""

BAR: Final = 24
"""Columns of a bar where there is room."""
SHORTEST_BAR: Final = 10
"""Columns below which a bar is left out."""
SHORTENING_ORDER: Final = (
    *(Piece.BYTE_SPEED, Piece.BYTES, Piece.BAR, Piece.REMAINING, Piece.AT_ONCE, Piece.THROTTLED),
    *(Piece.PAUSE, Piece.COUNT, Piece.TITLE, Piece.SPEED, Piece.SPEED, Piece.COUNT),
)
"""The order in which pieces are shortened where there is little room, each time to their next spelling."""


class Line(NamedTuple):
    """The texts of one line. A bar stands between its title and its details."""

    title: str
    details: str
    remaining: str


def lay_out(rows: Sequence[Row], room: int) -> tuple[list[Line], int]:
    """The lines for these rows, and how wide the bar in each is (0: none); alike, so that they stand in columns.

    Args:
        rows: one for each line.
        room: columns of the terminal. What does not fit at its shortest either is cut where it is drawn.
    """
    cuts: Counter[Piece] = Counter()
    order = iter(SHORTENING_ORDER)
    while True:
        lines = [_line(row, cuts) for row in rows]
        bar = 0 if cuts[Piece.BAR] else SHORTEST_BAR
        spare = room - _width(lines, bar)
        piece = next(order, None)
        if spare >= 0 or piece is None:
            return lines, bar and min(BAR, bar + spare)
        cuts[piece] += 1


def _line(row: Row, cuts: Mapping[Piece, int]) -> Line:
    def spelt(*pieces: Piece) -> list[str]:
        return [text for piece in pieces for text in row.get(piece, ())[cuts[piece] :][:1]]

    governor = ", ".join(spelt(Piece.AT_ONCE, Piece.SPEED, Piece.THROTTLED))
    parts = (*spelt(Piece.COUNT, Piece.BYTES, Piece.BYTE_SPEED, Piece.PAUSE), governor)
    return Line(
        "".join(spelt(Piece.TITLE)),
        "  ".join(part for part in parts if part),
        "".join(spelt(Piece.REMAINING)),
    )


def _width(lines: Sequence[Line], bar: int) -> int:
    """Columns that they take, with one between two fields."""
    fields = [max(map(columns, field)) for field in zip(*lines, strict=True)]
    widths = [width for width in (bar, *fields) if width]
    return sum(widths) + len(widths) - 1
