"""The rate controller as the governor sees it. Arithmetic only: the time is a parameter.

A controller is a value: each event gives the controller that follows. All times are seconds of one clock.
"""

from collections.abc import Sequence
from typing import Protocol, Self


class Controller(Protocol):
    """Decides when requests may start, and how many may be in flight."""

    @property
    def rate(self) -> float | None:
        """Requests per second that the service admits; None while no limit is known."""

    @property
    def send_rate(self) -> float | None:
        """Requests per second that start now or when the gate opens; None while no limit is known."""

    @property
    def achieved_rate(self) -> float | None:
        """The rate, or the achieved throughput of an unfinished ramp if that is higher."""

    @property
    def gate(self) -> float:
        """No request may start before this time."""

    def tokens(self, now: float) -> int:
        """Requests that may be in flight: none while the gate is closed, else at least one."""

    def departure(self, now: float) -> float:
        """Earliest time at which the next request may start."""

    def departed(self, now: float) -> Self:
        """Record that a request starts."""

    def succeeded(self, *, started: float, now: float, in_use: int) -> Self:
        """Record an answer to a request that started at ``started``, with ``in_use`` tokens borrowed."""

    def throttled(self, *, started: float, now: float, retry_after: float | None, in_use: int) -> Self:
        """Record a 429; ``retry_after`` is the hint (s), None without one. It closes the gate."""

    def failed(self, *, started: float, now: float, in_use: int) -> Self:
        """Record a server error or a connection that broke under the request."""

    def shared(self, rates: Sequence[float], now: float) -> Self:
        """Take an equal share of the quota, given the rate of each process; 0 where one knows no limit."""
