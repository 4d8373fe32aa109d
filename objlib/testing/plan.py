"""A plan of faults in words, such as ``lost-answer:0.02`` or ``throttled:0.5:send``, and its use on a port.

A plan is drawn from a seed, and each draw depends on the request's kind and number alone: the same requests meet
the same faults in every run.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from starlette.middleware import Middleware
from starlette.requests import Request as AsgiRequest
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from objlib.testing.actions import (
    CAPTIVE_PORTAL,
    DAILY_QUOTA,
    DOWN,
    EMPTY,
    INTERNAL,
    INTERNAL_ACTED,
    STORE_FULL,
    TRUNCATED,
    Action,
    Alter,
    Delay,
    Drop,
    Script,
    never_done,
    throttled,
)
from objlib.testing.faults import Faults
from objlib.testing.nemesis import lagging

FAULTS: Final[Mapping[str, Action]] = {
    "lost-answer": Drop(act=True),
    "lost-request": Drop(act=False),
    "unavailable": DOWN,
    "empty-error": EMPTY,
    "internal": INTERNAL,
    "internal-acted": INTERNAL_ACTED,
    "throttled": throttled(2.0),
    "daily-quota": DAILY_QUOTA,
    "store-full": STORE_FULL,
    "truncated": TRUNCATED,
    "captive-portal": CAPTIVE_PORTAL,
    "never-done": Alter("never done", never_done),
    "slow": Delay(3.0),
}
"""The faults that a plan may name."""
KINDS: Final = frozenset(
    "store start send query cancel import list document delete file discard operation ask".split()
)
"""The kinds of requests that a plan may name; see docs/testing.md."""
ADMIN: Final = "/objlib/faults"
"""The path that shows and changes the plan of a served store, for clients of this machine."""
_LOG: Final = 1000
"""Requests that the log keeps."""


class PlanError(ValueError):
    """A word of a plan is none; the message is one line for the user."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A fault, its share of the requests from 0 to 1, and their kind; an empty kind means all of them."""

    fault: str
    share: float
    kind: str = ""

    @classmethod
    def parse(cls, text: str) -> "Rule":
        """Read ``FAULT:SHARE`` or ``FAULT:SHARE:KIND``; PlanError for anything else."""
        fault, _, rest = text.partition(":")
        share, _, kind = rest.partition(":")
        if fault not in FAULTS:
            raise PlanError(f"unknown fault {fault!r}; one of {', '.join(FAULTS)}")
        if kind and kind not in KINDS:
            raise PlanError(f"unknown kind of request {kind!r}; one of {', '.join(sorted(KINDS))}")
        try:
            number = float(share)
        except ValueError:
            number = -1.0
        if not 0 <= number <= 1:
            raise PlanError(f"{text!r} needs a share from 0 to 1, such as {fault}:0.02")
        return cls(fault, number, kind)

    def __str__(self) -> str:
        return f"{self.fault}:{self.share:g}" + (f":{self.kind}" if self.kind else "")


@dataclass
class FaultPlan:
    """A :data:`~objlib.testing.actions.Script` made of rules; the first that strikes decides.

    Attributes:
        list_lag: seconds for which a new document is missing from listings.
    """

    rules: Sequence[Rule] = ()
    seed: int = 0
    list_lag: float = 0.0

    @classmethod
    def parse(cls, words: Sequence[str], *, seed: int = 0, list_lag: float = 0.0) -> "FaultPlan":
        """Read the rules; ``none`` is no rule.

        Raises:
            PlanError: a rule is malformed.
        """
        return cls([Rule.parse(word) for word in words if word != "none"], seed, list_lag)

    def __call__(self, kind: str, number: int) -> Action | None:
        """Draw the action for a request."""
        for rule in self.rules:
            draw = Random(f"{self.seed} {rule} {kind} {number}").random()
            if rule.kind in ("", kind) and draw < rule.share:
                return FAULTS[rule.fault]
        if kind == "list" and self.list_lag:
            return Alter("lags", lagging(time.time(), self.list_lag))
        return None


@dataclass
class PlannedFaults:
    """A plan around a served store, and the log of its requests; a ``script`` takes the place of the plan."""

    plan: FaultPlan = field(default_factory=FaultPlan)
    script: Script | None = None
    faults: Faults = field(default_factory=Faults)

    def middleware(self) -> Middleware:
        """The middleware for :class:`objlib.embedded.Options`."""
        return Middleware(self.around)

    def around(self, app: ASGIApp) -> ASGIApp:
        """Wrap ``app``; requests for :data:`ADMIN` are answered here."""
        self.faults.script = self._draw
        faulty = self.faults.around(app)

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http" and scope["path"] == ADMIN and _is_local(scope):
                response = await self._administer(AsgiRequest(scope, receive))
                await response(scope, receive, send)
                return
            del self.faults.history[:-_LOG]
            await faulty(scope, receive, send)

        return serve

    def _draw(self, kind: str, number: int) -> Action | None:
        return (self.script or self.plan)(kind, number)

    def log(self) -> list[dict[str, Any]]:
        """The last requests, oldest first."""
        return [
            {"kind": each.kind, "target": each.target, "fault": each.action, "status": each.status}
            for each in self.faults.history[-_LOG:]
        ]

    async def _administer(self, request: AsgiRequest) -> JSONResponse:
        if request.method == "POST":
            try:
                if not request.headers.get("content-type", "").startswith("application/json"):
                    raise PlanError("the Content-Type must be application/json")
                body = json.loads(await request.body())
                words, seed, lag = body.get("faults", []), body.get("seed", 0), body.get("list_lag", 0.0)
                self.plan = FaultPlan.parse(
                    [str(word) for word in words], seed=int(seed), list_lag=float(lag)
                )
            except (ValueError, TypeError, AttributeError, RecursionError) as error:
                reason = str(error)[:300]
                error_body = {"code": 400, "message": reason, "status": "INVALID_ARGUMENT"}
                return JSONResponse({"error": error_body}, 400)
        return JSONResponse(
            {
                "faults": [str(rule) for rule in self.plan.rules],
                "seed": self.plan.seed,
                "requests": self.log(),
            }
        )


def _is_local(scope: Scope) -> bool:
    client = scope.get("client") or ("127.0.0.1", 0)
    return str(client[0]).startswith("127.") or client[0] == "::1"
