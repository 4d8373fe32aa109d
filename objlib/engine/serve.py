"""The embedded service on a port, for any Gemini client."""

import socket
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial

import trio
from starlette.middleware import Middleware
from starlette.types import ASGIApp

from objlib.core.config.settings import Settings
from objlib.core.errors import ServiceError
from objlib.core.events import EventKind, Observer
from objlib.core.pacing.quota import Quota
from objlib.embedded import Options, open_service
from objlib.embedded.server import AllowedHosts, Decision, guarded, listen, quota_middleware, serve_app
from objlib.engine.bootstrap.open_app import with_models
from objlib.engine.shutdown import stop_on_signals


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """How the store is served.

    Attributes:
        host: the address to listen on.
        port: 0 for any free one.
        allow_hosts: further names under which the server answers, beside its address and those of loopback.
        quota: limits the requests and sets the latency of answers; None for neither.
        require_key: the only API key that is accepted; None accepts any, and none at all.
        strict: whether requests and answers have to fit the discovery document in every field.
        settle_seconds: lag between the last byte of a document and ACTIVE, for tests of clients.
        middleware: further middleware inside the quota, such as faults.
        around: opens an app that serves more than the API on the same port; gets the API, and the port.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    allow_hosts: tuple[str, ...] = ()
    quota: Quota | None = None
    require_key: str | None = None
    strict: bool = False
    settle_seconds: float = 0.0
    middleware: tuple[Middleware, ...] = ()
    around: Callable[[ASGIApp, int], AbstractAsyncContextManager[ASGIApp]] | None = None


async def serve(
    settings: Settings, options: ServeOptions, *, observer: Observer, ready: Callable[[str], None]
) -> None:
    """Serve the embedded store until a signal stops it, which is the regular end of a server.

    Args:
        observer: gets an event when it stops, and one for each request that meets the quota.
        ready: called with the base URL once connections are accepted.

    Raises:
        ServiceError: the port is taken or not allowed, or the store's file cannot be used.
        InterruptedRun: a second signal stopped it while connections were still open.
    """

    def report(on: Decision) -> None:
        observer.event(EventKind.REQUEST, method=on.method, path=on.path, admitted=on.admitted, wait=on.wait)

    @asynccontextmanager
    async def open_store(port: int) -> AsyncIterator[ASGIApp]:
        middleware = () if options.quota is None else (quota_middleware(options.quota, report),)
        service_options = Options(
            background_vectors=True,
            middleware=(*middleware, *options.middleware),
            require_key=options.require_key,
            strict=options.strict,
            settle_seconds=options.settle_seconds,
        )
        service_options = with_models(service_options, settings)
        async with open_service(settings.embedded, options=service_options) as service:
            if options.around is None:
                yield service.app
            else:
                async with options.around(service.app, port) as app:
                    yield app

    await serve_until_stopped(
        open_store, options.host, options.port, names=options.allow_hosts, observer=observer, ready=ready
    )


async def serve_until_stopped(
    open_app: Callable[[int], AbstractAsyncContextManager[ASGIApp]],
    host: str,
    port: int,
    *,
    observer: Observer,
    ready: Callable[[str], None],
    names: Iterable[str] = (),
) -> None:
    """Serve an ASGI app on a port until a signal stops it, which is the regular end.

    Args:
        open_app: opens the app for the time that it is served; gets the port.
        host: the address to listen on.
        port: 0 for any free one.
        observer: gets an event when it stops.
        ready: called with the base URL once connections are accepted.
        names: further names under which the server answers, beside its address and those of loopback.

    Raises:
        ServiceError: the port is taken or not allowed.
        InterruptedRun: a second signal stopped it while connections were still open.
    """
    listener = _listen(host, port)
    port, stopping = listener.getsockname()[1], trio.Event()
    with listener:
        async with stop_on_signals(observer) as drain:
            with drain.work():
                async with open_app(port) as app, trio.open_nursery() as nursery:
                    # The socket listens already: a connection made before the server runs is served then.
                    nursery.start_soon(
                        partial(
                            serve_app,
                            guarded(app, AllowedHosts.of((host, *names))),
                            listener,
                            stopping=stopping,
                        )
                    )
                    ready(f"http://{f'[{host}]' if ':' in host else host}:{port}")
                    with drain.intake():
                        try:
                            await trio.sleep_forever()
                        finally:
                            stopping.set()


def _listen(host: str, port: int) -> socket.socket:
    try:
        return listen(host, port)
    except OSError as error:
        raise ServiceError(
            f"cannot listen on {host}:{port}: {error.strerror or error}; choose another --port"
        ) from None
