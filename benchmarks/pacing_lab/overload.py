"""A store that takes every upload and fails the documents beyond what it can hold: no refusal, no hint.

Beyond ``APPETITE`` pending documents a new one is FAILED at once. Half of these turn ACTIVE after all, 5 to 20 s later;
to send such a one again is needless, and leaves two of it. The others never do, and not to send them again loses them.
"""

import heapq
import itertools
import random
from dataclasses import dataclass
from typing import Protocol

from objlib.core.pacing import pending_window

APPETITE = 50
DOCUMENTS = 3000


class Retrier(Protocol):
    """How many documents a client keeps on their way, and when it believes FAILED."""

    def slots(self) -> int:
        """How many may be on their way."""

    def asks(self) -> int:
        """How often FAILED must be heard."""

    def settled(self, started: float, now: float, in_use: int) -> None:
        """ACTIVE."""

    def failed(self, started: float, now: float, in_use: int) -> None:
        """FAILED."""


@dataclass
class FixedSlots:
    """So many, always; FAILED means failed."""

    count: int

    def slots(self) -> int:
        """See :class:`Retrier`."""
        return self.count

    def asks(self) -> int:
        """See :class:`Retrier`."""
        return 1

    def settled(self, started: float, now: float, in_use: int) -> None:
        """Learn nothing."""

    def failed(self, started: float, now: float, in_use: int) -> None:
        """Learn nothing."""


class OurSlots:
    """:mod:`objlib.core.pacing.pending_window`, driven as the governor drives it, with a high ceiling."""

    def __init__(self, ceiling: int = 100, room: float = 100.0) -> None:
        self.crowd = pending_window.PendingWindow(ceiling=ceiling, room=room)

    def slots(self) -> int:
        """See :class:`Retrier`."""
        return pending_window.slots(self.crowd)

    def asks(self) -> int:
        """See :class:`Retrier`."""
        return pending_window.asks(self.crowd)

    def settled(self, started: float, now: float, in_use: int) -> None:
        """See :class:`Retrier`."""
        took = now - started
        self.crowd = pending_window.settled(self.crowd, started=started, took=took, now=now, in_use=in_use)

    def failed(self, started: float, now: float, in_use: int) -> None:
        """See :class:`Retrier`."""
        self.crowd = pending_window.failed(self.crowd, started=started, now=now, in_use=in_use)


@dataclass(frozen=True)
class Outcome:
    """Seconds until every document is ACTIVE, documents that never were, and those sent again needlessly."""

    seconds: float
    lost: int
    needless: int


def overload(patience: Retrier, seed: int) -> Outcome:
    """Send ``DOCUMENTS`` until all are ACTIVE."""
    rng, order = random.Random(seed), itertools.count()
    waiting, done, needless, way, pending, now = DOCUMENTS, 0, 0, 0, 0, 0.0
    # (time, order, what, when it was sent, when it turns ACTIVE, how often FAILED was heard)
    heap: list[tuple[float, int, str, float, float, int]] = []
    while done < DOCUMENTS and now < 3600:
        while waiting and way < patience.slots():
            waiting, way = waiting - 1, way + 1
            heapq.heappush(heap, (now + rng.uniform(0.3, 0.5), next(order), "lands", now, 0.0, 0))
        now, _, what, sent, active, heard = heapq.heappop(heap)
        if what == "lands":
            if pending < APPETITE:
                pending += 1
                ready = now + rng.uniform(1.5, 2.5)
                heapq.heappush(heap, (ready, next(order), "done", sent, ready, 0))
            else:
                late = now + rng.uniform(5, 20) if rng.random() < 0.5 else float("inf")
                heapq.heappush(heap, (now + 1.6, next(order), "asked", sent, late, 0))
        elif what == "done":
            pending, way, done = pending - 1, way - 1, done + 1
            patience.settled(sent, now, way + 1)
        elif active <= now:
            way, done = way - (heard == 0), done + 1
        else:
            if heard == 0:
                # What is FAILED is no longer on its way: while it is asked again, another may go.
                patience.failed(sent, now, way)
                way -= 1
            if heard + 1 < patience.asks():
                pause = min(10.0, max(0.05, 0.5 * (now - sent)))
                heapq.heappush(heap, (now + pause, next(order), "asked", sent, active, heard + 1))
            else:
                waiting += 1
                needless += active < float("inf")
    return Outcome(now, DOCUMENTS - done, needless)
