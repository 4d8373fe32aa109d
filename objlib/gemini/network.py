"""How requests leave this process, or do not: httpx's client, and a transport into an ASGI application."""

import logging
import traceback
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import httpx
import trio

from objlib import __version__
from objlib.gemini.endpoint import Endpoint
from objlib.gemini.quiet import without_secrets

PIECE: Final = 64 * 1024
"""Bytes handed to the socket at once: httpx's write timeout is per piece, so a slow line may take longer."""
_LOG: Final = logging.getLogger(__name__)


def http_client(endpoint: Endpoint, asgi: Callable[..., Any] | None, connections: int) -> httpx.AsyncClient:
    """An httpx client for ``endpoint``: over the network, or into an application of this process.

    Redirects are never followed: they would carry documents, or the key, to an address nobody chose.
    """
    limits = httpx.Limits(
        max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=30.0
    )
    return httpx.AsyncClient(
        transport=None if asgi is None else InProcess(asgi),
        limits=limits,
        follow_redirects=False,
        trust_env=not endpoint.local,
        headers={"user-agent": f"objlib/{__version__}"},
    )


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
        except Exception:
            _LOG.error("the service in this process failed: %s", without_secrets(traceback.format_exc()))
            return httpx.Response(500, request=request)


def pieces(content: bytes | None) -> bytes | AsyncIterator[bytes] | None:
    """A body as httpx takes it; a long one in pieces, for which the caller has to give the Content-Length."""
    return content if content is None or len(content) <= PIECE else _cut(content)


async def _cut(content: bytes) -> AsyncIterator[bytes]:
    view = memoryview(content)
    for start in range(0, len(content), PIECE):
        await trio.lowlevel.checkpoint()
        yield bytes(view[start : start + PIECE])
