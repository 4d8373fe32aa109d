"""Requests that are sent again: what passes by itself is waited for, and not for ever.

A pass over the store (a recovery, a prune, a comparison) may ask thousands of times. So what one request learns counts
for all: a service that answers nothing is not waited for once for each file, and after an answer about the whole run
nothing more is sent at all.
"""

import math
import random
from collections.abc import Awaitable, Callable, Set
from itertools import count
from typing import Final, TypeVar

import trio

from objlib.core.events import Observer
from objlib.core.pacing.backoff import backoff, span
from objlib.engine.requests.governor import Governor, Purpose
from objlib.gemini import ErrorKind, GeminiError

T = TypeVar("T")

TRIES: Final = 8
"""How often a request without an answer is sent at most: some two minutes of a service that is down."""
LONGEST: Final = 180.0
"""Seconds after which waiting is over: for one request, and for all of its kind if none is answered. So no longer wait
is agreed to either."""
TOLD: Final = 5.0
"""Seconds from which on a person is told of a wait."""
HURRY: Final = 5.0
"""Seconds that a request may wait for its turn once a stop was asked for; the work in flight has thirty."""


class Retrier:
    """How a command waits for answers; one for all that it asks.

    Attributes:
        ended: the answer about the whole run after which nothing more is sent; None while there was none.
    """

    def __init__(self, governor: Governor, observer: Observer) -> None:
        self._governor = governor
        self._observer = observer
        # By kind of request: the first failure since the last answer, and the last of what is not answered at all.
        self._since: dict[Purpose, float] = {}
        self._silent: dict[Purpose, GeminiError] = {}
        self._waiting: dict[trio.CancelScope, Purpose | None] = {}
        self._hurried = False
        self._told = False
        self.ended: GeminiError | None = None

    def renew(self) -> None:
        """Another pass over the store begins: what got no answer in the last one is asked and waited for again.

        But not while the gate is closed for longer than anybody waits.
        """
        if self._governor.statistics().paused_for <= LONGEST:
            self._since.clear()
            self._silent.clear()
        self._told = False

    def hurry(self) -> None:
        """A stop was asked for: nothing is sent again, and what has not been sent waits a moment at most."""
        self._hurried = True
        for scope, purpose in self._waiting.items():
            if purpose is not None:
                scope.deadline = min(scope.deadline, trio.current_time() + HURRY)

    @property
    def silent(self) -> bool:
        """Whether the service left some kind of request without any answer in this pass."""
        return bool(self._silent)

    def given_up(self, purpose: Purpose) -> GeminiError | None:
        """Why requests of this kind are not sent any more in this pass; None while they are."""
        return self.ended or self._silent.get(purpose)

    async def once(self, purpose: Purpose, request: Callable[[], Awaitable[T]]) -> T:
        """Send a request a single time, for who asks again by himself.

        Raises:
            GeminiError: as the service answered it, or that which ended the run before.
        """
        return await self._once(purpose, request, None)

    async def insist(
        self, purpose: Purpose, request: Callable[[], Awaitable[T]], *, reconnect: bool = False
    ) -> T:
        """Send a request, again if it was pushed back or lost and repeating it does no harm.

        Args:
            purpose: whose tokens it takes.
            request: sends it once.
            reconnect: whether it is also tried again where no connection was made; at the start of a command a person
                is better told at once.

        Raises:
            GeminiError: an answer that waiting does not heal, or the last one when waiting is over: for this request,
                for all of its kind, or since a stop was asked for.
        """
        first: float | None = None
        for tries in count(1):
            try:
                return await self._once(purpose, request, purpose)
            except GeminiError as error:
                if not error.kind.transient or (error.connect and not reconnect):
                    raise
                failed = error
            now = trio.current_time()
            first = now if first is None else first
            await self._wait(purpose, failed, tries, first, now)
        raise AssertionError("the last try returns or raises")

    async def _once(
        self, purpose: Purpose, request: Callable[[], Awaitable[T]], insisting: Purpose | None
    ) -> T:
        await self._go_on(insisting)
        waiting = trio.CancelScope(
            relative_deadline=HURRY if self._hurried and insisting is not None else math.inf
        )
        self._waiting[waiting] = insisting
        try:
            with waiting:
                async with self._governor.slot(purpose):
                    # It is on its way from here on, and nobody calls it back, unless that has just happened.
                    del self._waiting[waiting]
                    waiting.deadline = math.inf
                    await trio.lowlevel.checkpoint_if_cancelled()
                    return await self._heard(purpose, request)
        finally:
            self._waiting.pop(waiting, None)
        await self._go_on(insisting)
        raise GeminiError("not asked any more, since a stop was asked for", kind=ErrorKind.TRANSIENT)

    async def _go_on(self, insisting: Purpose | None) -> None:
        """Raise what ended the run, or all requests that are waited for like this one."""
        await trio.lowlevel.checkpoint()
        over = self.ended if insisting is None else self.given_up(insisting)
        if over is not None:
            raise over.again()

    async def _heard(self, purpose: Purpose, request: Callable[[], Awaitable[T]]) -> T:
        try:
            answer = await request()
        except GeminiError as error:
            if error.kind.ends_run and self.ended is None:
                self.ended = error
                self._call_back({None, *Purpose})
            elif not error.kind.transient:
                self._since.pop(purpose, None)
            elif error.retry_after is not None and error.retry_after > LONGEST:
                self._give_up(set(Purpose), _for_later(error))  # the gate is closed for all of them
            raise
        self._since.pop(purpose, None)
        return answer

    async def _wait(self, purpose: Purpose, error: GeminiError, tries: int, first: float, now: float) -> None:
        """Wait before a request is sent again, or raise ``error`` where that is no use.

        The gate of the governor takes care of what the service asked for; here is only the backoff.
        """
        asked = error.retry_after or 0.0
        pause = backoff(tries, jitter=random.random())
        wait, since = max(asked, pause), self._since.setdefault(purpose, now)
        if self._hurried or purpose in self._silent:
            raise self._silent.get(purpose, error)
        # Push-back says nothing about a request, so that only the time counts.
        tried = tries >= TRIES and error.kind is not ErrorKind.RATE_LIMIT
        if tried or now + wait - min(first, since) > LONGEST:
            last = _for_later(error)
            if since <= first:
                # Nothing else of this kind was answered either: it speaks for all of them.
                self._give_up({purpose}, last)
            raise last
        self._tell(error, wait)
        with trio.CancelScope() as sleeping:
            self._waiting[sleeping] = purpose
            try:
                await trio.sleep(pause)
            finally:
                del self._waiting[sleeping]
        if self._hurried:
            raise error

    def _give_up(self, purposes: set[Purpose], error: GeminiError) -> None:
        self._silent.update(dict.fromkeys(purposes, error))
        for purpose in purposes:
            self._since.pop(purpose, None)
        self._call_back(purposes)

    def _call_back(self, purposes: Set[Purpose | None]) -> None:
        for scope, purpose in self._waiting.items():
            if purpose in purposes:
                scope.cancel(reason="it would not be answered")

    def _tell(self, error: GeminiError, wait: float) -> None:
        """Say once that there is a wait, and why."""
        if wait < TOLD or self._told:
            return
        self._told = True
        asked = error.retry_after is not None and error.retry_after >= TOLD
        self._observer.note(
            f"the service asks to wait {math.ceil(wait)} s" if asked else f"{error}; trying again"
        )


def _for_later(error: GeminiError) -> GeminiError:
    """The same, with when to come back where that is long enough to be told."""
    asked = error.retry_after or 0.0
    return error.again(f"run the same command again in {span(asked)}") if asked >= 60 else error
