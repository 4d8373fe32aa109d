"""When processes that share a quota exchange their rates: arithmetic only.

Processes that begin at once measure one quota apart from one another, and together send what none of them would. So
they exchange soon again while that moves their rates, and rarely once they agree.
"""

from typing import Final

FIRST: Final = 0.25
"""Seconds to the next exchange of a process that has just begun, or whose rate the last one moved. Chosen from a
quarter, a half, one and five, on the even seeds of four processes that begin at once on 20/s."""
SETTLED: Final = 0.05
"""Share of a rate by which an exchange may move it while the processes count as agreed. Chosen from this and twice it,
on the same seeds."""


def next_exchange(waited: float, before: float | None, after: float | None, *, longest: float) -> float:
    """Seconds to the next exchange.

    Args:
        waited: seconds from the one before to the last one.
        before: this process's rate before the last exchange; None while it knew no limit.
        after: the same after it.
        longest: seconds between two exchanges of processes that agree.
    """
    if after is not None and (before is None or abs(after - before) > SETTLED * before):
        return FIRST
    return min(2 * waited, longest)
