"""The governor: how many requests may be in flight, and how fast they may start.

It owns a `trio.CapacityLimiter` for each kind of request and resizes it while work is in flight. How fast requests
start is one pace for all kinds, since a service counts them against one quota: each of several paces would take the
others' requests for a quota that fell. The arithmetic is in :mod:`objlib.core.pacing.controller`; here are only
the clock, the limiters and one task, which opens the gate again after a pause. A Retry-After closes it: zero
tokens parks everyone.
"""

import math
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import trio

from objlib.core.events import EventKind, Observer, Pressure
from objlib.core.pacing import controller, pending_window
from objlib.core.pacing.state import Pace
from objlib.gemini import GeminiError


class NotBegunError(Exception):
    """Something new was called off while it waited for its turn; nothing was sent."""


class Purpose(StrEnum):
    """What a request is for; each has tokens of its own, so that polling cannot starve uploading."""

    UPLOAD = "upload"
    POLL = "poll"
    LIST = "list"
    DELETE = "delete"
    ASK = "ask"


CEILINGS: Final = {Purpose.POLL: 16, Purpose.LIST: 2, Purpose.DELETE: 4, Purpose.ASK: 4}
RATE: Final = "requests"
"""The rate's name in the ledger, where it is kept: for the next run, and for other processes at work on it."""


@dataclass(frozen=True, slots=True)
class Budget:
    """One kind of request: a sack of tokens.

    Attributes:
        ceiling: the most requests of this kind that may ever be in flight.
        limiter: the tokens.
    """

    ceiling: int
    limiter: trio.CapacityLimiter

    def resize(self, total: int) -> None:
        """Let the tokens follow the pace."""
        total = min(total, self.ceiling)
        if total != self.limiter.total_tokens:
            self.limiter.total_tokens = total


class Governor:
    """Admits requests. Open it with :func:`open_governor`.

    Attributes:
        throttled: how many requests were pushed back: answered with 429 or a server error, or broken off.
        requests: how many requests were admitted.
        pending: bounds the files between claimed and indexed; shrinks when the store fails documents in bursts.
    """

    def __init__(self, ceiling: int, observer: Observer, max_pending: int) -> None:
        ceilings = {Purpose.UPLOAD: ceiling, **CEILINGS}
        self._budgets = {kind: Budget(most, trio.CapacityLimiter(most)) for kind, most in ceilings.items()}
        self._pace = Pace(ceiling=max(ceilings.values()))
        # Who waits for the turn to start: the first of them sleeps, the others stand behind it.
        self._queue = trio.Lock()
        self._until = -math.inf  # when the first of them looks again,
        self._sooner = trio.Event()  # unless this comes before
        self._flying = 0
        self._ended: GeminiError | None = None
        self._taken: dict[str, float] | None = None
        self._quota = False  # whether a limit that was met is a quota
        self._resize(-math.inf)
        self._crowd = pending_window.PendingWindow(ceiling=max_pending, room=float(max_pending))
        self.pending = trio.CapacityLimiter(max_pending)
        self._observer = observer
        self._told: Pressure | None = None
        self._paused = trio.Event()
        self.throttled = 0
        self.requests = 0

    @property
    def uploads(self) -> trio.CapacityLimiter:
        """The limiter of uploads: the pump takes a token *before* it spawns a file's task."""
        return self._budgets[Purpose.UPLOAD].limiter

    @property
    def rate(self) -> float | None:
        """Requests per second, of all kinds, that the service was found to admit; None while no limit was met."""
        return self._pace.rate if self._pace.learnt else None

    @property
    def speed(self) -> float | None:
        """Requests per second, of all kinds, that start now, or will when the gate opens; None while no limit is known.

        It differs from :attr:`rate` while it is probed, and while a bucket is emptied. The single round trip after
        push-back without a hint, in which it is less, is not worth telling.
        """
        return self._pace.rate * self._pace.push if self._pace.learnt else None

    def rates(self, *, over: bool = False) -> dict[str, float]:
        """What was learnt, as the ledger keeps it; empty while no limit was met.

        Broken answers are no quota: what only they told of is not kept. When the run is ``over``, a climb that met no
        limit counts for what went through, or the next run would start where this one began to climb.
        """
        return {RATE: self._pace.seen if over else self._pace.rate} if self._quota else {}

    @property
    def taken(self) -> dict[str, float] | None:
        """The part of the quota that was taken last; None before the first."""
        return self._taken

    def share(self, everyone: Sequence[Mapping[str, float]]) -> None:
        """Take the part of the quota that is ours.

        Args:
            everyone: the part of each process at work here, this one included.
        """
        now = trio.current_time()
        self._quota = self._quota or any(rates.get(RATE) for rates in everyone)
        self._pace = controller.shared(self._pace, [rates.get(RATE, 0.0) for rates in everyone], now)
        self._taken = self.rates()
        self._hasten(now)
        self._resize(now)

    def pressure(self) -> Pressure:
        """What it is doing now, for the progress line."""
        return Pressure(
            tokens=int(self.uploads.total_tokens),
            in_flight=self.uploads.borrowed_tokens,
            paused_for=max(0.0, self._pace.gate - trio.current_time()),
            throttled=self.throttled,
            requests_per_second=self.speed,
        )

    def tell(self) -> None:
        """Tell the observer what it is doing now, if it was told something else last.

        Push-back and a gate that opens are told at once. A rise is not an event but many small steps: whoever owns the
        governor calls this at a regular beat.
        """
        now = self.pressure()
        if now != self._told:
            self._told = now
            self._observer.pressure(now)

    @asynccontextmanager
    async def request(
        self, *, anew: AbstractContextManager[trio.CancelScope] | None = None
    ) -> AsyncIterator[None]:
        """Admit one request of a task that already holds its token, and learn from how it ends.

        Waits for the gate and for its turn to depart; no request ever starts inside the gate.

        Args:
            anew: it begins something, rather than finishing what has begun: the scope in which it waits for its turn,
                and whose end calls it off.

        Raises:
            NotBegunError: something new, which was called off before its turn came.
            GeminiError: something new, after the service said that there is no more today, or no more room: the same
                again, without asking. Those that wait for their turn would all be refused.
        """
        started: float | None = None
        with nullcontext() if anew is None else anew:
            started = await self._turn(anew=anew is not None)
        if started is None:
            raise NotBegunError
        self.requests += 1
        self._flying += 1
        try:
            yield
        except GeminiError as error:
            self._learn_from(error, started)
            raise
        else:
            self._admitted(started)
        finally:
            self._flying -= 1

    @asynccontextmanager
    async def slot(self, purpose: Purpose) -> AsyncIterator[None]:
        """Take a token for one single request, and admit it."""
        async with self._budgets[purpose].limiter, self.request():
            yield

    @property
    def asks(self) -> int:
        """How often FAILED has to be heard of a document before it is believed."""
        return pending_window.asks(self._crowd)

    @property
    def strained(self) -> bool:
        """Whether the store failed documents in a burst."""
        return self._crowd.burst

    def settled(self, started: float, took: float) -> None:
        """A document whose upload was over at ``started`` is ACTIVE, and the store took so many seconds for it."""
        now, in_use = trio.current_time(), self.pending.borrowed_tokens
        self._crowd = pending_window.settled(self._crowd, started=started, took=took, now=now, in_use=in_use)
        self._make_room("slow_documents")

    def failed(self, started: float) -> None:
        """The store says FAILED of a document whose upload was over at ``started``; it may still turn ACTIVE."""
        now, in_use = trio.current_time(), self.pending.borrowed_tokens
        self._crowd = pending_window.failed(self._crowd, started=started, now=now, in_use=in_use)
        self._make_room("failed_documents")

    def _make_room(self, why: str) -> None:
        room = pending_window.slots(self._crowd)
        if room < self.pending.total_tokens:
            self._observer.event(EventKind.THROTTLED, kind=why, pending=room)
        if room != self.pending.total_tokens:
            self.pending.total_tokens = room

    async def keep_gate(self) -> None:
        """Open the gate again after each pause; runs for as long as the governor lives."""
        while True:
            await self._paused.wait()
            self._paused = trio.Event()
            while True:
                now = trio.current_time()
                if self._pace.gate <= now:
                    break
                await trio.sleep_until(self._pace.gate)
            self._resize(now)
            self.tell()

    async def _turn(self, *, anew: bool) -> float:
        """Wait for the gate and for the distance to the last departure; both may move while it waits."""
        async with self._queue:
            while True:
                if anew and self._ended is not None:
                    raise self._ended.again()
                now = trio.current_time()
                moment = controller.departure(self._pace, now)
                if moment <= now:
                    self._pace = controller.departed(self._pace, now)
                    return now
                self._until = moment
                with trio.move_on_at(moment):
                    await self._sooner.wait()

    def _hasten(self, now: float) -> None:
        """Wake who waits for a turn that comes sooner than it seemed, by more than what a timer is late anyway."""
        if controller.departure(self._pace, now) < self._until - 0.01:
            self._wake()

    def _wake(self) -> None:
        self._sooner.set()
        self._sooner = trio.Event()

    def _learn_from(self, error: GeminiError, started: float) -> None:
        if not error.kind.throttles and not _overloaded(error):
            if error.status is not None:
                self._admitted(started)
            return
        self.throttled += 1
        if error.kind.ends_run:
            self._ended = error
            self._wake()
            return  # a gate that opens tomorrow would keep what is in flight from ending today
        now, pause = trio.current_time(), error.retry_after
        self._quota = self._quota or error.kind.throttles
        self._pace = controller.pushed_back(
            self._pace, started=started, now=now, retry_after=pause, in_use=self._flying
        )
        if pause is not None:
            self._paused.set()
        self._resize(now)
        self._observer.event(
            EventKind.THROTTLED,
            kind=str(error.kind),
            status=error.status,
            pause=pause,
            requests_per_second=self.speed,
        )
        self.tell()

    def _admitted(self, started: float) -> None:
        """Any answer but push-back: the service had room for the request, whatever it thought of it."""
        # Tokens rather than requests: of answers that come together, each but the first would find some of the requests
        # gone that its own window let start. A token goes from one to the next at once.
        now = trio.current_time()
        in_use = sum(budget.limiter.borrowed_tokens for budget in self._budgets.values())
        self._pace = controller.succeeded(self._pace, started=started, now=now, in_use=in_use)
        self._hasten(now)
        self._resize(now)

    def _resize(self, now: float) -> None:
        total = controller.tokens(self._pace, now)
        for budget in self._budgets.values():
            budget.resize(total)


def _overloaded(error: GeminiError) -> bool:
    """A server error, or a connection that broke under a request: push-back without the word."""
    return error.status >= 500 if error.status is not None else not error.connect


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
