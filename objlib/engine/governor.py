"""The governor: how many requests may be in flight, and how fast they may start.

It owns a `trio.CapacityLimiter` for each kind of request and resizes it while work is in flight. The
arithmetic is in :mod:`objlib.core.pacing`; here are only the clock, the limiters and one task, which opens
the gate again after a pause. A Retry-After closes the gate of every budget: zero tokens parks everyone.
"""

import math
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

import trio

from objlib.core import crowd, pacing
from objlib.core.observe import Observer, Pressure
from objlib.gemini import GeminiError, Kind

PUSH_BACK: Final = frozenset({Kind.RATE_LIMIT, Kind.DAILY_QUOTA, Kind.STORE_FULL})
"""Answers that say "slow down" (the last two also end the run, elsewhere)."""


ENDS_RUN: Final = frozenset({Kind.DAILY_QUOTA, Kind.STORE_FULL})
"""Of these, the ones that no waiting heals within a run."""


class Purpose(StrEnum):
    """What a request is for; each has a budget of its own, so that polling cannot starve uploading."""

    UPLOAD = "upload"
    POLL = "poll"
    LIST = "list"
    DELETE = "delete"
    ASK = "ask"


CEILINGS: Final = {Purpose.POLL: 16, Purpose.LIST: 2, Purpose.DELETE: 4, Purpose.ASK: 4}
SHARED: Final = (Purpose.UPLOAD, Purpose.POLL)
"""Budgets whose rates are kept in the ledger: for the next run, and for other processes at work on it."""


@dataclass(slots=True)
class Budget:
    """One kind of request: a sack of tokens and a pace.

    Attributes:
        pace: the arithmetic's state.
        limiter: the tokens.
        queue: who waits for the turn to start; the first of them sleeps, the others stand behind it.
        flying: requests that have started and were not answered yet.
    """

    pace: pacing.Pace
    limiter: trio.CapacityLimiter = field(init=False)
    queue: trio.Lock = field(default_factory=trio.Lock)
    flying: int = 0

    def __post_init__(self) -> None:
        self.limiter = trio.CapacityLimiter(pacing.tokens(self.pace, -math.inf))

    def resize(self) -> None:
        """Let the tokens follow the pace."""
        total = pacing.tokens(self.pace, trio.current_time())
        if total != self.limiter.total_tokens:
            self.limiter.total_tokens = total


class Governor:
    """Admits requests. Open it with :func:`open_governor`.

    Attributes:
        throttled: how many push-backs there were.
        requests: how many requests were admitted.
        pending: bounds the files between claimed and indexed; shrinks when the store fails documents in bursts.
    """

    def __init__(self, ceiling: int, observer: Observer, max_pending: int) -> None:
        ceilings = {Purpose.UPLOAD: ceiling, **CEILINGS}
        self._budgets = {purpose: Budget(_fresh(most)) for purpose, most in ceilings.items()}
        self._crowd = crowd.Crowd(ceiling=max_pending, room=float(max_pending))
        self.pending = trio.CapacityLimiter(max_pending)
        self._observer = observer
        self._paused = trio.Event()
        self.throttled = 0
        self.requests = 0

    @property
    def uploads(self) -> trio.CapacityLimiter:
        """The limiter of uploads: the pump takes a token *before* it spawns a file's task."""
        return self._budgets[Purpose.UPLOAD].limiter

    @property
    def rate(self) -> float | None:
        """Uploads' requests per second that the service was found to admit; None while no limit was met."""
        pace = self._budgets[Purpose.UPLOAD].pace
        return pace.rate if pace.learnt else None

    def rates(self) -> dict[str, float]:
        """What was learnt, in requests per second, by purpose; a purpose without a limit is not in it."""
        learnt = {purpose: self._budgets[purpose].pace for purpose in SHARED}
        return {str(purpose): pace.rate for purpose, pace in learnt.items() if pace.learnt}

    def share(self, everyone: Sequence[Mapping[str, float]]) -> None:
        """Take the part of the quota that is ours.

        Args:
            everyone: what each process at work here has learnt, this one included.
        """
        for purpose in SHARED:
            budget = self._budgets[purpose]
            budget.pace = pacing.shared(budget.pace, [rates.get(purpose, 0.0) for rates in everyone])
            budget.resize()

    def pressure(self) -> Pressure:
        """What it is doing now, for the progress line."""
        now, budget = trio.current_time(), self._budgets[Purpose.UPLOAD]
        return Pressure(
            tokens=int(budget.limiter.total_tokens),
            in_flight=budget.limiter.borrowed_tokens,
            paused_for=max(0.0, budget.pace.gate - now),
            throttled=self.throttled,
            rate=self.rate,
        )

    @asynccontextmanager
    async def request(self, purpose: Purpose) -> AsyncIterator[None]:
        """Admit one request of a task that already holds its token, and learn from how it ends.

        Waits for the gate and for its turn to depart; no request ever starts inside the gate.
        """
        budget = self._budgets[purpose]
        started = await _turn(budget)
        self.requests += 1
        budget.flying += 1
        try:
            yield
        except GeminiError as error:
            self._learn_from(budget, error, started)
            raise
        else:
            _admitted(budget, started)
        finally:
            budget.flying -= 1

    @asynccontextmanager
    async def slot(self, purpose: Purpose) -> AsyncIterator[None]:
        """Take a token for one single request, and admit it."""
        async with self._budgets[purpose].limiter, self.request(purpose):
            yield

    @property
    def asks(self) -> int:
        """How often FAILED has to be heard of a document before it is believed."""
        return crowd.asks(self._crowd)

    @property
    def strained(self) -> bool:
        """Whether the store failed documents in a burst."""
        return self._crowd.burst

    def settled(self, started: float) -> None:
        """A document whose upload was over at ``started`` is ACTIVE."""
        now, in_use = trio.current_time(), self.pending.borrowed_tokens
        self._crowd = crowd.settled(self._crowd, started=started, now=now, in_use=in_use)
        self._make_room()

    def failed(self, started: float) -> None:
        """The store says FAILED of a document whose upload was over at ``started``; it may still turn ACTIVE."""
        now, in_use = trio.current_time(), self.pending.borrowed_tokens
        self._crowd = crowd.failed(self._crowd, started=started, now=now, in_use=in_use)
        self._make_room()

    def _make_room(self) -> None:
        room = crowd.slots(self._crowd)
        if room < self.pending.total_tokens:
            self._observer.event("push_back", kind="failed_documents", pending=room)
        if room != self.pending.total_tokens:
            self.pending.total_tokens = room

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
                budget.resize()
            self._observer.pressure(self.pressure())

    def _learn_from(self, budget: Budget, error: GeminiError, started: float) -> None:
        if error.kind not in PUSH_BACK and not _overloaded(error):
            if error.status is not None:
                _admitted(budget, started)
            return
        self.throttled += error.kind in PUSH_BACK
        if error.kind in ENDS_RUN:
            return  # a gate that opens tomorrow would keep what is in flight from ending today
        now, pause = trio.current_time(), error.retry_after
        budget.pace = pacing.pushed_back(
            budget.pace, started=started, now=now, retry_after=pause, in_use=budget.flying
        )
        if pause is not None:
            gate = budget.pace.gate
            for other in self._budgets.values():
                other.pace = replace(other.pace, gate=max(gate, other.pace.gate))
                other.resize()
            self._paused.set()
        budget.resize()
        self._observer.event(
            "push_back", kind=str(error.kind), status=error.status, pause=pause, rate=budget.pace.rate
        )
        self._observer.pressure(self.pressure())


def _fresh(ceiling: int) -> pacing.Pace:
    pace = pacing.Pace(ceiling=ceiling)
    return replace(pace, window=min(pace.window, float(ceiling)))


def _overloaded(error: GeminiError) -> bool:
    """A server error, or a connection that broke under a request: push-back without the word."""
    return error.status >= 500 if error.status is not None else not error.connect


def _admitted(budget: Budget, started: float) -> None:
    """Any answer but push-back: the service had room for the request, whatever it thought of it."""
    now = trio.current_time()
    budget.pace = pacing.succeeded(budget.pace, started=started, now=now, in_use=budget.flying)
    budget.resize()


async def _turn(budget: Budget) -> float:
    """Wait for the gate and for the distance to the last departure; both may move while it waits."""
    async with budget.queue:
        while True:
            now = trio.current_time()
            moment = pacing.departure(budget.pace, now)
            if moment <= now:
                budget.pace = pacing.departed(budget.pace, now)
                return now
            await trio.sleep_until(moment)


@asynccontextmanager
async def open_governor(
    ceiling: int, observer: Observer, *, max_pending: int = 48
) -> AsyncIterator[Governor]:
    """A governor with its gatekeeper running.

    Args:
        ceiling: the most uploads that may ever be in flight.
        observer: told of every push-back.
        max_pending: the most files that may ever be between claimed and indexed.
    """
    governor = Governor(ceiling, observer, max_pending)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(governor.keep_gate)
        yield governor
        nursery.cancel_scope.cancel(reason="the governor is closed")
