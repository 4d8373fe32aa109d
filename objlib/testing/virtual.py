"""Virtual time and a seeded scheduler: a whole run, with its waits and races, as a function of one seed.

Trio shuffles runnable tasks, so an inline runner and a MockClock alone do not make a run repeatable (30 runs
had 23 different orders). Trio's switch for that is private; a test pins its names.
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
"""Unix time at the start of every virtual run."""

_TRIO: Final = "trio._core._run"


def wall_clock() -> float:
    """Return Unix seconds that follow trio's clock: a ``now`` for the ledger and the service."""
    return EPOCH + trio.current_time()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed everything random in this process, the order of trio's tasks included.

    Two runs at once in one process would share the seeded state.
    """
    entropy = random.Random(f"entropy {seed}")
    state = random.getstate()
    with (
        mock.patch(f"{_TRIO}._ALLOW_DETERMINISTIC_SCHEDULING", new=True),
        mock.patch(f"{_TRIO}._r", new=random.Random(f"schedule {seed}")),
        mock.patch.object(os, "urandom", new=entropy.randbytes),
        mock.patch("random._urandom", new=entropy.randbytes),
        # The number of documents in an indexing batch must not depend on the load of this machine.
        mock.patch.object(worker, "INDEX_BATCH_SECONDS", new=float("inf")),
    ):
        random.seed(f"jitter {seed}")
        try:
            yield
        finally:
            random.setstate(state)


def run_virtual(main: Callable[[], Awaitable[T]], *, seed: int) -> T:
    """Run ``trio.run(main)`` in virtual time with everything random seeded.

    It runs in its own thread, since outside the main thread no run installs signal handlers; runs at once in one
    process would replace each other's.

    Raises:
        BaseException: raised by ``main``.
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
