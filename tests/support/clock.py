"""A clock for tests."""

from dataclasses import dataclass


@dataclass
class Clock:
    """Unix seconds that stand still unless a test moves them."""

    time: float = 1_000.0

    def __call__(self) -> float:
        return self.time
