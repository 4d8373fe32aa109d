"""Waits before retries and polls: arithmetic only."""

import math
from collections.abc import Sequence


def backoff(attempt: int, *, jitter: float, base: float = 1.0, cap: float = 60.0) -> float:
    """Seconds before the retry of a transient failure: exponential with jitter, never below a quarter of the span.

    Args:
        attempt: attempts so far, from 1.
        jitter: a random number in [0, 1).
        base: span of the first wait in seconds.
        cap: longest span in seconds.

    Source: Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
    """
    span = min(cap, base * 2.0 ** min(attempt - 1, 30))
    return span * (0.25 + 0.75 * jitter)


def first_poll(settled: Sequence[float]) -> float:
    """Seconds before the first poll of a new document, from the times that the last ones took.

    Most documents should need one poll: 0.8 of the median, between 20 ms and 10 s.
    """
    if not settled:
        return 0.05
    middle = sorted(settled)[len(settled) // 2]
    return min(10.0, max(0.02, 0.8 * middle))


def next_poll(waited: float) -> float:
    """Seconds before the next poll after ``waited`` seconds in all: half as long again, 10 s at most."""
    return min(10.0, max(0.05, 0.5 * waited))


def span(seconds: float) -> str:
    """Format a time of a minute or more, such as ``1 h 5 min``; rounded up, so that the user is not early."""
    hours, minutes = divmod(math.ceil(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours and minutes else f"{hours} h" if hours else f"{minutes} min"
