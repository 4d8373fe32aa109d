"""Simulated services: each decides about one request at a time, by the clock alone.

Rates are pieces of constants over time, so that what a service allowed in all can be added up exactly.
"""

import math
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

Steps = tuple[tuple[float, float], ...]
"""(start, requests per second) pairs; the first starts at 0."""


def rate_at(steps: Steps, now: float) -> float:
    """Look up the rate that is allowed at ``now``, in requests per second."""
    return next(rate for begin, rate in reversed(steps) if begin <= now)


def total(steps: Steps, begin: float, end: float) -> float:
    """How many requests are allowed from ``begin`` to ``end``."""
    ends = [at for at, _ in steps[1:]] + [math.inf]
    return sum(
        max(0.0, min(end, until) - max(begin, at)) * rate
        for (at, rate), until in zip(steps, ends, strict=True)
    )


class Outcome(Enum):
    """Outcome of a request."""

    PASSED = "admitted"
    THROTTLED = "refused with 429"
    OVERLOADED = "refused with a server error, since the service is overloaded"
    BROKEN = "a server error or a broken connection, at random"

    @property
    def fault(self) -> bool:
        """Whether a client sees a server error or a broken connection; it cannot tell the two apart."""
        return self in {Outcome.OVERLOADED, Outcome.BROKEN}


Decision = tuple[Outcome, float | None]
"""An outcome, and the seconds after which to come back where the service gives them."""


class Server(Protocol):
    """A service that may refuse or break requests."""

    def ask(self, now: float) -> Decision:
        """Decide about a request that arrives."""

    def allowed(self, begin: float, end: float) -> float:
        """How many requests a perfect client could have had admitted in that time."""


@dataclass
class Bucket:
    """A token bucket.

    Attributes:
        steps: refill over time.
        burst: capacity in seconds of refill.
        least: and in requests at least.
        hint: whether a refusal says when to come back.
        whole: whether it says so in whole seconds, as Retry-After does.
        charge: whether a refused request counts against the quota too, down to an empty bucket's debt.
        full: share of its capacity that it holds at the start.
    """

    steps: Steps
    burst: float = 1.0
    least: float = 2.0
    hint: bool = True
    whole: bool = True
    charge: bool = False
    full: float = 1.0
    level: float = field(default=math.nan, init=False)
    at: float = field(default=0.0, init=False)

    def capacity(self, now: float) -> float:
        """How many tokens it holds at most."""
        return max(self.least, rate_at(self.steps, now) * self.burst)

    def ask(self, now: float) -> Decision:
        """See :class:`Server`."""
        rate, most = rate_at(self.steps, now), self.capacity(now)
        self.level = (
            self.full * most
            if math.isnan(self.level)
            else min(most, self.level + total(self.steps, self.at, now))
        )
        self.at = now
        if self.level >= 1:
            self.level -= 1
            return Outcome.PASSED, None
        if self.charge:
            self.level = max(-most, self.level - 1)
        wait = (1 - self.level) / rate
        return Outcome.THROTTLED, (math.ceil(wait) if self.whole else wait) if self.hint else None

    def allowed(self, begin: float, end: float) -> float:
        """See :class:`Server`; the bucket is full at the very beginning."""
        return total(self.steps, begin, end) + (self.full * self.capacity(0) if begin <= 0 else 0)


@dataclass
class Window:
    """A limit in each fixed window of time, which begins on the clock and not with the first request."""

    limit: int
    seconds: float = 60.0
    hint: bool = True
    phase: float = 0.0
    index: int = field(default=-1, init=False)
    used: int = field(default=0, init=False)

    def ask(self, now: float) -> Decision:
        """See :class:`Server`."""
        index = int((now + self.phase) // self.seconds)
        if index != self.index:
            self.index, self.used = index, 0
        if self.used < self.limit:
            self.used += 1
            return Outcome.PASSED, None
        return Outcome.THROTTLED, math.ceil(
            (index + 1) * self.seconds - self.phase - now
        ) if self.hint else None

    def allowed(self, begin: float, end: float) -> float:
        """See :class:`Server`: all of every window that is touched, but the last only as far as it got."""
        last = (end + self.phase) % self.seconds / self.seconds
        windows = int((end + self.phase) // self.seconds) - int((begin + self.phase) // self.seconds)
        return self.limit * (windows + last)


@dataclass
class Open:
    """No quota at all."""

    def ask(self, now: float) -> Decision:
        """See :class:`Server`."""
        return Outcome.PASSED, None

    def allowed(self, begin: float, end: float) -> float:
        """See :class:`Server`."""
        return math.inf
