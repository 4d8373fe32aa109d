"""The governor: how many requests may be in flight, and how fast they may start.

It owns a `trio.CapacityLimiter` for each kind of request and resizes it while work is in flight. The
arithmetic is in :mod:`objlib.core.pacing`; here are only the clock, the limiters and one task, which opens
the gate again after a pause. A Retry-After closes the gate of every budget: zero tokens parks everyone.
"""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

import trio

from objlib.core import pacing
from objlib.core.observe import Observer, Pressure
from objlib.gemini import GeminiError, Kind

PUSH_BACK: Final = frozenset({Kind.RATE_LIMIT, Kind.DAILY_QUOTA, Kind.STORE_FULL})
"""Answers that say "slow down" (the last two also end the run, elsewhere)."""


class Purpose(StrEnum):
    """What a request is for; each has a budget of its own, so that polling cannot starve uploading."""

    UPLOAD = "upload"
    POLL = "poll"
    LIST = "list"
    DELETE = "delete"
    ASK = "ask"


CEILINGS: Final = {Purpose.POLL: 16, Purpose.LIST: 2, Purpose.DELETE: 4, Purpose.ASK: 4}
START: Final = 4.0


@dataclass(slots=True)
class Budget:
    """One kind of request: a sack of tokens and a pace."""

    pace: pacing.Pace
    limiter: trio.CapacityLimiter = field(init=False)

    def __post_init__(self) -> None:
        self.limiter = trio.CapacityLimiter(pacing.tokens(self.pace, -math.inf))


class Governor:
    """Admits requests. Open it with :func:`open_governor`.

    Attributes:
        throttled: how many push-backs there were.
        requests: how many requests were admitted.
    """

    def __init__(self, ceiling: int, observer: Observer, learnt_window: float | None) -> None:
        window = START if learnt_window is None else max(1.0, min(learnt_window, ceiling))
        self._budgets = {Purpose.UPLOAD: Budget(pacing.Pace(ceiling=ceiling, window=min(window, ceiling)))}
        for purpose, most in CEILINGS.items():
            self._budgets[purpose] = Budget(pacing.Pace(ceiling=most, window=min(START, most)))
        self._observer = observer
        self._paused = trio.Event()
        self.throttled = 0
        self.requests = 0

    @property
    def uploads(self) -> trio.CapacityLimiter:
        """The limiter of uploads: the pump takes a token *before* it spawns a file's task."""
        return self._budgets[Purpose.UPLOAD].limiter

    @property
    def window(self) -> float:
        """The learnt window of uploads, kept in the ledger for the next run."""
        return self._budgets[Purpose.UPLOAD].pace.window

    @property
    def learnt(self) -> bool:
        """Whether a limit of the service was met at all."""
        return self._budgets[Purpose.UPLOAD].pace.learnt

    def pressure(self) -> Pressure:
        """What it is doing now, for the progress line."""
        now, budget = trio.current_time(), self._budgets[Purpose.UPLOAD]
        return Pressure(
            tokens=int(budget.limiter.total_tokens),
            in_flight=budget.limiter.borrowed_tokens,
            paused_for=max(0.0, budget.pace.gate - now),
            throttled=self.throttled,
        )

    @asynccontextmanager
    async def request(self, purpose: Purpose) -> AsyncIterator[None]:
        """Admit one request of a task that already holds its token, and learn from how it ends.

        Waits for the gate and for its turn to depart; no request ever starts inside the gate.
        """
        budget = self._budgets[purpose]
        started = await _turn(budget)
        budget.pace = pacing.departed(budget.pace, started)
        self.requests += 1
        try:
            yield
        except GeminiError as error:
            self._learn_from(budget, error, started)
            raise
        else:
            in_use = budget.limiter.borrowed_tokens
            budget.pace = pacing.succeeded(budget.pace, seconds=trio.current_time() - started, in_use=in_use)
            self._resize(budget)

    @asynccontextmanager
    async def slot(self, purpose: Purpose) -> AsyncIterator[None]:
        """Take a token for one single request, and admit it."""
        async with self._budgets[purpose].limiter, self.request(purpose):
            yield

    async def keep_gate(self) -> None:
        """Open the gate again after each pause; runs for as long as the governor lives."""
        while True:
            await self._paused.wait()
            self._paused = trio.Event()
            while True:
                gate = max(budget.pace.gate for budget in self._budgets.values())
                if gate <= trio.current_time():
                    break
                await trio.sleep_until(gate)
            for budget in self._budgets.values():
                self._resize(budget)
            self._observer.pressure(self.pressure())

    def _learn_from(self, budget: Budget, error: GeminiError, started: float) -> None:
        now = trio.current_time()
        overloaded = error.status is not None and error.status >= 500
        if error.kind not in PUSH_BACK and not overloaded:
            return
        self.throttled += error.kind in PUSH_BACK
        pause = error.retry_after
        if pause is None and error.kind is Kind.RATE_LIMIT:
            pause = pacing.FALLBACK_PAUSE if budget.pace.window <= 1 else None
        budget.pace = pacing.pushed_back(budget.pace, started=started, now=now, retry_after=pause)
        if pause is not None:
            gate = budget.pace.gate
            for other in self._budgets.values():
                other.pace = replace(other.pace, gate=max(gate, other.pace.gate))
                self._resize(other)
            self._paused.set()
        self._resize(budget)
        self._observer.event("push_back", kind=str(error.kind), status=error.status, pause=pause)
        self._observer.pressure(self.pressure())

    def _resize(self, budget: Budget) -> None:
        total = pacing.tokens(budget.pace, trio.current_time())
        if total != budget.limiter.total_tokens:
            budget.limiter.total_tokens = total


async def _turn(budget: Budget) -> float:
    """Wait for the gate and for the distance to the last departure; both may move while it waits."""
    while True:
        now = trio.current_time()
        moment = pacing.departure(budget.pace, now)
        if moment <= now:
            return now
        await trio.sleep_until(moment)


@asynccontextmanager
async def open_governor(
    ceiling: int, observer: Observer, *, learnt_window: float | None = None
) -> AsyncIterator[Governor]:
    """A governor with its gatekeeper running.

    Args:
        ceiling: the most uploads that may ever be in flight.
        observer: told of every push-back.
        learnt_window: where to start, from an earlier run.
    """
    governor = Governor(ceiling, observer, learnt_window)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(governor.keep_gate)
        yield governor
        nursery.cancel_scope.cancel(reason="the governor is closed")
