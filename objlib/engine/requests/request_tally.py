"""The tally of requests: how many were answered, throttled and failed, and how long answers took."""

from collections.abc import Iterator
from contextlib import contextmanager

import trio

from objlib.core.totals import RunTotals
from objlib.engine.requests.budgets import Purpose
from objlib.gemini import GeminiError


class RequestTally:
    """Counts requests by purpose and result.

    Attributes:
        sent: requests that left; one that was broken off here is in no result.
        totals: ``requests``, and ``request_seconds`` of those that were answered.
    """

    def __init__(self) -> None:
        self.sent = 0
        self.totals = RunTotals()

    @contextmanager
    def request(self, purpose: Purpose, started: float) -> Iterator[None]:
        """Count the request that the block sends; it left at ``started``, by trio's clock."""
        self.sent += 1
        try:
            yield
        except GeminiError as error:
            self._count(purpose, _result(error), started)
            raise
        self._count(purpose, "answered", started)

    def _count(self, purpose: Purpose, result: str, started: float) -> None:
        self.totals.add("requests", purpose, result)
        if result == "answered":
            self.totals.observe("request_seconds", purpose, seconds=trio.current_time() - started)


def _result(error: GeminiError) -> str:
    """A refusal such as 404 is an answer like another; only a throttling and a fault are told apart from it."""
    if error.kind.throttles:
        return "throttled"
    return "failed" if error.status is None or error.status >= 500 else "answered"
