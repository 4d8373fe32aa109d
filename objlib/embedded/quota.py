"""A quota in front of the embedded service, so that clients can meet one: ASGI middleware.

The arithmetic is in :mod:`objlib.core.quota`. Refusals look like the real service's: 429 with RESOURCE_EXHAUSTED, a
QuotaFailure that names the quota, and, unless it is ``silent``, a RetryInfo and a Retry-After in whole seconds.
"""

import math
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import trio
from starlette.middleware import Middleware

from objlib.core.quota import Meter, Quota
from objlib.embedded.wire import ApiError

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Callable[..., Any], Send], Awaitable[None]]


def quota_middleware(quota: Quota) -> Middleware:
    """The quota, as :class:`objlib.embedded.Options` takes it. Every request of the API counts, of any kind."""
    return Middleware(_Quota, meter=Meter(quota))


class _Quota:
    def __init__(self, app: App, meter: Meter) -> None:
        self._app = app
        self._meter = meter

    async def __call__(
        self, scope: MutableMapping[str, Any], receive: Callable[..., Any], send: Send
    ) -> None:
        if scope["type"] != "http" or "/v1" not in scope["path"]:
            await self._app(scope, receive, send)
            return
        wait = self._meter.refuse(trio.current_time())
        if wait is not None:
            await _refusal(self._meter.quota, wait).response()(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            self._meter.done()


def _refusal(quota: Quota, wait: float) -> ApiError:
    span = "Day" if quota.daily else "Minute" if quota.seconds >= 60 else "Second"
    kind = "google.rpc.QuotaFailure"
    violation = {"quotaId": f"RequestsPer{span}PerProject", "quotaValue": f"{quota.limit:g}"}
    details: list[dict[str, Any]] = [{"@type": f"type.googleapis.com/{kind}", "violations": [violation]}]
    headers = {}
    if wait > 0 and not quota.silent:
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{wait:.3f}s"})
        headers["Retry-After"] = str(math.ceil(wait))
    return ApiError(
        "RESOURCE_EXHAUSTED",
        "You exceeded your current quota, please check your plan and billing details.",
        details=tuple(details),
        headers=headers,
    )
