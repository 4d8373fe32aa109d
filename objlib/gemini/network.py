"""How requests leave this process, or do not: httpx's client, and a transport into an ASGI application."""

import logging
import traceback
import zlib
from collections.abc import Callable
from typing import Any, Final

import httpx
import trio

from objlib import __version__
from objlib.core.errors import UsageError
from objlib.gemini.redact import without_secrets
from objlib.gemini.route import Route

WRITE_SIZE: Final = 64 * 1024
"""Bytes handed to the socket at once: httpx's write timeout is per piece, so a slow line may take longer."""
MAX_BODY: Final = 64 * 1024 * 1024
"""Bytes of an answer, unpacked, at most; a longer one is no answer of this API."""
_LOG: Final = logging.getLogger(__name__)


def http_client(route: Route, asgi: Callable[..., Any] | None, connections: int) -> httpx.AsyncClient:
    """An httpx client for one way to a service: over the network, or into an application of this process.

    Redirects are never followed: they would carry documents, or the key, to an address that the user did not choose.

    Raises:
        UsageError: the proxy cannot be used. Its address may hold a password, so it is not in the message.
    """
    limits = httpx.Limits(
        max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=30.0
    )
    try:
        return httpx.AsyncClient(
            transport=None if asgi is None else InProcess(asgi),
            limits=limits,
            follow_redirects=False,
            trust_env=False,
            proxy=route.proxy,
            verify=route.verify,
            headers={"user-agent": f"objlib/{__version__}", "accept-encoding": "gzip"},
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
        except Exception:
            _LOG.error("the service in this process failed: %s", without_secrets(traceback.format_exc()))
            return httpx.Response(500, request=request, stream=Pieces(b""))


class Pieces(httpx.AsyncByteStream):
    """A body sent piece by piece; its request has to have the Content-Length, or it would be chunk-encoded.

    Not a generator: httpx leaves one unfinished when the connection breaks under it.
    """

    def __init__(self, content: bytes) -> None:
        self._content = memoryview(content)
        self._sent = 0

    def __aiter__(self) -> "Pieces":
        return self

    async def __anext__(self) -> bytes:
        """The next piece; a checkpoint, for applications that take the body in this process."""
        await trio.lowlevel.checkpoint()
        piece = bytes(self._content[self._sent : self._sent + WRITE_SIZE])
        if not piece:
            raise StopAsyncIteration
        self._sent += len(piece)
        return piece


class UnpackError(ValueError):
    """A body that is not packed as its Content-Encoding says."""


def unpacked(body: bytes, encoding: str) -> bytes:
    """``body`` without its Content-Encoding, of which only gzip is asked for.

    Not left to httpx, which leaves the generators of a stream unfinished when a decoder fails in it.

    Raises:
        UnpackError: it cannot be unpacked, or is longer than :data:`MAX_BODY`.
    """
    if encoding.strip().lower() not in {"gzip", "x-gzip"} or not body:
        return body
    unpacker = zlib.decompressobj(wbits=31)
    try:
        content = unpacker.decompress(body, MAX_BODY)
    except zlib.error as error:
        raise UnpackError(str(error)) from error
    if not unpacker.eof:
        raise UnpackError("it is cut off or too long")
    return content
