"""Paced AIMD: the simple controller, which a newcomer can read in five minutes.

The window of requests in flight grows a little with each success and is cut by each 429 or fault, once in a round
trip. Requests are spaced over the round trip. It follows any limit and holds none exactly: about 0.9 of a quota at 3 to
8 % refused, and random faults keep it slow (docs/governor.md has the figures).

Source: Chiu and Jain, Computer Networks and ISDN Systems 17 (1989); pacing as in Aggarwal, Savage and Anderson,
INFOCOM 2000.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

DECREASE: Final = 0.7
"""Share of the window that a cut leaves; CUBIC's (RFC 9438)."""
INCREASE: Final = 0.25
"""Requests by which the window grows in a round trip."""
SPACING: Final = 0.9
"""Share of the round trip over which a window is spaced."""
SHORTEST: Final = 0.001
"""Shortest duration (s) counted for a request; keeps divisions finite."""


@dataclass(frozen=True, slots=True)
class PacedAimd:
    """See :class:`objlib.core.pacing.controller.Controller`.

    Attributes:
        ceiling: requests in flight at most.
        window: requests in flight allowed, a fraction included.
        rtt: smoothed seconds per request; 0 before the first answer.
        slow_start: whether no limit was met yet, so that the window grows by half in a round trip.
        cut_at: when the window was last cut.
        last_departure: when the last request started.
        gate: no request may start before this time.
    """

    ceiling: int
    window: float = 4.0
    rtt: float = 0.0
    slow_start: bool = True
    cut_at: float = -math.inf
    last_departure: float = -math.inf
    gate: float = -math.inf

    @property
    def rate(self) -> float | None:
        """See :class:`Controller`."""
        return None if self.slow_start or not self.rtt else self.window / self.rtt

    @property
    def send_rate(self) -> float | None:
        """See :class:`Controller`."""
        return self.rate

    @property
    def achieved_rate(self) -> float | None:
        """See :class:`Controller`."""
        return self.rate

    def tokens(self, now: float) -> int:
        """See :class:`Controller`."""
        return 0 if now < self.gate else max(1, min(self.ceiling, math.ceil(self.window)))

    def departure(self, now: float) -> float:
        """See :class:`Controller`."""
        return max(now, self.gate, self.last_departure + SPACING * self.rtt / self.window)

    def departed(self, now: float) -> "PacedAimd":
        """See :class:`Controller`."""
        return replace(self, last_departure=now)

    def succeeded(self, *, started: float, now: float, in_use: int) -> "PacedAimd":
        """See :class:`Controller`. The window grows only while it is in use."""
        took = max(SHORTEST, now - started)
        rtt = 0.9 * self.rtt + 0.1 * took if self.rtt else took
        if in_use < math.floor(self.window):
            return replace(self, rtt=rtt)
        growth = 0.5 if self.slow_start else INCREASE / self.window
        return replace(self, rtt=rtt, window=min(float(self.ceiling), self.window + growth))

    def throttled(self, *, started: float, now: float, retry_after: float | None, in_use: int) -> "PacedAimd":
        """See :class:`Controller`."""
        return replace(self._cut(started, now), gate=max(self.gate, now + (retry_after or 0.0)))

    def failed(self, *, started: float, now: float, in_use: int) -> "PacedAimd":
        """See :class:`Controller`."""
        return self._cut(started, now)

    def shared(self, rates: Sequence[float], now: float) -> "PacedAimd":
        """See :class:`Controller`."""
        if not self.rtt or sum(rates) <= 0:
            return self
        window = max(0.1, sum(rates) / len(rates) * self.rtt)
        return replace(self, window=min(float(self.ceiling), window), slow_start=False)

    def _cut(self, started: float, now: float) -> "PacedAimd":
        """Cut the window, unless the request started before the last cut."""
        if started <= self.cut_at:
            return self
        rtt = self.rtt or max(SHORTEST, now - started)
        return replace(self, rtt=rtt, window=max(0.1, DECREASE * self.window), cut_at=now, slow_start=False)
