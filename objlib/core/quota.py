"""A quota that a service could have: how it is written, and what it decides. Pure: time comes in as a number.

Written as words with commas between them: ``10/s`` (a bucket that is refilled all the time), ``150/min,window`` (so
many in each fixed minute), ``1500/day`` (a daily quota), ``16-at-once``; with ``charged`` refused requests count too,
and with ``silent`` a refusal does not say when to come back.
"""

import math
import re
from dataclasses import dataclass, field
from typing import Final

from objlib.core.errors import UsageError

UNITS: Final = {"s": 1.0, "min": 60.0, "h": 3600.0, "day": 86_400.0}
_RATE: Final = re.compile(r"(\d+(?:\.\d+)?)/(s|min|h|day)")
_AT_ONCE: Final = re.compile(r"(\d+)-at-once")


@dataclass(frozen=True, slots=True)
class Quota:
    """What a service allows.

    Attributes:
        limit: requests in ``seconds``; infinity for no limit.
        seconds: the span it is for.
        window: whether it is counted in fixed spans rather than refilled all the time.
        charged: whether refused requests count too.
        silent: whether refusals say nothing about when to come back.
        at_once: requests being answered at the same time; None for no limit.
    """

    limit: float = math.inf
    seconds: float = 1.0
    window: bool = False
    charged: bool = False
    silent: bool = False
    at_once: int | None = None

    @property
    def daily(self) -> bool:
        """Whether it is counted by the day, which no short wait heals."""
        return self.seconds >= UNITS["day"]

    @property
    def capacity(self) -> float:
        """What a bucket holds: one second of its refill, and two requests at least."""
        return self.limit if self.window or self.daily else max(2.0, self.limit / self.seconds)


def parse_quota(text: str) -> Quota:
    """A quota from its words.

    Raises:
        UsageError: it cannot be read; says how quotas are written.
    """
    found: dict[str, float | int | bool] = {}
    for word in text.lower().replace(" ", "").split(","):
        if rate := _RATE.fullmatch(word):
            found |= {"limit": float(rate[1]), "seconds": UNITS[rate[2]]}
        elif cap := _AT_ONCE.fullmatch(word):
            found["at_once"] = int(cap[1])
        elif word in {"window", "charged", "silent"}:
            found[word] = True
        else:
            found = {}
            break
    if found.get("limit", 1) == 0 or found.get("at_once", 1) == 0 or not {"limit", "at_once"} & found.keys():
        raise UsageError(
            f"--quota cannot be {text!r}; write it like 10/s, 150/min,window, 20/s,charged, 1500/day or 16-at-once"
        )
    return Quota(**found)  # type: ignore[arg-type]


@dataclass(slots=True)
class Meter:
    """Counts requests against a quota. What is answered must be told with :meth:`done`."""

    quota: Quota
    _left: float = math.nan
    _at: float = 0.0
    _busy: int = field(default=0)

    def refuse(self, now: float) -> float | None:
        """None if a request that comes at ``now`` is let in, else the seconds until one would be (0: unknown)."""
        quota = self.quota
        if quota.at_once is not None and self._busy >= quota.at_once:
            return 0.0
        self._refill(now)
        if self._left < 1:
            if quota.charged:
                self._left = max(-quota.capacity, self._left - 1)
            return self._wait(now)
        self._left -= 1
        self._busy += 1
        return None

    def done(self) -> None:
        """A request that was let in is answered."""
        self._busy -= 1

    def _refill(self, now: float) -> None:
        quota = self.quota
        fixed = quota.window or quota.daily
        if math.isnan(self._left) or (fixed and now // quota.seconds > self._at // quota.seconds):
            self._left = quota.capacity
        elif not fixed:
            self._left = min(quota.capacity, self._left + (now - self._at) * quota.limit / quota.seconds)
        self._at = now

    def _wait(self, now: float) -> float:
        quota = self.quota
        if quota.window or quota.daily:
            return quota.seconds - now % quota.seconds
        return (1 - self._left) * quota.seconds / quota.limit
