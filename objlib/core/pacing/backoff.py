"""How long to wait before something is tried or asked again: arithmetic only."""

import math
from collections.abc import Sequence


def backoff(attempt: int, *, jitter: float, base: float = 1.0, cap: float = 60.0) -> float:
    """Seconds until a transient failure is tried again: exponential with full jitter.

    Args:
        attempt: how many attempts there were, from 1.
        jitter: a random number in [0, 1).
        base: the span of the first wait in seconds.
        cap: the longest span.

    Source: Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
    """
    span = min(cap, base * 2.0 ** min(attempt - 1, 30))
    return span * (0.25 + 0.75 * jitter)


def first_poll(settled: Sequence[float]) -> float:
    """Seconds to wait before a new document is asked about, from how long the last ones took.

    Most documents should need one question: a little before the median, between 20 ms and 10 s.
    """
    if not settled:
        return 0.05
    middle = sorted(settled)[len(settled) // 2]
    return min(10.0, max(0.02, 0.8 * middle))


def next_poll(waited: float) -> float:
    """Seconds until the next question after ``waited`` seconds in all: half as long again, at most 10 s."""
    return min(10.0, max(0.05, 0.5 * waited))


def span(seconds: float) -> str:
    """A time of a minute or more in words, such as ``1 h 5 min``; rounded up, so that nobody comes too early."""
    hours, minutes = divmod(math.ceil(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours and minutes else f"{hours} h" if hours else f"{minutes} min"
