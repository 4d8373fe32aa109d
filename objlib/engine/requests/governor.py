"""The governor: admits requests, and limits how many are in flight and how fast they start.

It owns a `trio.CapacityLimiter` for each kind of request and resizes it while work is in flight. One controller paces
all kinds, because the service counts them against one quota: each of several controllers would mistake the others'
requests for a quota that dropped. The arithmetic is in :mod:`objlib.core.pacing`; this module adds the
clock, the limiters and one task, which reopens the gate after a pause. A Retry-After closes the gate: all tasks wait.
"""

import math
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext

import trio

from objlib.core.events import EventKind, GovernorStatistics, Observer
from objlib.core.pacing import CONTROLLERS, pending_window
from objlib.core.pacing.closing import SHORTEST_PAUSE, Closing
from objlib.engine.requests.budgets import CEILINGS, REQUEST_RATE, Budget, Purpose
from objlib.engine.requests.request_tally import RequestTally
from objlib.engine.shutdown import Intake
from objlib.gemini import ErrorKind, GeminiError

__all__ = ["CEILINGS", "REQUEST_RATE", "Governor", "NotBegunError", "Purpose", "open_governor"]


class NotBegunError(Exception):
    """New work was cancelled while it waited for its turn; nothing was sent."""


class Governor:
    """Admits requests. Open it with :func:`open_governor`.

    Attributes:
        throttled: requests answered with 429, or with a server error that showed overload.
        tally: counts requests by purpose and result.
        news: set when :meth:`take_news` has something that all processes on this quota have to know.
        pending: bounds the files between claimed and indexed; shrinks when the store fails documents in bursts.
    """

    def __init__(self, ceiling: int, observer: Observer, max_pending: int, pacing: str) -> None:
        ceilings = {Purpose.UPLOAD: ceiling, **CEILINGS}
        self._budgets = {kind: Budget(most, trio.CapacityLimiter(most)) for kind, most in ceilings.items()}
        self._controller = CONTROLLERS[pacing](max(ceilings.values()))
        # FIFO of requests waiting to depart; only the head sleeps, until `_wakes_at` or `_departure_moved`.
        self._queue = trio.Lock()
        self._wakes_at = -math.inf
        self._departure_moved = trio.Event()
        self._in_flight = 0
        self._ending_error: GeminiError | None = None
        self._closed_until = -math.inf  # by the answer to another process
        self._news = Closing()
        self.news = trio.Event()
        self._last_share: dict[str, float] | None = None
        self._quota = False  # whether a 429 confirmed that the limit is a quota
        self._resize(-math.inf)
        self._window = pending_window.PendingWindow(ceiling=max_pending, size=float(max_pending))
        self.pending = trio.CapacityLimiter(max_pending)
        self._observer = observer
        self._reported: GovernorStatistics | None = None
        self._paused = trio.Event()
        self.throttled = 0
        self.tally = RequestTally()

    @property
    def uploads(self) -> trio.CapacityLimiter:
        """Limiter of uploads: the pump takes a token *before* it spawns a file's task."""
        return self._budgets[Purpose.UPLOAD].limiter

    @property
    def rate(self) -> float | None:
        """Requests per second, of all purposes, that the service admits; None while no limit is known."""
        return self._controller.rate

    @property
    def speed(self) -> float | None:
        """Requests per second, of all purposes, that start now or when the gate opens; None while no limit is known.

        It differs from :attr:`rate` by the gain. It leaves out the slower round trip after a throttling without a hint.
        """
        return self._controller.send_rate

    def rates(self, *, final: bool = False) -> dict[str, float]:
        """Rates for the ledger; empty while no limit is known.

        Rates learnt from server errors alone are not kept: an overload passes. With ``final``, at the end of a run, an
        unfinished ramp counts with its achieved throughput; else the next run would repeat the ramp.
        """
        rate = self._controller.achieved_rate if final else self._controller.rate
        return {REQUEST_RATE: rate} if self._quota and rate is not None else {}

    @property
    def last_share(self) -> dict[str, float] | None:
        """The share of the quota that was taken last; None before the first."""
        return self._last_share

    def share(self, everyone: Sequence[Mapping[str, float]]) -> None:
        """Take this process's share of the quota.

        Args:
            everyone: the share of each process at work here, this one included.
        """
        now = trio.current_time()
        self._quota = self._quota or any(rates.get(REQUEST_RATE) for rates in everyone)
        self._controller = self._controller.shared([rates.get(REQUEST_RATE, 0.0) for rates in everyone], now)
        self._last_share = self.rates()
        self._move_departure_forward(now)
        self._resize(now)

    def take_news(self) -> Closing:
        """Take the last answer that concerns every process on this quota, and has not been taken yet."""
        news, self._news, self.news = self._news, Closing(), trio.Event()
        return news

    def hear(self) -> None:
        """Wake the task that waits for news: another process may have some."""
        self.news.set()

    def close(self, closing: Closing) -> None:
        """Stop as another process was told to."""
        now = trio.current_time()
        if closing.kind in {ErrorKind.DAILY_QUOTA, ErrorKind.STORE_FULL} and self._ending_error is None:
            self._ending_error = GeminiError(closing.message, kind=ErrorKind(closing.kind))
            self._wake()
        if now + closing.pause > max(now, self._gate):
            self._closed_until = now + closing.pause
            self._paused.set()
            self._resize(now)
            self.report()

    @property
    def _gate(self) -> float:
        return max(self._controller.gate, self._closed_until)

    def statistics(self) -> GovernorStatistics:
        """A snapshot for the progress line."""
        return GovernorStatistics(
            tokens=int(self.uploads.total_tokens),
            in_flight=self.uploads.borrowed_tokens,
            paused_for=max(0.0, self._gate - trio.current_time()),
            throttled=self.throttled,
            requests_per_second=self.speed,
        )

    def report(self) -> None:
        """Report the statistics to the observer if they changed since the last report.

        The governor itself reports a throttling and a gate that opens. A rise is no event but many small steps, so the
        owner of the governor calls this at each heartbeat.
        """
        now = self.statistics()
        if now != self._reported:
            self._reported = now
            self._observer.pressure(now)

    @asynccontextmanager
    async def request(
        self, purpose: Purpose = Purpose.UPLOAD, *, intake: Intake | trio.CancelScope | None = None
    ) -> AsyncIterator[None]:
        """Admit one request of a task that already holds its token, and learn from its outcome.

        Waits for the gate and for its turn to depart; no request starts while the gate is closed.

        Args:
            purpose: for the totals.
            intake: for a request that begins new work: the scope in which it waits for its turn. Cancelling the scope
                cancels the request; work that has begun goes on.

        Raises:
            NotBegunError: new work was cancelled before its turn came.
            GeminiError: new work, after the daily quota or the store's room is used up: that error again, without a
                request, since the service would refuse it.
        """
        started: float | None = None
        with nullcontext() if intake is None else intake:
            started = await self._turn(intake=intake is not None)
        if started is None:
            raise NotBegunError
        self._in_flight += 1
        try:
            with self.tally.request(purpose, started):
                yield
        except GeminiError as error:
            self._learn_from(error, started)
            raise
        else:
            self._admitted(started)
        finally:
            self._in_flight -= 1

    @asynccontextmanager
    async def slot(self, purpose: Purpose) -> AsyncIterator[None]:
        """Take a token for one request, and admit it."""
        async with self._budgets[purpose].limiter, self.request(purpose):
            yield

    @property
    def failed_confirmations(self) -> int:
        """How often the service must report FAILED before a document counts as failed."""
        return pending_window.failed_confirmations(self._window)

    @property
    def failure_burst(self) -> bool:
        """Whether the store failed documents in a burst."""
        return self._window.burst

    def indexed(self, started: float, took: float) -> None:
        """Record that a document uploaded at ``started`` is ACTIVE; the store ``took`` that many seconds."""
        now, in_use = trio.current_time(), self.pending.borrowed_tokens
        self._window = pending_window.indexed(
            self._window, started=started, took=took, now=now, in_use=in_use
        )
        self._resize_pending("slow_documents")

    def failed(self, started: float) -> None:
        """Record FAILED for a document uploaded at ``started``; it may still become ACTIVE."""
        now, in_use = trio.current_time(), self.pending.borrowed_tokens
        self._window = pending_window.failed(self._window, started=started, now=now, in_use=in_use)
        self._resize_pending("failed_documents")

    def _resize_pending(self, reason: str) -> None:
        size = pending_window.capacity(self._window)
        if size < self.pending.total_tokens:
            self._observer.event(EventKind.THROTTLED, kind=reason, pending=size)
        if size != self.pending.total_tokens:
            self.pending.total_tokens = size

    async def keep_gate(self) -> None:
        """Reopen the gate after each pause; runs as long as the governor is open."""
        while True:
            await self._paused.wait()
            self._paused = trio.Event()
            while True:
                now = trio.current_time()
                if self._gate <= now:
                    break
                await trio.sleep_until(self._gate)
            self._resize(now)
            self.report()

    async def _turn(self, *, intake: bool) -> float:
        """Wait for the gate and for the departure time; both may move meanwhile."""
        async with self._queue:
            while True:
                if intake and self._ending_error is not None:
                    raise self._ending_error.again()
                now = trio.current_time()
                moment = max(self._controller.departure(now), self._closed_until)
                if moment <= now:
                    self._controller = self._controller.departed(now)
                    return now
                self._wakes_at = moment
                with trio.move_on_at(moment):
                    await self._departure_moved.wait()

    def _move_departure_forward(self, now: float) -> None:
        """Wake the head of the queue if its departure moved forward by more than a timer's usual lateness."""
        if self._controller.departure(now) < self._wakes_at - 0.01:
            self._wake()

    def _wake(self) -> None:
        self._departure_moved.set()
        self._departure_moved = trio.Event()

    def _learn_from(self, error: GeminiError, started: float) -> None:
        if error.kind.throttles:
            self._throttle(error, started)
        elif not error.connect if error.status is None else error.status >= 500:
            self._fault(error, started)
        elif error.status is not None:
            self._admitted(started)

    def _throttle(self, error: GeminiError, started: float) -> None:
        """Learn from a 429; its Retry-After closes the gate for all."""
        self.throttled += 1
        if error.kind.ends_run:
            self._ending_error = error
            self._wake()
            self._tell(Closing(0.0, str(error.kind), str(error)))
            return  # no gate: it would open tomorrow, and requests in flight must end today
        now, pause = trio.current_time(), error.retry_after
        self._quota = True
        self._controller = self._controller.throttled(
            started=started, now=now, retry_after=pause, in_use=self._in_flight
        )
        if pause is not None:
            self._paused.set()
            if pause >= SHORTEST_PAUSE:
                self._tell(Closing(pause))
        self._resize(now)
        self._report_throttling(error, pause)

    def _tell(self, closing: Closing) -> None:
        self._news = closing
        self.news.set()

    def _fault(self, error: GeminiError, started: float) -> None:
        """Learn from a server error or a broken connection; its Retry-After holds this request alone."""
        now, rate = trio.current_time(), self._controller.rate
        self._controller = self._controller.failed(started=started, now=now, in_use=self._tokens_in_use())
        self._move_departure_forward(now)
        self._resize(now)
        if self._controller.rate != rate:
            self.throttled += 1
            self._report_throttling(error, None)

    def _report_throttling(self, error: GeminiError, pause: float | None) -> None:
        self._observer.event(
            EventKind.THROTTLED,
            kind=str(error.kind),
            status=error.status,
            pause=pause,
            requests_per_second=self.speed,
        )
        self.report()

    def _admitted(self, started: float) -> None:
        """Learn from any answer but a throttling: the service had room for the request."""
        now = trio.current_time()
        self._controller = self._controller.succeeded(started=started, now=now, in_use=self._tokens_in_use())
        self._move_departure_forward(now)
        self._resize(now)

    def _tokens_in_use(self) -> int:
        """Count tokens, not requests: of answers that arrive together, the first reduce the requests in flight."""
        return sum(budget.limiter.borrowed_tokens for budget in self._budgets.values())

    def _resize(self, now: float) -> None:
        total = 0 if now < self._closed_until else self._controller.tokens(now)
        for budget in self._budgets.values():
            budget.resize(total)


@asynccontextmanager
async def open_governor(
    ceiling: int, observer: Observer, *, max_pending: int = 48, pacing: str = "measured"
) -> AsyncIterator[Governor]:
    """Open a governor with its gate keeper running.

    Args:
        ceiling: uploads in flight at most.
        observer: receives throttling events and statistics.
        max_pending: files between claimed and indexed at most.
        pacing: name of the controller, one of `CONTROLLERS`.
    """
    governor = Governor(ceiling, observer, max_pending, pacing)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(governor.keep_gate)
        yield governor
        nursery.cancel_scope.cancel(reason="the governor is closed")
