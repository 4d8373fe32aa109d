"""Word that requests stop for a while, or for this run: what one process is told goes for all that share its quota."""

from typing import NamedTuple


class Closing(NamedTuple):
    """An answer that concerns every process.

    Attributes:
        pause: seconds for which no request may start; 0 where it is not that.
        kind: kind of the error after which a run takes in nothing more, such as a daily quota that is used up; empty
            where it is not that.
        message: the line of that error.
    """

    pause: float = 0.0
    kind: str = ""
    message: str = ""


SHORTEST_PAUSE = 5.0
"""Seconds of a pause that is shared, at least. The many short ones of a bucket that fills again concern the requests
that came too early; a window of time that is used up closes for all."""
