"""A store that takes every upload and fails the documents beyond what it can hold: no refusal, no hint.

Beyond ``CAPACITY`` pending documents a new one is FAILED at once. Half of these turn ACTIVE after all, 5 to 20 s later;
to send such a one again is needless, and leaves two of it. The others never do, and not to send them again loses them.
"""

import heapq
import itertools
import random
from dataclasses import dataclass
from typing import Protocol

from objlib.core.pacing import pending_window

CAPACITY = 50
DOCUMENTS = 3000


class DocumentPolicy(Protocol):
    """How many documents a client keeps pending, and how often FAILED must be reported."""

    def capacity(self) -> int:
        """Documents that may be pending."""

    def failed_confirmations(self) -> int:
        """Times that FAILED must be reported."""

    def indexed(self, started: float, now: float, in_use: int) -> None:
        """ACTIVE."""

    def failed(self, started: float, now: float, in_use: int) -> None:
        """FAILED."""


@dataclass
class FixedWindow:
    """A fixed number of documents; FAILED means failed."""

    count: int

    def capacity(self) -> int:
        """See :class:`DocumentPolicy`."""
        return self.count

    def failed_confirmations(self) -> int:
        """See :class:`DocumentPolicy`."""
        return 1

    def indexed(self, started: float, now: float, in_use: int) -> None:
        """Learn nothing."""

    def failed(self, started: float, now: float, in_use: int) -> None:
        """Learn nothing."""


class OurWindow:
    """:mod:`objlib.core.pacing.pending_window`, driven as the governor drives it, with a high ceiling."""

    def __init__(self, ceiling: int = 100, size: float = 100.0) -> None:
        self.window = pending_window.PendingWindow(ceiling=ceiling, size=size)

    def capacity(self) -> int:
        """See :class:`DocumentPolicy`."""
        return pending_window.capacity(self.window)

    def failed_confirmations(self) -> int:
        """See :class:`DocumentPolicy`."""
        return pending_window.failed_confirmations(self.window)

    def indexed(self, started: float, now: float, in_use: int) -> None:
        """See :class:`DocumentPolicy`."""
        took = now - started
        self.window = pending_window.indexed(self.window, started=started, took=took, now=now, in_use=in_use)

    def failed(self, started: float, now: float, in_use: int) -> None:
        """See :class:`DocumentPolicy`."""
        self.window = pending_window.failed(self.window, started=started, now=now, in_use=in_use)


@dataclass(frozen=True)
class OverloadResult:
    """Seconds until every document is ACTIVE, documents that never were, and those sent again needlessly."""

    seconds: float
    lost: int
    needless: int


def overload(policy: DocumentPolicy, seed: int) -> OverloadResult:
    """Send ``DOCUMENTS`` until all are ACTIVE."""
    rng, order = random.Random(seed), itertools.count()
    waiting, done, needless, pending_here, pending, now = DOCUMENTS, 0, 0, 0, 0, 0.0
    # (time, order, event, when it was sent, when it becomes ACTIVE, reports of FAILED)
    heap: list[tuple[float, int, str, float, float, int]] = []
    while done < DOCUMENTS and now < 3600:
        while waiting and pending_here < policy.capacity():
            waiting, pending_here = waiting - 1, pending_here + 1
            heapq.heappush(heap, (now + rng.uniform(0.3, 0.5), next(order), "lands", now, 0.0, 0))
        now, _, what, sent, active, reports = heapq.heappop(heap)
        if what == "lands":
            if pending < CAPACITY:
                pending += 1
                ready = now + rng.uniform(1.5, 2.5)
                heapq.heappush(heap, (ready, next(order), "done", sent, ready, 0))
            else:
                late = now + rng.uniform(5, 20) if rng.random() < 0.5 else float("inf")
                heapq.heappush(heap, (now + 1.6, next(order), "asked", sent, late, 0))
        elif what == "done":
            pending, pending_here, done = pending - 1, pending_here - 1, done + 1
            policy.indexed(sent, now, pending_here + 1)
        elif active <= now:
            pending_here, done = pending_here - (reports == 0), done + 1
        else:
            if reports == 0:
                # A FAILED document is no longer pending: while it is polled again, another may go.
                policy.failed(sent, now, pending_here)
                pending_here -= 1
            if reports + 1 < policy.failed_confirmations():
                pause = min(10.0, max(0.05, 0.5 * (now - sent)))
                heapq.heappush(heap, (now + pause, next(order), "asked", sent, active, reports + 1))
            else:
                waiting += 1
                needless += active < float("inf")
    return OverloadResult(now, DOCUMENTS - done, needless)
