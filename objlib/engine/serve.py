"""The embedded service on a port, for any Gemini client."""

import socket
from collections.abc import Callable
from functools import partial
from typing import cast

import trio
from hypercorn.config import Config
from hypercorn.trio import serve as hypercorn_serve
from hypercorn.typing import ASGIFramework

from objlib.core.config.settings import Settings
from objlib.core.errors import ServiceError
from objlib.core.events import EventKind, Observer
from objlib.core.pacing.quota import Quota
from objlib.embedded import Options, open_service
from objlib.embedded.api.quota import Decision, quota_middleware
from objlib.engine.shutdown import stop_on_signals


async def serve(
    settings: Settings,
    *,
    host: str,
    port: int,
    observer: Observer,
    ready: Callable[[str], None],
    quota: Quota | None = None,
) -> None:
    """Serve the embedded store until a signal stops it, which is the regular end of a server.

    Args:
        port: 0 for any free one.
        observer: gets an event when it stops, and one for each request that meets the quota.
        ready: called with the base URL once connections are accepted.
        quota: limits the requests and sets the latency of answers; None for neither.

    Raises:
        ServiceError: the port is taken or not allowed, or the store's file cannot be used.
        InterruptedRun: a second signal stopped it while connections were still open.
    """
    listener = _listen(host, port)
    address = listener.getsockname()
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.errorlog = config.accesslog = None
    config.graceful_timeout = 3.0

    def report(on: Decision) -> None:
        observer.event(EventKind.REQUEST, method=on.method, path=on.path, admitted=on.admitted, wait=on.wait)

    middleware = () if quota is None else (quota_middleware(quota, report),)
    options = Options(background_vectors=True, middleware=middleware)
    async with stop_on_signals(observer) as drain:
        with drain.work():
            async with open_service(settings.embedded, options=options) as service:
                stopping = trio.Event()
                async with trio.open_nursery() as nursery:
                    # The socket listens already: a connection made before the server runs is served then.
                    app = cast("ASGIFramework", service.app)
                    nursery.start_soon(partial(hypercorn_serve, app, config, shutdown_trigger=stopping.wait))
                    ready(f"http://{f'[{host}]' if ':' in host else host}:{address[1]}")
                    with drain.intake():
                        try:
                            await trio.sleep_forever()
                        finally:
                            stopping.set()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise ServiceError(
            f"cannot listen on {host}:{port}: {error.strerror or error}; choose another --port"
        ) from None
    listener.setblocking(False)
    return listener
