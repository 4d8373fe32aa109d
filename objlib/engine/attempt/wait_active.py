"""Waiting until the store says ACTIVE: "indexed" never means less than that."""

from collections import deque
from collections.abc import Callable
from typing import Final

import trio

from objlib.core.failures import Failure, FailureKind
from objlib.core.lifecycle.recovery import Complete, Facts, Fail, Verdict, Wait
from objlib.core.pacing.backoff import first_poll, next_poll
from objlib.engine.attempt.enact import Attempt
from objlib.engine.attempt.probe import probe
from objlib.engine.requests.retry import MAX_WAIT
from objlib.gemini import GeminiError

UNREACHABLE_SECONDS: Final = 30.0
"""Seconds without a connection after which a document is no longer polled; the next run goes on with it."""
LASTING_CONFIRMATIONS: Final = 2
"""Answers of FAILED with a reason that will last before one of them counts."""


async def wait_until_active(
    attempt: Attempt,
    recent: deque[float],
    on_suspect: Callable[[], None] = lambda: None,
    *,
    at_once: bool = False,
) -> None:
    """Wait for the document of a row in PROCESSING until it is ACTIVE, FAILED, or its time is up.

    A document that cannot be found leaves the row in PROCESSING: only a listing can tell, and recovery makes one
    listing for all of them.

    Args:
        attempt: its row tells the outcome.
        recent: seconds that the last documents took; this one is added.
        on_suspect: called when the document is FAILED for the first time, before that is confirmed.
        at_once: probe the document before the first wait; it was made a while ago.

    Raises:
        GeminiError: an answer that ends the run.
        StaleTransitionError: another run took the row over.
    """
    wait = _Wait(attempt, recent, on_suspect, at_once=at_once)
    while not await wait.poll():
        pass


class _Wait:
    """One wait: when it began, when the store answered last, and how often it said FAILED."""

    def __init__(
        self, attempt: Attempt, recent: deque[float], on_suspect: Callable[[], None], *, at_once: bool
    ) -> None:
        self._attempt = attempt
        self._recent = recent
        self._on_suspect = on_suspect
        self._began = self._answered = trio.current_time()
        self._pause = 0.0 if at_once else first_poll(recent)
        self._due = self._began + self._pause
        self._failures = 0

    async def poll(self) -> bool:
        """Probe once, when it is due; whether the wait is over."""
        attempt, app = self._attempt, self._attempt.app
        await trio.sleep(self._pause)
        waited = trio.current_time() - self._began
        self._pause = next_poll(waited)
        in_time = waited < app.settings.settle_seconds
        try:
            await attempt.refresh()
            verdict, facts = await probe(attempt)
        except GeminiError as error:
            if error.kind.ends_run:
                raise
            silence = trio.current_time() - self._answered
            return not in_time or silence > (UNREACHABLE_SECONDS if error.connect else MAX_WAIT)
        self._answered = trio.current_time()
        # The time up to which the store was to be probed, not to the answer: a probe may wait behind the gate of the
        # governor, or get no answer.
        took, self._due = self._due - self._began, self._answered + self._pause
        return await self._judge(verdict, facts, took, in_time=in_time)

    async def _judge(self, verdict: Verdict, facts: Facts, took: float, *, in_time: bool) -> bool:
        """Act on an answer; whether the wait is over."""
        attempt, app = self._attempt, self._attempt.app
        match verdict:
            case Complete(document):
                self._recent.append(took)
                app.governor.indexed(self._began, took)
                await attempt.mark_indexed(document)
            case Fail(reason):
                kind = self._confirm(facts, in_time=in_time)
                if kind is None:
                    return False
                await attempt.mark_failed(Failure.of(kind, reason), facts.document_name)
            case _ if in_time:
                return False
            case Wait():
                seconds = f"{app.settings.settle_seconds:.0f} s"
                reason = f"the store did not finish it within {seconds}; try again later"
                await attempt.mark_failed(Failure.of(FailureKind.TIMEOUT, reason), facts.document_name)
            case _:
                pass  # it cannot be found, and only a listing can tell
        return True

    def _confirm(self, facts: Facts, *, in_time: bool) -> FailureKind | None:
        """The kind of a failure that was heard often enough; None while it has to be confirmed.

        Under load a FAILED document may still turn ACTIVE, so it is polled again; not for long if the store names a
        reason that will last.
        """
        governor = self._attempt.app.governor
        lasting = bool(facts.reason) and not facts.transient
        self._failures += 1
        if self._failures == 1:
            self._on_suspect()
            if not lasting:
                governor.failed(self._began)
        if self._failures < (LASTING_CONFIRMATIONS if lasting else governor.failed_confirmations) and in_time:
            return None
        transient = facts.transient or (not lasting and governor.failure_burst)
        return FailureKind.TRANSIENT if transient else facts.failure_kind
