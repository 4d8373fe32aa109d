"""The pages on a port of this machine, until a signal stops them."""

from collections.abc import Callable
from functools import partial
from typing import Final

import trio

from objlib.api import open_library
from objlib.core.config.settings import Settings
from objlib.core.errors import ServiceError
from objlib.core.events import Observer
from objlib.embedded.server import AllowedHosts, guarded, listen, serve_app
from objlib.engine.shutdown import stop_on_signals
from objlib.web.app import make_pages
from objlib.web.guard import Sessions

HOST: Final = "127.0.0.1"
"""The pages are for this machine alone."""


async def serve_pages(
    settings: Settings, *, port: int, observer: Observer, ready: Callable[[str], None]
) -> None:
    """Serve the pages of one library until a signal stops it, which is the regular end.

    Args:
        port: 0 for any free one.
        observer: hears of the stop.
        ready: called with the address to open once connections are accepted. It is good for one visit.

    Raises:
        ServiceError: the port is taken or not allowed.
        InterruptedRun: a second signal stopped it while connections were still open.
    """
    try:
        listener = listen(HOST, port)
    except OSError as error:
        raise ServiceError(
            f"cannot listen on {HOST}:{port}: {error.strerror or error}; choose another --port"
        ) from None
    port, sessions, stopping = listener.getsockname()[1], Sessions(), trio.Event()
    with listener:
        async with stop_on_signals(observer) as drain:
            with drain.work():
                async with open_library(settings) as library, trio.open_nursery() as nursery:
                    pages = make_pages(library, sessions=sessions, cookie=f"objlib-{port}")
                    app = guarded(pages, AllowedHosts.of(()))
                    nursery.start_soon(partial(serve_app, app, listener, stopping=stopping))
                    ready(f"http://{HOST}:{port}/?token={sessions.token}")
                    with drain.intake():
                        try:
                            await trio.sleep_forever()
                        finally:
                            stopping.set()
