"""The pages on a port of this machine, until a signal stops them."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import trio
from starlette.types import ASGIApp

from objlib.api import open_library
from objlib.core.config.settings import Settings
from objlib.core.events import Observer
from objlib.engine.app import Overrides
from objlib.engine.serve import serve_until_stopped
from objlib.web.app import make_pages
from objlib.web.guard import Sessions
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

    @asynccontextmanager
    async def open_pages(port: int) -> AsyncIterator[ASGIApp]:
        async with open_library(settings, observer=observer, overrides=overrides) as library:
            async with trio.open_nursery() as nursery:
                runs = PageRuns(library, nursery) if write else None
                try:
                    # Cookies do not tell ports apart.
                    yield make_pages(library, sessions=sessions, cookie=f"objlib-{port}", runs=runs)
                finally:
                    if runs is not None:
                        runs.stop()

    def opened(address: str) -> None:
        ready(f"{address}/?token={sessions.token}")

    await serve_until_stopped(open_pages, HOST, port, observer=observer, ready=opened)
