"""Retries, with limits that all requests of a command share.

A pass over the store (a recovery, a prune, a comparison) may send thousands of requests. What one of them learns holds
for all: a service that does not answer is not waited for once per file, and after an answer that ends the run nothing
more is sent.
"""

import math
import random
from collections.abc import Awaitable, Callable, Set
from itertools import count
from typing import Final, TypeVar

import trio

from objlib.core.events import EventKind, Observer
from objlib.core.pacing.backoff import backoff, span
from objlib.core.stop_reason import StopReason
from objlib.engine.requests.governor import Governor, Purpose
from objlib.gemini import ErrorKind, GeminiError

T = TypeVar("T")

MAX_TRIES: Final = 8
"""Times that a request without an answer is sent: about two minutes, with the backoff between them."""
MAX_WAIT: Final = 180.0
"""Seconds until waiting ends, for one request and for all of its purpose if none of them is answered. A longer
Retry-After is not waited for at all."""
REPORTED_WAIT: Final = 5.0
"""Waits at least this long, in seconds, are reported to the user."""
DRAIN_WAIT: Final = 5.0
"""Seconds that a request may wait for its turn after a stop was asked for; the work in flight has 30."""


class Retrier:
    """Sends the requests of one command, and decides how long each is retried.

    Attributes:
        fatal: the answer that ended the run, after which nothing more is sent; None before it.
    """

    def __init__(self, governor: Governor, observer: Observer) -> None:
        self._governor = governor
        self._observer = observer
        # By purpose: when the first failure since the last answer was, and the error of what is not answered at all.
        self._failing_since: dict[Purpose, float] = {}
        self._unanswered: dict[Purpose, GeminiError] = {}
        # The purpose is None for a request whose caller retries.
        self._waiting: dict[trio.CancelScope, Purpose | None] = {}
        self._draining = False
        self._reported = False
        self.fatal: GeminiError | None = None

    def reset(self) -> None:
        """Begin another pass over the store: a purpose that got no answer in the last one is tried again.

        Not while the gate is closed for longer than :data:`MAX_WAIT`.
        """
        if self._governor.statistics().paused_for <= MAX_WAIT:
            self._failing_since.clear()
            self._unanswered.clear()
        self._reported = False

    def drain(self) -> None:
        """A stop was asked for: retry nothing more, and let no request wait for its turn for long."""
        self._draining = True
        for scope, purpose in self._waiting.items():
            if purpose is not None:
                scope.deadline = min(scope.deadline, trio.current_time() + DRAIN_WAIT)

    @property
    def unresponsive(self) -> bool:
        """Whether some purpose got no answer at all in this pass."""
        return bool(self._unanswered)

    def blocked_by(self, purpose: Purpose) -> GeminiError | None:
        """The error because of which requests of this purpose are not sent any more in this pass."""
        return self.fatal or self._unanswered.get(purpose)

    def report_stop(self) -> tuple[StopReason, str]:
        """Tell the observer why the run ended and what to do about it; returns both, empty while it has not ended."""
        if self.fatal is None:
            return StopReason.NONE, ""
        reason, advice = self.fatal.kind.stop_reason, str(self.fatal)
        self._observer.event(EventKind.STOPPING, reason=reason, advice=advice)
        return reason, advice

    async def call(
        self,
        purpose: Purpose,
        request: Callable[[], Awaitable[T]],
        *,
        retry: bool = True,
        reconnect: bool = True,
    ) -> T:
        """Send a request; again if it was throttled or lost and repeating it does no harm.

        Args:
            purpose: whose tokens it takes.
            request: sends it once.
            retry: False for a caller that has a loop of its own: the request is sent once.
            reconnect: whether it is also retried where no connection was made. At the start of a command the user is
                better served by an error at once.

        Raises:
            GeminiError: an answer that waiting does not change, or the last one when waiting is over: for this
                request, for all of its purpose, or since a stop was asked for.
        """
        first: float | None = None
        for tries in count(1):
            try:
                return await self._send(purpose, request, purpose if retry else None)
            except GeminiError as error:
                if not retry or not error.kind.transient or (error.connect and not reconnect):
                    raise
                failure = error
            now = trio.current_time()
            first = now if first is None else first
            await self._wait(purpose, failure, tries, first, now)
        raise AssertionError("the last try returns or raises")

    async def find(
        self,
        purpose: Purpose,
        request: Callable[[], Awaitable[T]],
        *,
        retry: bool = True,
        reconnect: bool = True,
    ) -> T | None:
        """Send a request like :meth:`call`; None where the service says that there is no such thing."""
        try:
            return await self.call(purpose, request, retry=retry, reconnect=reconnect)
        except GeminiError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
            return None

    async def _send(
        self, purpose: Purpose, request: Callable[[], Awaitable[T]], waiting_as: Purpose | None
    ) -> T:
        await self._raise_if_blocked(waiting_as)
        draining = self._draining and waiting_as is not None
        scope = trio.CancelScope(relative_deadline=DRAIN_WAIT if draining else math.inf)
        self._waiting[scope] = waiting_as
        try:
            with scope:
                async with self._governor.slot(purpose):
                    # It leaves now and is not cancelled any more, unless that has just happened.
                    del self._waiting[scope]
                    scope.deadline = math.inf
                    await trio.lowlevel.checkpoint_if_cancelled()
                    return await self._answer(purpose, request)
        finally:
            self._waiting.pop(scope, None)
        await self._raise_if_blocked(waiting_as)
        raise GeminiError("not asked any more, since a stop was asked for", kind=ErrorKind.TRANSIENT)

    async def _raise_if_blocked(self, waiting_as: Purpose | None) -> None:
        await trio.lowlevel.checkpoint()
        error = self.fatal if waiting_as is None else self.blocked_by(waiting_as)
        if error is not None:
            raise error.again()

    async def _answer(self, purpose: Purpose, request: Callable[[], Awaitable[T]]) -> T:
        try:
            answer = await request()
        except GeminiError as error:
            if error.kind.ends_run and self.fatal is None:
                self.fatal = error
                self._cancel_waiting({None, *Purpose})
            elif not error.kind.transient:
                self._failing_since.pop(purpose, None)
            elif error.retry_after is not None and error.retry_after > MAX_WAIT:
                self._block(set(Purpose), _with_date(error))  # the gate is closed for all of them
            raise
        self._failing_since.pop(purpose, None)
        return answer

    async def _wait(self, purpose: Purpose, error: GeminiError, tries: int, first: float, now: float) -> None:
        """Wait before a request is sent again, or raise ``error`` where that is no use.

        The governor's gate keeps the Retry-After; here is only the backoff.
        """
        pause = backoff(tries, jitter=random.random())
        wait = max(error.retry_after or 0.0, pause)
        since = self._failing_since.setdefault(purpose, now)
        if self._draining or purpose in self._unanswered:
            raise self._unanswered.get(purpose, error)
        # A throttled request is fine in itself, so that only its time is limited.
        exhausted = tries >= MAX_TRIES and error.kind is not ErrorKind.RATE_LIMIT
        if exhausted or now + wait - min(first, since) > MAX_WAIT:
            last = _with_date(error)
            if since <= first:
                # No other request of this purpose was answered either: this one speaks for all of them.
                self._block({purpose}, last)
            raise last
        self._report(error, wait)
        with trio.CancelScope() as scope:
            self._waiting[scope] = purpose
            try:
                await trio.sleep(pause)
            finally:
                del self._waiting[scope]
        if self._draining:
            raise error

    def _block(self, purposes: set[Purpose], error: GeminiError) -> None:
        self._unanswered.update(dict.fromkeys(purposes, error))
        for purpose in purposes:
            self._failing_since.pop(purpose, None)
        self._cancel_waiting(purposes)

    def _cancel_waiting(self, purposes: Set[Purpose | None]) -> None:
        for scope, purpose in self._waiting.items():
            if purpose in purposes:
                scope.cancel(reason="it would not be answered")

    def _report(self, error: GeminiError, wait: float) -> None:
        """Tell the user of the first long wait in a pass, and why."""
        if wait < REPORTED_WAIT or self._reported:
            return
        self._reported = True
        hinted = error.retry_after is not None and error.retry_after >= REPORTED_WAIT
        self._observer.note(
            f"the service asks to wait {math.ceil(wait)} s" if hinted else f"{error}; trying again"
        )


def _with_date(error: GeminiError) -> GeminiError:
    """The error, with when to come back where the service asked for a minute or more."""
    hint = error.retry_after or 0.0
    return error.again(f"run the same command again in {span(hint)}") if hint >= 60 else error
