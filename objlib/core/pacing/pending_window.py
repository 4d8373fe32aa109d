"""How many documents may be on their way through the store at once: arithmetic only, as in :mod:`pacing`.

A service may take every upload and then fail the documents: one public test saw 100 uploads at once all answered with
200, and 84 documents FAILED. So a burst of FAILED, or documents that suddenly take much longer, is push-back too. It is
about how many documents are pending, not about a rate: hence a window, with additive increase and one cut per epoch.
"""

import math
from dataclasses import dataclass, replace
from typing import Final

CUT: Final = 0.8
"""Share of the room that push-back leaves: between what it costs and what it saves.

In the benchmark's overload of 3,000 documents (``OurSlots(n, n)`` of `benchmarks/pacing_lab/overload.py`, ten ceilings
of 60 to 200, four seeds each) anything from 0.5 to 0.9 takes 1.1 times as long as the best fixed number at the median.
In the worst run 0.5 takes 1.32 times, 0.8 takes 1.19: room comes back slowly. 0.9 has 390 documents fail, 0.8 has 215.
"""
BURST: Final = 3.0
"""So many FAILED, with few good ones between them, are push-back. A bad file now and then is not."""
FADES: Final = 0.8
"""What is left of that count after each document that got through."""
SLOW: Final = 4.0
"""Times as long as usual counts as slow,"""
NOTICEABLE: Final = 5.0
"""and never less than so many seconds."""
CALM_ASKS: Final = 4
"""How often FAILED has to be heard before it is believed,"""
STRAINED_ASKS: Final = 8
"""and how often after a burst of it, since such a document may still turn ACTIVE."""


@dataclass(frozen=True, slots=True)
class PendingWindow:
    """What is known about the store's appetite.

    Attributes:
        ceiling: the most documents that may ever be on their way.
        room: how many may be now.
        strain: recent FAILED, fading with each document that got through.
        usual: smoothed seconds from upload to ACTIVE; 0 before the first.
        cut_at: when the room was last cut; what started before tells nothing new.
        burst: whether there ever was a burst of FAILED.
    """

    ceiling: int
    room: float
    strain: float = 0.0
    usual: float = 0.0
    cut_at: float = -math.inf
    burst: bool = False


def slots(crowd: PendingWindow) -> int:
    """How many documents may be on their way."""
    return max(1, min(crowd.ceiling, math.floor(crowd.room)))


def asks(crowd: PendingWindow) -> int:
    """How often FAILED has to be heard before it is believed."""
    return STRAINED_ASKS if crowd.burst else CALM_ASKS


def settled(crowd: PendingWindow, *, started: float, took: float, now: float, in_use: int) -> PendingWindow:
    """A document is ACTIVE.

    Args:
        crowd: what was known before.
        started: when it was sent.
        took: seconds that the store took for it; less than ``now - started`` if the question had to wait.
        now: the time.
        in_use: how many are on their way, this one included.
    """
    if crowd.usual and took > max(NOTICEABLE, SLOW * crowd.usual):
        return _cut(crowd, started=started, now=now, in_use=in_use)
    usual = 0.9 * crowd.usual + 0.1 * took if crowd.usual else took
    room = crowd.room + 1 / crowd.room if in_use >= math.floor(crowd.room) else crowd.room
    return replace(
        crowd, usual=usual, strain=crowd.strain * FADES, room=min(float(crowd.ceiling), max(crowd.room, room))
    )


def failed(crowd: PendingWindow, *, started: float, now: float, in_use: int) -> PendingWindow:
    """The store says FAILED of a document that was sent at ``started``."""
    crowd = replace(crowd, strain=crowd.strain + 1)
    if crowd.strain < BURST:
        return crowd
    return _cut(replace(crowd, burst=True), started=started, now=now, in_use=in_use)


def _cut(crowd: PendingWindow, *, started: float, now: float, in_use: int) -> PendingWindow:
    if started <= crowd.cut_at:
        return crowd
    return replace(crowd, room=max(1.0, CUT * min(crowd.room, float(max(1, in_use)))), cut_at=now)
