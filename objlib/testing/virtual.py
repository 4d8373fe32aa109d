"""Virtual time and a seeded scheduler: a whole run, its waits and its races, as a function of one number.

Trio shuffles the tasks that may run, so an inline runner and a MockClock alone do not make a run repeatable
(23 different orders in 30 runs were counted). Trio's own switch for that is private; a test pins its names.
"""

import os
import random
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar
from unittest import mock

import outcome
import trio
import trio.testing

from objlib.embedded import worker

T = TypeVar("T")

EPOCH: Final = 1_800_000_000.0
"""Unix time at which every virtual run begins."""

_TRIO: Final = "trio._core._run"


def wall_clock() -> float:
    """Unix seconds that pass as trio's clock does; a ``now`` for ledger and service alike."""
    return EPOCH + trio.current_time()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Whatever is random in this process, the order of trio's tasks among it, follows ``seed``.

    Not for two runs at once in one process: what it seeds is shared.
    """
    entropy = random.Random(f"entropy {seed}")
    kept = random.getstate()
    with (
        mock.patch(f"{_TRIO}._ALLOW_DETERMINISTIC_SCHEDULING", new=True),
        mock.patch(f"{_TRIO}._r", new=random.Random(f"schedule {seed}")),
        mock.patch.object(os, "urandom", new=entropy.randbytes),
        mock.patch("random._urandom", new=entropy.randbytes),
        # How many documents the service indexes at once must not depend on how busy this machine is.
        mock.patch.object(worker, "BATCH_SECONDS", new=float("inf")),
    ):
        random.seed(f"jitter {seed}")
        try:
            yield
        finally:
            random.setstate(kept)


def run_virtual(main: Callable[[], Awaitable[T]], *, seed: int) -> T:
    """``trio.run(main)`` in virtual time with everything random seeded.

    It runs in a thread of its own: outside the main thread no run listens for signals, of which several at
    once in one process would take each other's handlers.

    Raises:
        BaseException: whatever ``main`` raises.
    """
    results: list[outcome.Outcome[T]] = []

    def work() -> None:
        results.append(outcome.capture(play))

    def play() -> T:
        with seeded(seed):
            return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))

    thread = threading.Thread(target=work, name=f"seed {seed}")
    thread.start()
    thread.join()
    return results[0].unwrap()
