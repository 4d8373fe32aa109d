"""Quotas of a simulated service: notation and decision. Pure: the time is a parameter.

A quota is written as words with commas between them: ``10/s`` (a token bucket), ``150/min,window`` (150
in each fixed minute), ``1500/day`` (a daily quota), ``16-at-once``; with ``charged`` refused requests count too,
with ``silent`` a refusal has no Retry-After, and with ``latency 0.4s`` every answer takes 0.4 s longer.

Several quotas hold one after another as ``20/s for 60s, then 4/s``: each is written in full, and the last one stays.
"""

import math
import re
from dataclasses import dataclass, field
from typing import Any, Final

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
    """A quota of a service.

    Attributes:
        limit: requests in ``seconds``; infinity for no limit.
        seconds: the span of ``limit``.
        window: whether the service counts in fixed windows of ``seconds`` instead of a token bucket.
        charged: whether refused requests count too.
        silent: whether refusals have no Retry-After.
        at_once: requests in flight allowed; None for no limit.
        latency: extra seconds of every answer.
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
        """Whether it is counted by the day, so that no short wait helps."""
        return self.seconds >= UNITS["day"]

    @property
    def bucket(self) -> bool:
        """Whether it is a token bucket rather than a fixed window."""
        return not (self.window or self.daily)

    @property
    def capacity(self) -> float:
        """Requests that the bucket holds: one second of its refill, and two at least."""
        return max(2.0, self.limit / self.seconds) if self.bucket else self.limit


def parse_quota(text: str) -> Quota:
    """Parse a quota.

    Raises:
        UsageError: the text cannot be parsed or contradicts itself; the message says what to write instead.
    """
    *earlier, last = _THEN.split(text.strip().lower())
    quota = _parse_one(last, {})
    for part in reversed(earlier):
        timed = _FOR.fullmatch(part)
        lasts = float(timed[2]) * UNITS[timed[3]] if timed else 0.0
        quota = _parse_one(timed[1], {"lasts": lasts, "then": quota}) if timed and lasts and quota else None
    if quota is None:
        raise UsageError(
            f"--quota cannot be {text!r}; write it like 10/s, 150/min,window, 20/s,charged, 1500/day, 16-at-once, "
            "10/s,latency 0.4s or 20/s for 60s, then 4/s"
        )
    return quota


def _parse_one(text: str, fields: dict[str, Any]) -> Quota | None:
    """Parse one of the quotas that hold one after another; None if it cannot be parsed."""
    for word in text.replace(" ", "").split(","):
        parsed: dict[str, Any]
        if rate := _RATE.fullmatch(word):
            parsed = {"limit": float(rate[1]), "seconds": UNITS[rate[2]]}
        elif cap := _AT_ONCE.fullmatch(word):
            parsed = {"at_once": int(cap[1])}
        elif slow := _LATENCY.fullmatch(word):
            parsed = {"latency": float(slow[1]) * UNITS[slow[2]]}
        elif word in {"window", "charged", "silent"}:
            parsed = {word: True}
        else:
            return None
        if parsed.keys() & fields.keys():
            again = (
                f"{word} is said again; write one of a kind, or one after another like 20/s for 60s, then 4/s"
            )
            raise UsageError(f"--quota cannot be {text!r}: {again}")
        fields |= parsed
    numbers = [fields[name] for name in ("limit", "at_once", "latency") if name in fields]
    if not numbers or not all(numbers):
        return None
    quota = Quota(**fields)
    if reason := _contradiction(quota):
        raise UsageError(f"--quota cannot be {text!r}: {reason}")
    return quota


def _contradiction(quota: Quota) -> str:
    """Explain why a parsed quota makes no sense and what to write instead; empty if it does."""
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
    """Counts requests against a quota; the caller reports each answer with :meth:`done`.

    Attributes:
        quota: the quota that holds now; the time of a sequence runs from the first request.
    """

    quota: Quota
    _level: float = math.nan
    _updated_at: float = 0.0
    _ends_at: float = math.nan
    _in_flight: int = field(default=0)

    def latency(self, now: float) -> float:
        """Extra latency (s) of a request arriving at ``now``."""
        self._move_on(now)
        return self.quota.latency

    def refuse(self, now: float) -> float | None:
        """None if a request arriving at ``now`` is admitted, else seconds until one would be (0: unknown)."""
        self._move_on(now)
        quota = self.quota
        if quota.at_once is not None and self._in_flight >= quota.at_once:
            return 0.0
        self._refill(now)
        if self._level < 1:
            if quota.charged:
                self._level = max(-quota.capacity, self._level - 1)
            return self._wait(now)
        self._level -= 1
        self._in_flight += 1
        return None

    def done(self) -> None:
        """Record that an admitted request is answered."""
        self._in_flight -= 1

    def _move_on(self, now: float) -> None:
        """Switch to the quota that holds at ``now``; a bucket keeps its level, up to the next one's capacity."""
        if math.isnan(self._ends_at):
            self._ends_at = now + self.quota.lasts
        while self.quota.then is not None and now >= self._ends_at:
            self._refill(self._ends_at)
            before, self.quota = self.quota, self.quota.then
            level = self._level if before.bucket and self.quota.bucket else math.inf
            self._level = min(self.quota.capacity, level)
            self._ends_at += self.quota.lasts

    def _refill(self, now: float) -> None:
        quota = self.quota
        new = not quota.bucket and now // quota.seconds > self._updated_at // quota.seconds
        if new or math.isnan(self._level) or math.isinf(quota.limit):
            self._level = quota.capacity
        elif quota.bucket:
            self._level = min(
                quota.capacity, self._level + (now - self._updated_at) * quota.limit / quota.seconds
            )
        self._updated_at = now

    def _wait(self, now: float) -> float:
        quota = self.quota
        if not quota.bucket:
            return quota.seconds - now % quota.seconds
        return (1 - self._level) * quota.seconds / quota.limit
