"""The session that opens the pages: whose browser it is, what it may do, and what a page may load.

The pages show a private library on a port that every program of every user of this machine can reach. So they are shown
to the browser alone that opened the address with the one-time token. The port itself refuses other hosts and
origins (:mod:`objlib.embedded.server.guard`).

A request that changes something passes four more gates: the pages were started for writing, it is a POST, its
``Origin`` is there and is ours, and its form carries the token that only a page of this session shows.
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
"""The methods that change nothing."""
OPEN: Final = frozenset({"/healthz", "/readyz"})
"""The addresses that are answered without a session: a supervisor has none, and they tell nothing of the library."""
METRICS: Final = "/metrics"
"""The address that a monitor with its own token may read, which has no browser to keep a session."""
METRICS_TOKEN: Final = "OBJLIB_METRICS_TOKEN"
"""Variable with the token of that monitor; without it only the browser of the session reads the metrics."""
HEADERS: Final = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    # Not no-referrer: a browser sends the forms of such a page with the origin "null" (Fetch standard, 3.2).
    "referrer-policy": "same-origin",
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
        form_token: in every form of a page; a site that cannot read our pages cannot send one.
        metrics_token: that of a monitor; empty where none may read the metrics.
    """

    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    session: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    form_token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    metrics_token: str = ""

    def redeem(self, token: str) -> bool:
        """Whether ``token`` is the one-time token; it is not from then on."""
        matches = bool(self.token) and _same(token, self.token)
        if matches:
            self.token = ""
        return matches

    def admits(self, session: str) -> bool:
        """Whether ``session`` is that of the browser that redeemed the token."""
        return _same(session, self.session)

    def is_monitor(self, authorization: str) -> bool:
        """Whether a header ``Authorization`` has the token of the monitor."""
        return bool(self.metrics_token) and _same(authorization, f"Bearer {self.metrics_token}")

    def signed(self, form_token: str) -> bool:
        """Whether a form comes from a page of this session."""
        return _same(form_token, self.form_token)


class SessionGuard:
    """ASGI middleware that refuses every request that is not from the owner's own browser.

    Args:
        app: what is guarded.
        sessions: of this server.
        cookie: name of the session's cookie.
        write: whether requests that change something are served at all.
        roots: the first segments of the paths of pages.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        sessions: Sessions,
        cookie: str,
        write: bool,
        roots: frozenset[str] = frozenset(),
    ) -> None:
        self._app = app
        self._sessions = sessions
        self._cookie = cookie
        self._write = write
        self._roots = roots

    def shows(self, scope: Scope) -> bool:
        """Whether a request is for a page, on a port that serves the API too, none of whose paths begins like one."""
        return scope["type"] == "http" and str(scope["path"])[1:].partition("/")[0] in self._roots

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request, or refuse it in one line."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        app = self._refusal(Request(scope)) or self._app
        await app(scope, receive, _with_headers(send))

    def _refusal(self, request: Request) -> ASGIApp | None:
        if request.method not in READING and not (self._write and request.method == "POST"):
            return PlainTextResponse(
                "The pages only show; nothing is changed. Start them with --write to change something.\n"
                if not self._write
                else "The pages take GET, HEAD and POST.\n",
                405,
                {"allow": "GET, HEAD, POST" if self._write else "GET, HEAD"},
            )
        if request.method in READING and request.url.path in OPEN:
            return None
        if request.method in READING and request.url.path == METRICS and self._is_monitor(request):
            return None
        if request.method in READING and self._sessions.redeem(request.query_params.get("token", "")):
            answer = RedirectResponse(request.url.path, 303)
            answer.set_cookie(self._cookie, self._sessions.session, httponly=True, samesite="strict")
            return answer
        if not self._sessions.admits(request.cookies.get(self._cookie, "")):
            return PlainTextResponse(
                "This page belongs to the user who started it. Start it again, and open the address that it prints.\n",
                403,
            )
        if request.method == "POST" and not _from_our_page(request):
            return PlainTextResponse("A form is taken from our own pages alone.\n", 403)
        return None

    def _is_monitor(self, request: Request) -> bool:
        return self._sessions.is_monitor(request.headers.get("authorization", ""))


def _from_our_page(request: Request) -> bool:
    """Whether ``Origin`` says that a page of this very server sent the request; every browser sends it with a POST."""
    host = request.headers.get("host", "")
    return bool(host) and request.headers.get("origin", "").casefold() == f"http://{host}".casefold()


def _same(given: str, expected: str) -> bool:
    return secrets.compare_digest(given.encode(), expected.encode())


def _with_headers(send: Send) -> Callable[[Message], Awaitable[None]]:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return send_with_headers
