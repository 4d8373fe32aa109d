"""A quota in front of the embedded service, as ASGI middleware: for tests of clients.

The arithmetic is in :mod:`objlib.core.pacing.quota`. Refusals look like the real service's: 429 with
RESOURCE_EXHAUSTED, a QuotaFailure that names the quota, and, unless it is ``silent``, a RetryInfo and a Retry-After
in whole seconds.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import trio
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from objlib.core.pacing.quota import Meter, Quota
from objlib.embedded.api.responses import error_response
from objlib.embedded.wire.errors import ApiError


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision of the quota about one request.

    Attributes:
        path: without the query, which may name a session.
        wait: seconds until a refused request would be admitted (0: unknown), else None.
    """

    method: str
    path: str
    admitted: bool
    wait: float | None


def quota_middleware(
    quota: Quota, decided: Callable[[Decision], None] = lambda _decision: None
) -> Middleware:
    """Middleware for :class:`objlib.embedded.Options` that enforces a quota. Every request of the API counts.

    ``decided`` is called for each of them, when it is admitted or refused.
    """
    meter = Meter(quota)

    def around(app: ASGIApp) -> ASGIApp:
        async def admit(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or "/v1" not in scope["path"]:
                await app(scope, receive, send)
                return
            # The request travels for half of the latency, and its answer for the other half.
            half = meter.latency(trio.current_time()) / 2
            await trio.sleep(half)
            wait = meter.refuse(trio.current_time())
            decided(Decision(scope["method"], scope["path"], wait is None, wait))
            if wait is not None:
                refusal = _refusal(meter.quota, wait)
                await trio.sleep(half)
                await refusal(scope, receive, send)
                return
            try:
                await trio.sleep(half)
                await app(scope, receive, send)
            finally:
                meter.done()

        return admit

    return Middleware(around)


def _refusal(quota: Quota, wait: float) -> Response:
    span = "Day" if quota.daily else "Minute" if quota.seconds >= 60 else "Second"
    kind = "google.rpc.QuotaFailure"
    violation = {"quotaId": f"RequestsPer{span}PerProject", "quotaValue": f"{quota.limit:g}"}
    details: list[dict[str, Any]] = [{"@type": f"type.googleapis.com/{kind}", "violations": [violation]}]
    headers = {}
    if wait > 0 and not quota.silent:
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{wait:.3f}s"})
        headers["Retry-After"] = str(math.ceil(wait))
    error = ApiError(
        "RESOURCE_EXHAUSTED",
        "You exceeded your current quota, please check your plan and billing details.",
        details=tuple(details),
    )
    return error_response(error, headers)
