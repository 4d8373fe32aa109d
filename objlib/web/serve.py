"""The pages on a port of this machine, until a signal stops them."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

import trio
from starlette.types import ASGIApp, Receive, Scope, Send

from objlib.api import open_library
from objlib.core.config.settings import Settings
from objlib.core.events import Observer
from objlib.engine.app import Overrides
from objlib.engine.serve import serve_until_stopped
from objlib.web.app import make_pages
from objlib.web.guard import SessionGuard, Sessions
from objlib.web.tasks import PageRuns

HOST: Final = "127.0.0.1"
"""The pages are for this machine alone."""


async def serve_pages(
    settings: Settings,
    *,
    port: int,
    observer: Observer,
    ready: Callable[[str], None],
    write: bool = False,
    metrics_token: str = "",
    overrides: Overrides | None = None,
) -> None:
    """Serve the pages of one library until a signal stops it, which is the regular end.

    A run that a page started then finishes what it has in flight; a second signal ends it at once.

    Args:
        port: 0 for any free one.
        observer: hears of the stop.
        ready: called with the address to open once connections are accepted. It is good for one visit.
        write: whether the pages may change something, and not only show.
        metrics_token: the token with which a monitor reads ``/metrics``; empty for none.
        overrides: a test's own clock, threads and faults.

    Raises:
        ServiceError: the port is taken or not allowed.
        InterruptedRun: a second signal stopped it while connections were still open.
    """
    sessions = Sessions(metrics_token=metrics_token)

    def open_app(port: int) -> AbstractAsyncContextManager[ASGIApp]:
        return open_pages(
            settings, port, sessions=sessions, observer=observer, write=write, overrides=overrides
        )

    def opened(address: str) -> None:
        ready(f"{address}/?token={sessions.token}")

    await serve_until_stopped(open_app, HOST, port, observer=observer, ready=opened)


@asynccontextmanager
async def open_pages(
    settings: Settings,
    port: int,
    *,
    sessions: Sessions,
    observer: Observer,
    write: bool = False,
    overrides: Overrides | None = None,
) -> AsyncIterator[SessionGuard]:
    """Open a library, and the pages over it; a run that a page started ends with them.

    Args:
        port: on which they are served.
        sessions: who may see them.
    """
    async with open_library(settings, observer=observer, overrides=overrides) as library:
        async with trio.open_nursery() as nursery:
            runs = PageRuns(library, nursery) if write else None
            try:
                # Cookies do not tell ports apart.
                yield make_pages(library, sessions=sessions, cookie=f"objlib-{port}", runs=runs)
            finally:
                if runs is not None:
                    runs.stop()


@asynccontextmanager
async def open_pages_beside(
    api: ASGIApp,
    port: int,
    *,
    settings: Settings,
    sessions: Sessions,
    observer: Observer,
    write: bool = False,
) -> AsyncIterator[ASGIApp]:
    """Open an app that serves the pages of a library and an API on one port; arguments as for :func:`open_pages`."""
    async with open_pages(settings, port, sessions=sessions, observer=observer, write=write) as pages:

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            await (pages if pages.shows(scope) else api)(scope, receive, send)

        yield serve
