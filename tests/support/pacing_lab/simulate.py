"""Clients with more work than they may send, and a server: one heap of events."""

import heapq
import itertools
import math
import random
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from .servers import Outcome, Server


class Strategy(Protocol):
    """When a client sends. One for each process."""

    def ready(self, now: float, in_flight: int) -> float:
        """The earliest time of the next request; infinity when only an answer can change that."""

    def sent(self, now: float) -> int:
        """A request starts; returns which try of its item it is, from 1."""

    def answered(self, now: float, started: float, tries: int, outcome: Outcome, wait: float | None) -> None:
        """The answer to a request came; ``wait`` are the seconds that it asks for."""


@dataclass(slots=True)
class Trace:
    """Times of arrival at the server.

    Attributes:
        served: admitted requests.
        refused: refused ones, with 429 or because the service was overloaded.
        broken: those that failed at random.
        by: admitted requests of each client.
        gated: requests that started while their client knew that it must wait.
    """

    served: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    broken: list[float] = field(default_factory=list)
    by: list[list[float]] = field(default_factory=list)
    gated: int = 0

    def wasted(self, begin: float = 0.0, end: float = math.inf) -> float:
        """Share of the requests of that time that was refused."""
        bad = _within(self.refused, begin, end)
        good = _within(self.served, begin, end) + _within(self.broken, begin, end)
        return bad / max(1, bad + good)

    def count(self, begin: float, end: float) -> int:
        """How many were admitted in that time."""
        return _within(self.served, begin, end)


def _within(times: Sequence[float], begin: float, end: float) -> int:
    """Count the ascending times from ``begin`` to ``end``."""
    return bisect_left(times, end) - bisect_left(times, begin)


@dataclass(slots=True)
class _Client:
    strategy: Strategy
    in_flight: int = 0
    wake: float = math.inf
    closed: float = -math.inf


ARRIVES, ANSWERS, WAKES, MEETS = range(4)


class Meeting(Protocol):
    """The exchange of processes on one ledger."""

    def __call__(self, now: float, strategies: Sequence[Strategy]) -> None:
        """Exchange."""


def run(
    server: Server,
    strategies: Sequence[Strategy],
    *,
    seconds: float,
    latency: float,
    seed: int,
    starts: Sequence[float] = (),
    meeting: Meeting | None = None,
    every: float = 0.25,
    jitter: float = 0.1,
) -> Trace:
    """Let clients with endless work at a server.

    Args:
        server: decides when a request arrives, half its latency after it started.
        strategies: one for each client.
        seconds: how long.
        latency: median seconds of a request; each takes ``latency * exp(jitter * N(0, 1))``.
        seed: of the latencies.
        starts: when each client begins, else at 0.
        meeting: called every ``every`` seconds.
    """
    rng, order, trace = random.Random(seed), itertools.count(), Trace(by=[[] for _ in strategies])
    clients = [_Client(strategy) for strategy in strategies]
    heap: list[tuple[float, int, int, int, float, float, int, Outcome, float | None]] = []
    passed = Outcome.PASSED
    lists = {
        passed: trace.served,
        Outcome.THROTTLED: trace.refused,
        Outcome.OVERLOADED: trace.refused,
        Outcome.BROKEN: trace.broken,
    }
    push, pop, gauss, exp = heapq.heappush, heapq.heappop, rng.gauss, math.exp
    for index in range(len(clients)):
        at = starts[index] if starts else 0.0
        push(heap, (at, next(order), WAKES, index, 0.0, 0.0, 0, passed, None))
    if meeting is not None:
        push(heap, (every, next(order), MEETS, 0, 0.0, 0.0, 0, passed, None))
    while heap:
        now, _, kind, index, started, took, tries, outcome, wait = pop(heap)
        if now >= seconds:
            break
        client = clients[index]
        if kind == ARRIVES:
            outcome, wait = server.ask(now)
            lists[outcome].append(now)
            if outcome is passed:
                trace.by[index].append(now)
            push(heap, (started + took, next(order), ANSWERS, index, started, took, tries, outcome, wait))
            continue
        if kind == ANSWERS:
            client.in_flight -= 1
            client.strategy.answered(now, started, tries, outcome, wait)
            if wait is not None and outcome is Outcome.THROTTLED:
                client.closed = max(client.closed, now + wait)
        elif kind == MEETS and meeting is not None:
            meeting(now, strategies)
            push(heap, (now + every, next(order), MEETS, 0, 0.0, 0.0, 0, passed, None))
        elif now >= client.wake:
            client.wake = math.inf
        while (ready := client.strategy.ready(now, client.in_flight)) <= now:
            tries = client.strategy.sent(now)
            client.in_flight += 1
            trace.gated += now < client.closed
            took = latency * exp(jitter * gauss(0, 1))
            push(heap, (now + took / 2, next(order), ARRIVES, index, now, took, tries, passed, None))
        if ready < client.wake:
            client.wake = ready
            push(heap, (ready, next(order), WAKES, index, 0.0, 0.0, 0, passed, None))
    return trace
