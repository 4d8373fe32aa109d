"""The tools over standard input and output, or on a port of this machine."""

import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from objlib.api import open_library
from objlib.core.config.settings import Settings
from objlib.core.events import Observer
from objlib.engine.serve import serve_until_stopped
from objlib.engine.shutdown import stop_on_signals
from objlib.mcp.tools import make_server


async def serve_stdio(settings: Settings, *, write: bool, observer: Observer) -> None:
    """Serve the client at the other end of standard input and output, until it closes them or a signal comes.

    Raises:
        InterruptedRun: a signal stopped it.
    """
    async with stop_on_signals(observer) as drain:
        with drain.work():
            async with open_library(settings) as library:
                await make_server(library, write=write).run_stdio_async()


async def serve_http(
    settings: Settings,
    *,
    port: int,
    token: str,
    write: bool,
    observer: Observer,
    ready: Callable[[str], None],
) -> None:
    """Serve clients on a port of this machine that send ``token``, until a signal stops it.

    Args:
        port: 0 for any free one.
        token: each request carries it as ``Authorization: Bearer``; other users of the machine have none.
        write: whether the tools that change the store are there.
        observer: hears of the stop.
        ready: called with the base URL once connections are accepted.

    Raises:
        ServiceError: the port is taken or not allowed.
        InterruptedRun: a second signal stopped it while connections were still open.
    """

    @asynccontextmanager
    async def open_tools(_: int) -> AsyncIterator[ASGIApp]:
        async with open_library(settings) as library:
            server = make_server(library, write=write)
            # The port checks host and origin already, as it does for the store.
            security = TransportSecuritySettings(enable_dns_rebinding_protection=False)
            app = server.streamable_http_app(transport_security=security)
            async with server.session_manager.run():
                yield _with_token(app, token)

    await serve_until_stopped(open_tools, "127.0.0.1", port, observer=observer, ready=ready)


def _with_token(app: ASGIApp, token: str) -> ASGIApp:
    expected = f"Bearer {token}".encode()

    async def check(scope: Scope, receive: Receive, send: Send) -> None:
        given = Headers(scope=scope).get("authorization", "").encode()
        if scope["type"] == "http" and not hmac.compare_digest(given, expected):
            refusal = PlainTextResponse(
                "send the token of `objlib mcp --http` as Authorization: Bearer TOKEN\n", 401
            )
            await refusal(scope, receive, send)
        else:
            await app(scope, receive, send)

    return check
