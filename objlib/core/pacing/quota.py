"""A quota that a service could have: how it is written, and what it decides. Pure: time comes in as a number.

Written as words with commas between them: ``10/s`` (a bucket that is refilled all the time), ``150/min,window`` (so
many in each fixed minute), ``1500/day`` (a daily quota), ``16-at-once``; with ``charged`` refused requests count too,
with ``silent`` a refusal does not say when to come back, and with ``latency 0.4s`` every answer takes so much longer.

Several of them hold one after another as ``20/s for 60s, then 4/s``: each is written in full, the last one stays.
"""

import math
import re
from dataclasses import dataclass, field
from typing import Final

from objlib.core.errors import UsageError

UNITS: Final = {"s": 1.0, "min": 60.0, "h": 3600.0, "day": 86_400.0}
_NUMBER: Final = r"([0-9]{1,9}(?:\.[0-9]{1,9})?)"
_RATE: Final = re.compile(rf"{_NUMBER}/(s|min|h|day)")
_AT_ONCE: Final = re.compile(r"([0-9]{1,9})-at-once")
_LATENCY: Final = re.compile(rf"latency{_NUMBER}(s|min|h)")
_THEN: Final = re.compile(r",?\s+then\s+")
_FOR: Final = re.compile(rf"(.*\S)\s+for\s+{_NUMBER}\s*(s|min|h)")


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
        latency: seconds that an answer takes more than it has to.
        lasts: seconds after which ``then`` holds.
        then: the quota after this one; None if this one stays.
    """

    limit: float = math.inf
    seconds: float = 1.0
    window: bool = False
    charged: bool = False
    silent: bool = False
    at_once: int | None = None
    latency: float = 0.0
    lasts: float = math.inf
    then: "Quota | None" = None

    @property
    def daily(self) -> bool:
        """Whether it is counted by the day, which no short wait heals."""
        return self.seconds >= UNITS["day"]

    @property
    def bucket(self) -> bool:
        """Whether it is refilled all the time, and not anew in each fixed span."""
        return not (self.window or self.daily)

    @property
    def capacity(self) -> float:
        """What a bucket holds: one second of its refill, and two requests at least."""
        return max(2.0, self.limit / self.seconds) if self.bucket else self.limit


def parse_quota(text: str) -> Quota:
    """A quota from its words.

    Raises:
        UsageError: it cannot be read, or cannot be meant; says what to write instead.
    """
    *early, last = _THEN.split(text.strip().lower())
    quota = _words(last, {})
    for part in reversed(early):
        timed = _FOR.fullmatch(part)
        lasts = float(timed[2]) * UNITS[timed[3]] if timed else 0.0
        quota = _words(timed[1], {"lasts": lasts, "then": quota}) if timed and lasts and quota else None
    if quota is None:
        raise UsageError(
            f"--quota cannot be {text!r}; write it like 10/s, 150/min,window, 20/s,charged, 1500/day, 16-at-once, "
            "10/s,latency 0.4s or 20/s for 60s, then 4/s"
        )
    return quota


def _words(text: str, found: dict[str, float | Quota | bool]) -> Quota | None:
    """One of the quotas that hold one after another; None if it cannot be read."""
    for word in text.replace(" ", "").split(","):
        said: dict[str, float | Quota | bool]
        if rate := _RATE.fullmatch(word):
            said = {"limit": float(rate[1]), "seconds": UNITS[rate[2]]}
        elif cap := _AT_ONCE.fullmatch(word):
            said = {"at_once": int(cap[1])}
        elif slow := _LATENCY.fullmatch(word):
            said = {"latency": float(slow[1]) * UNITS[slow[2]]}
        elif word in {"window", "charged", "silent"}:
            said = {word: True}
        else:
            return None
        if said.keys() & found.keys():
            again = (
                f"{word} is said again; write one of a kind, or one after another like 20/s for 60s, then 4/s"
            )
            raise UsageError(f"--quota cannot be {text!r}: {again}")
        found |= said
    numbers = [found[name] for name in ("limit", "at_once", "latency") if name in found]
    if not numbers or not all(numbers):
        return None
    quota = Quota(**found)  # type: ignore[arg-type]
    if why := _misfit(quota):
        raise UsageError(f"--quota cannot be {text!r}: {why}")
    return quota


def _misfit(quota: Quota) -> str:
    """Why something that can be read cannot be meant, and what to write instead; empty if it can."""
    limited = math.isfinite(quota.limit)
    if (quota.window or quota.charged) and not limited:
        return "window and charged go with a rate; write them like 150/min,window or 20/s,charged"
    if quota.silent and not limited and quota.at_once is None:
        return "silent goes with what refuses; write it like 10/s,silent"
    if quota.capacity < 1:
        return (
            "a window or a day of less than one request lets none in; write at least 1/day, "
            "a longer window like 30/min,window, or 0.5/s, which is refilled all the time"
        )
    return ""


@dataclass(slots=True)
class Meter:
    """Counts requests against a quota. What is answered must be told with :meth:`done`.

    Attributes:
        quota: what holds now; where it is followed by others, its time runs from the first request.
    """

    quota: Quota
    _left: float = math.nan
    _at: float = 0.0
    _ends: float = math.nan
    _busy: int = field(default=0)

    def latency(self, now: float) -> float:
        """How many seconds more than it has to the answer to a request takes that comes at ``now``."""
        self._move_on(now)
        return self.quota.latency

    def refuse(self, now: float) -> float | None:
        """None if a request that comes at ``now`` is let in, else the seconds until one would be (0: unknown)."""
        self._move_on(now)
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

    def _move_on(self, now: float) -> None:
        """Go on to the quota that holds at ``now``; what a bucket has saved stays, as far as the next one holds it."""
        if math.isnan(self._ends):
            self._ends = now + self.quota.lasts
        while self.quota.then is not None and now >= self._ends:
            self._refill(self._ends)
            before, self.quota = self.quota, self.quota.then
            kept = self._left if before.bucket and self.quota.bucket else math.inf
            self._left = min(self.quota.capacity, kept)
            self._ends += self.quota.lasts

    def _refill(self, now: float) -> None:
        quota = self.quota
        new = not quota.bucket and now // quota.seconds > self._at // quota.seconds
        if new or math.isnan(self._left) or math.isinf(quota.limit):
            self._left = quota.capacity
        elif quota.bucket:
            self._left = min(quota.capacity, self._left + (now - self._at) * quota.limit / quota.seconds)
        self._at = now

    def _wait(self, now: float) -> float:
        quota = self.quota
        if not quota.bucket:
            return quota.seconds - now % quota.seconds
        return (1 - self._left) * quota.seconds / quota.limit
