"""Totals that only grow, of all runs on a ledger: for the counters and histograms of a monitor."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from typing import Final

LATENCIES: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds, in seconds, of the classes in which answers are counted: from a near server to one that is stuck."""
BEYOND: Final = "+Inf"
"""The class of what took longer than the last bound, as Prometheus writes it."""
_CLASSES: Final = (*map(str, LATENCIES), BEYOND)


class RunTotals:
    """Numbers by name and labels."""

    def __init__(self, numbers: Mapping[str, float] | None = None) -> None:
        self._numbers: defaultdict[str, float] = defaultdict(float)
        self.merge(numbers or {})

    def add(self, name: str, *labels: str, by: float = 1) -> None:
        """Raise the number of that name and these labels, neither of which has a space."""
        self._numbers[" ".join((name, *labels))] += by

    def observe(self, name: str, *labels: str, seconds: float) -> None:
        """Count a duration in its class, and add it to the sum of all."""
        self.add(name, *labels, _CLASSES[bisect_left(LATENCIES, seconds)])
        self.add(name, *labels, "sum", by=seconds)

    def merge(self, numbers: Mapping[str, float]) -> None:
        """Add other totals."""
        for key, number in numbers.items():
            self._numbers[key] += number

    @property
    def numbers(self) -> dict[str, float]:
        """The totals since they were taken last."""
        return dict(self._numbers)

    def take(self) -> dict[str, float]:
        """The totals since this was called last."""
        numbers, self._numbers = self._numbers, defaultdict(float)
        return dict(numbers)
