"""Rules to compare: three in common use, the best of those that were tried before ours, and ours.

Each is small and true to its source where the numbers come from; where a source leaves something open, the choice
that is kinder to the rule is taken.
"""

import heapq
import math
import random
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from objlib.core.ids import RunId
from objlib.core.pacing import exchange
from objlib.core.pacing.measured import MeasuredController, measured
from objlib.engine.requests.governor import REQUEST_RATE
from objlib.engine.runs import HEARTBEAT
from objlib.ledger.dialects.sqlite import SQLiteConnection
from objlib.ledger.rates import RateTable

from .servers import Outcome
from .simulate import Meeting


class Fixed:
    """Fixed workers, each of which retries with exponential backoff and full jitter: what SDK users write.

    A worker that backs off keeps its place, as it does around an SDK call. Waits are `min(60, 2**(tries - 1))` times a
    random number, as ``tenacity.wait_random_exponential`` has it; no Retry-After is read.
    """

    LONGEST = 60.0

    def __init__(self, workers: int, seed: int) -> None:
        self.workers = workers
        self.random = random.Random(seed)
        self.waiting: list[tuple[float, int]] = []

    def ready(self, now: float, in_flight: int) -> float:
        """A free worker starts at once, one that backs off when its time has come."""
        if in_flight + len(self.waiting) < self.workers:
            return now
        return self.waiting[0][0] if self.waiting else math.inf

    def sent(self, now: float) -> int:
        """The retry that is due first, else a new item."""
        if self.waiting and self.waiting[0][0] <= now:
            return heapq.heappop(self.waiting)[1] + 1
        return 1

    def answered(self, now: float, started: float, tries: int, outcome: Outcome, wait: float | None) -> None:
        """Back off after a refusal."""
        if outcome is not Outcome.PASSED:
            pause = self.random.random() * min(self.LONGEST, 2.0 ** min(tries - 1, 10))
            heapq.heappush(self.waiting, (now + pause, tries))


class Netflix:
    """AIMD on concurrency: `concurrency-limits`, class ``AIMDLimit`` (+1 for a success near the limit, x0.9)."""

    def __init__(self, ceiling: int) -> None:
        self.ceiling = ceiling
        self.limit = min(20, ceiling)
        self.in_flight = 0

    def ready(self, now: float, in_flight: int) -> float:
        """At once while there is room."""
        self.in_flight = in_flight
        return now if in_flight < self.limit else math.inf

    def sent(self, now: float) -> int:
        """Nothing to note."""
        return 1

    def answered(self, now: float, started: float, tries: int, outcome: Outcome, wait: float | None) -> None:
        """Grow by one, or shrink by a tenth."""
        if outcome is not Outcome.PASSED:
            self.limit = max(1, int(self.limit * 0.9))
        elif self.in_flight * 2 >= self.limit:
            self.limit = min(self.ceiling, self.limit + 1)


class Botocore(Fixed):
    """Retry mode "adaptive" of botocore: CUBIC on a rate, over the fixed workers with backoff.

    Constants and formulas from ``botocore/retries/{adaptive,throttling,bucket}.py``.
    """

    LONGEST = 20.0
    BETA, SCALE, SMOOTH, SLICE = 0.7, 0.4, 0.8, 0.5

    def __init__(self, workers: int, seed: int) -> None:
        super().__init__(workers, seed)
        self.enabled = False
        self.rate = math.inf
        self.measured, self.sliced, self.slice = 0.0, 0, 0.0
        self.top, self.window, self.throttled_at = 0.0, 0.0, 0.0
        self.tokens, self.filled = 0.0, 0.0

    def ready(self, now: float, in_flight: int) -> float:
        """As fixed workers, and not before the bucket holds a token."""
        at = super().ready(now, in_flight)
        if not self.enabled or math.isinf(at):
            return at
        self.tokens = min(max(1.0, self.rate), self.tokens + (now - self.filled) * self.rate)
        self.filled = now
        return at if self.tokens >= 1 - 1e-9 else max(at, now + (1 - self.tokens) / self.rate)

    def sent(self, now: float) -> int:
        """Take a token."""
        self.tokens -= self.enabled
        return super().sent(now)

    def answered(self, now: float, started: float, tries: int, outcome: Outcome, wait: float | None) -> None:
        """Follow the cubic curve; cut by 0.7 at each throttle."""
        super().answered(now, started, tries, outcome, wait)
        self.sliced += 1
        bucket = math.floor(now / self.SLICE) * self.SLICE
        if bucket > self.slice:
            self.measured = self.sliced / (bucket - self.slice) * self.SMOOTH + self.measured * (
                1 - self.SMOOTH
            )
            self.sliced, self.slice = 0, bucket
        if outcome is not Outcome.THROTTLED:
            span = now - self.throttled_at
            rate = self.SCALE * (span - self.window) ** 3 + self.top
        else:
            base = min(self.measured, self.rate) if self.enabled else self.measured
            self.top, self.throttled_at = base, now
            self.window = (base * (1 - self.BETA) / self.SCALE) ** (1 / 3)
            rate, self.enabled = base * self.BETA, True
        if self.enabled:
            self.rate = max(0.5, min(rate, 2 * self.measured))


class Paced:
    """AIMD on a window that is no whole number, with departures spaced and one gate for everyone.

    It was the best of twelve rules on the servers of :mod:`.heldout`: tokens are the window's ceiling, departures
    0.9 round trips / window apart; a success with the window in use adds min(0.25 / window, 0.015 window), before the
    first throttling 0.5; a throttling leaves 0.7 of it, once in 1.25 round trips.
    """

    def __init__(self, ceiling: int) -> None:
        self.ceiling = ceiling
        self.window, self.rtt, self.slow = 4.0, 0.0, True
        self.gate = self.cut_at = self.last = -math.inf
        self.in_flight = 0

    def ready(self, now: float, in_flight: int) -> float:
        """When there is room, outside the gate, and at the distance."""
        self.in_flight = in_flight
        if in_flight >= math.ceil(self.window):
            return math.inf
        return max(now, self.gate, self.last + 0.9 * self.rtt / self.window)

    def sent(self, now: float) -> int:
        """Note the departure."""
        self.last = now
        return 1

    def answered(self, now: float, started: float, tries: int, outcome: Outcome, wait: float | None) -> None:
        """Grow a little, or cut once."""
        took = now - started
        self.rtt = 0.9 * self.rtt + 0.1 * took if self.rtt else took
        if outcome is Outcome.PASSED:
            if self.in_flight + 1 >= math.floor(self.window):
                grown = 0.5 if self.slow else min(0.25 / self.window, 0.015 * self.window)
                self.window = min(float(self.ceiling), self.window + grown)
            return
        if outcome is Outcome.THROTTLED:
            self.gate = max(self.gate, now + (wait or 0.0))
        if now > self.cut_at + 1.25 * self.rtt:
            self.window, self.cut_at, self.slow = 0.7 * self.window, now, False


class Ours:
    """:class:`objlib.core.pacing.measured.MeasuredController`, driven as the governor drives it."""

    def __init__(self, ceiling: int) -> None:
        self.control: MeasuredController = measured(ceiling)
        self.begun = False

    def rates(self) -> dict[str, float]:
        """Return the learnt rates, as the ledger keeps them."""
        return {REQUEST_RATE: self.control.pace.rate} if self.control.pace.limited else {}

    def share(self, rates: Sequence[float], now: float) -> None:
        """Take an equal share."""
        self.control = self.control.shared(rates, now)

    def ready(self, now: float, in_flight: int) -> float:
        """When there is a token, and the turn has come."""
        self.in_flight, self.begun = in_flight, True
        at = self.control.departure(now)
        return at if at > now or in_flight < self.control.tokens(now) else math.inf

    def sent(self, now: float) -> int:
        """Note the departure."""
        self.control = self.control.departed(now)
        return 1

    def answered(self, now: float, started: float, tries: int, outcome: Outcome, wait: float | None) -> None:
        """Learn."""
        if outcome is Outcome.PASSED:
            self.control = self.control.succeeded(started=started, now=now, in_use=self.in_flight)
        elif outcome is Outcome.THROTTLED:
            self.control = self.control.throttled(
                started=started, now=now, retry_after=wait, in_use=self.in_flight
            )
        else:
            self.control = self.control.failed(started=started, now=now, in_use=self.in_flight)


@contextmanager
def one_ledger() -> Iterator[Meeting]:
    """Let processes share rates when each is due, one after the other, in a ledger that holds nothing else."""
    due: dict[int, tuple[float, float]] = {}
    with closing(sqlite3.connect(":memory:", factory=SQLiteConnection)) as ledger:
        ledger.execute("CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT)")
        last_shares: dict[int, dict[str, float]] = {}

        def meet(now: float, strategies: Sequence[object]) -> None:
            for index, each in enumerate(strategies):
                at, wait = due.setdefault(index, (0.0, exchange.FIRST))
                if isinstance(each, Ours) and each.begun and now >= at:
                    before = each.control.rate
                    name, rates = RunId(f"run-{index}"), each.rates()
                    parts = RateTable.exchange(
                        ledger, now, name, rates=rates, last_share=last_shares.get(index)
                    )
                    each.share([part.get(REQUEST_RATE, 0.0) for part in parts], now)
                    last_shares[index] = each.rates()
                    wait = exchange.next_exchange(wait, before, each.control.rate, longest=HEARTBEAT)
                    due[index] = now + wait, wait

        yield meet
