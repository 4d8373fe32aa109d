"""How requests leave this process, or do not: the transports, one of them into an ASGI application."""

import logging
import traceback
from collections.abc import Callable
from typing import Any, Final

import httpx
import trio

from objlib.core.errors import UsageError
from objlib.gemini.body import BodySourceError, Pieces
from objlib.gemini.connections import Connections
from objlib.gemini.redact import without_secrets
from objlib.gemini.route import Route

_LOG: Final = logging.getLogger(__name__)


def open_transport(
    route: Route, asgi: Callable[..., Any] | None, connections: int
) -> httpx.AsyncBaseTransport:
    """The transport for one way to a service: straight, through a proxy, or into an application of this process.

    Raises:
        UsageError: the proxy cannot be used. Its address may hold a password, so it is not in the message.
    """
    if asgi is not None:
        return InProcess(asgi)
    if route.proxy is None:
        return Connections(route.verify, connections)
    limits = httpx.Limits(
        max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=30.0
    )
    try:
        return httpx.AsyncHTTPTransport(
            verify=route.verify, limits=limits, proxy=route.proxy, trust_env=False
        )
    except (ValueError, ImportError, httpx.InvalidURL):
        raise UsageError(
            f"the address of the proxy in {route.variable} cannot be used; it must be like http://host:port "
            "(a SOCKS proxy needs the package socksio)"
        ) from None


class InProcess(httpx.AsyncBaseTransport):
    """Answers from an ASGI application, failing the way a network does.

    An application that raises ConnectionRefusedError was never reached; any other ConnectionError is a
    connection lost after the request was taken; silence becomes a read timeout. Any other exception is a
    fault of the service: it is logged, and a 500 to the client, as it would be behind a port.
    """

    def __init__(self, app: Callable[..., Any]) -> None:
        self._inner = httpx.ASGITransport(app=app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Hand one request to the application."""
        try:
            with trio.fail_after(request.extensions["timeout"]["read"]):
                return await self._inner.handle_async_request(request)
        except trio.TooSlowError:
            raise httpx.ReadTimeout("no answer", request=request) from None
        except ConnectionRefusedError:
            raise httpx.ConnectError("refused", request=request) from None
        except ConnectionError:
            raise httpx.ReadError("lost", request=request) from None
        except BodySourceError:
            raise  # a fault of this side
        except Exception:
            _LOG.error("the service in this process failed: %s", without_secrets(traceback.format_exc()))
            return httpx.Response(500, request=request, stream=Pieces(b""))
