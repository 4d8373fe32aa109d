"""Congestion window for documents that are being indexed: arithmetic only.

A service may take every upload and then fail the documents: one public test saw 100 uploads at once all answered with
200, and 84 documents FAILED. So a burst of FAILED, or documents that suddenly take much longer, throttles too. The
service limits how many documents are pending, not a rate: hence a window, with additive increase and one cut per epoch.
"""

import math
from dataclasses import dataclass, replace
from typing import Final

DECREASE: Final = 0.8
"""Share of the window that one throttling leaves.

In the simulated overload of 3,000 documents (`tests/support/pacing_lab/overload.py`, ten ceilings of 60 to 200, four
seeds each) anything from 0.5 to 0.9 takes 1.1 times as long as the best fixed number at the median.
In the worst run 0.5 takes 1.32 times, 0.8 takes 1.19: the window grows back slowly. 0.9 fails 390 documents, 0.8 215.
"""
FAILURE_BURST: Final = 3.0
"""FAILED documents, with few good ones between them, that throttle. A bad file now and then does not."""
FAILURE_DECAY: Final = 0.8
"""Share of the count of failures that stays after each document that became ACTIVE."""
SLOW_FACTOR: Final = 4.0
"""Multiple of the typical time from which a document counts as slow."""
SLOW_MIN_SECONDS: Final = 5.0
"""Shortest time (s) that counts as slow."""
CONFIRMATIONS: Final = 4
"""Times that the service must report FAILED before the document counts as failed."""
BURST_CONFIRMATIONS: Final = 8
"""The same after a burst of failures, when a FAILED document may still become ACTIVE."""


@dataclass(frozen=True, slots=True)
class PendingWindow:
    """The window and what it follows from.

    Attributes:
        ceiling: the most documents that may ever be pending.
        size: pending documents allowed now.
        failures: recent FAILED documents; decays with each that became ACTIVE.
        typical: smoothed seconds from upload to ACTIVE; 0 before the first.
        cut_at: when the window was last cut; documents sent before belong to that epoch.
        burst: whether there ever was a burst of FAILED.
    """

    ceiling: int
    size: float
    failures: float = 0.0
    typical: float = 0.0
    cut_at: float = -math.inf
    burst: bool = False


def capacity(state: PendingWindow) -> int:
    """How many documents may be pending."""
    return max(1, min(state.ceiling, math.floor(state.size)))


def failed_confirmations(state: PendingWindow) -> int:
    """How often the service must report FAILED before the document counts as failed."""
    return BURST_CONFIRMATIONS if state.burst else CONFIRMATIONS


def indexed(state: PendingWindow, *, started: float, took: float, now: float, in_use: int) -> PendingWindow:
    """Record that a document became ACTIVE.

    Args:
        state: the window before.
        started: when the document was sent.
        took: seconds that the store took; less than ``now - started`` if our poll had to wait.
        now: the time.
        in_use: pending documents, this one included.
    """
    if state.typical and took > max(SLOW_MIN_SECONDS, SLOW_FACTOR * state.typical):
        return _cut(state, started=started, now=now, in_use=in_use)
    typical = 0.9 * state.typical + 0.1 * took if state.typical else took
    size = state.size + 1 / state.size if in_use >= math.floor(state.size) else state.size
    return replace(
        state,
        typical=typical,
        failures=state.failures * FAILURE_DECAY,
        size=min(float(state.ceiling), max(state.size, size)),
    )


def failed(state: PendingWindow, *, started: float, now: float, in_use: int) -> PendingWindow:
    """Record that the store reported FAILED for a document sent at ``started``."""
    state = replace(state, failures=state.failures + 1)
    if state.failures < FAILURE_BURST:
        return state
    return _cut(replace(state, burst=True), started=started, now=now, in_use=in_use)


def _cut(state: PendingWindow, *, started: float, now: float, in_use: int) -> PendingWindow:
    if started <= state.cut_at:
        return state
    return replace(state, size=max(1.0, DECREASE * min(state.size, float(max(1, in_use)))), cut_at=now)
