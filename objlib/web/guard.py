"""The session that opens the pages: whose browser it is, and what a page may load.

The pages show a private library on a port that every program of every user of this machine can reach. So they are shown
to the browser alone that opened the address with the one-time token. The port itself refuses other hosts and
origins (:mod:`objlib.embedded.server.guard`).
"""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

READING: Final = frozenset({"GET", "HEAD"})
"""The methods that are served: the pages change nothing."""
HEADERS: Final = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
"""Headers of every answer: nothing is loaded from elsewhere, framed, guessed, kept or told to another site."""


@dataclass(slots=True)
class Sessions:
    """The one-time token of the address that is opened first, and the session that it is changed for.

    Attributes:
        token: valid for one visit; empty afterwards.
        session: the cookie of the browser that made it.
    """

    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    session: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    def redeem(self, token: str) -> bool:
        """Whether ``token`` is the one-time token; it is not from then on."""
        matches = bool(self.token) and secrets.compare_digest(token.encode(), self.token.encode())
        if matches:
            self.token = ""
        return matches

    def admits(self, session: str) -> bool:
        """Whether ``session`` is that of the browser that redeemed the token."""
        return secrets.compare_digest(session.encode(), self.session.encode())


class SessionGuard:
    """ASGI middleware that refuses every request that is not from the owner's own browser."""

    def __init__(self, app: ASGIApp, *, sessions: Sessions, cookie: str) -> None:
        self._app = app
        self._sessions = sessions
        self._cookie = cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request, or refuse it in one line."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        app = self._refusal(Request(scope)) or self._app
        await app(scope, receive, _with_headers(send))

    def _refusal(self, request: Request) -> ASGIApp | None:
        if request.method not in READING:
            return PlainTextResponse(
                "The pages only show; nothing is changed.\n", 405, {"allow": "GET, HEAD"}
            )
        if self._sessions.redeem(request.query_params.get("token", "")):
            answer = RedirectResponse(request.url.path, 303)
            answer.set_cookie(self._cookie, self._sessions.session, httponly=True, samesite="strict")
            return answer
        if not self._sessions.admits(request.cookies.get(self._cookie, "")):
            return PlainTextResponse(
                "This page belongs to the user who ran objlib ui. Run it again, and open the address it prints.\n",
                403,
            )
        return None


def _with_headers(send: Send) -> Callable[[Message], Awaitable[None]]:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return send_with_headers
