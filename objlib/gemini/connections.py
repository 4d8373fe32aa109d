"""The transport to a service that is reached without a proxy: a few connections, used again last in, first out.

httpx's own transport looks at every connection of its pool, several times for each request, below two more layers. It
took more than half of the processor time of an upload (docs/adr/0021). This one knows one protocol and the straight
way; whatever else there is, a proxy above all, is left to httpx's.
"""

import ssl
from collections import deque
from typing import Final

import h11
import httpx
import trio

from objlib.gemini.http11 import ClientConnection, Origin

KEEP_IDLE: Final = 30.0
"""Seconds after which an idle connection is not used any more. Servers close theirs after 60 s or more, and a request
that meets the closing is lost."""
_PORTS: Final = {"http": 80, "https": 443}


class Connections(httpx.AsyncBaseTransport):
    """A bounded set of connections. The one used last is used next, so that those too many for the pace grow old.

    Args:
        verify: the certificates to trust; True for those that come with httpx.
        limit: requests in flight at most, and idle connections at most.
    """

    def __init__(self, verify: ssl.SSLContext | bool, limit: int) -> None:
        self._verify = verify
        self._context: ssl.SSLContext | None = None
        self._limit = limit
        self._requests = trio.CapacityLimiter(limit)
        self._idle: deque[ClientConnection] = deque()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request, and read its answer to the end.

        Raises:
            httpx.TransportError: there is no answer; its class says whether there was a connection.
            BodyError: the answer is too long.
        """
        limits: dict[str, float] = request.extensions["timeout"]
        ticket = object()
        with trio.move_on_after(limits["pool"]) as wait:
            await self._requests.acquire_on_behalf_of(ticket)
        if wait.cancelled_caught:
            raise httpx.PoolTimeout("every connection is busy")
        try:
            return await self._exchange(request, limits)
        except h11.RemoteProtocolError as error:
            raise httpx.RemoteProtocolError(str(error)) from error
        except h11.LocalProtocolError as error:
            raise httpx.LocalProtocolError(str(error)) from error
        finally:
            self._requests.release_on_behalf_of(ticket)

    async def aclose(self) -> None:
        """Close all idle connections."""
        await trio.lowlevel.checkpoint()
        self._close_idle(0)

    async def _exchange(self, request: httpx.Request, limits: dict[str, float]) -> httpx.Response:
        url = request.url
        origin = url.scheme, url.raw_host.decode("ascii"), url.port or _PORTS[url.scheme]
        connection = self._take(origin) or await self._connect(origin, limits["connect"])
        reusable = False
        try:
            response = await connection.exchange(request, limits)
            reusable = connection.reusable
        finally:
            # Failed or cancelled anywhere, it is not used again: what would arrive on it next is not known.
            if reusable:
                connection.idle_since = trio.current_time()
                self._idle.append(connection)
                self._close_idle(self._limit)
            else:
                connection.close()
        return response

    def _take(self, origin: Origin) -> ClientConnection | None:
        """The idle connection to ``origin`` that was used last, and that the other side has not closed."""
        self._close_idle(self._limit)
        for connection in [each for each in reversed(self._idle) if each.origin == origin]:
            self._idle.remove(connection)
            if connection.reuse():
                return connection
            connection.close()
        return None

    def _close_idle(self, most: int) -> None:
        """Close the connections that are idle for too long, and the oldest of those above ``most``."""
        oldest = trio.current_time() - KEEP_IDLE
        while self._idle and (len(self._idle) > most or self._idle[0].idle_since < oldest):
            self._idle.popleft().close()

    async def _connect(self, origin: Origin, seconds: float) -> ClientConnection:
        """A new connection, TLS included.

        Raises:
            httpx.ConnectTimeout: there is none after ``seconds``.
            httpx.ConnectError: there is none; its cause says why.
        """
        scheme, host, port = origin
        try:
            with trio.fail_after(seconds):
                plain = await trio.open_tcp_stream(host, port)
                if scheme == "http":
                    return ClientConnection(origin, plain)
                return ClientConnection(origin, plain, await self._encrypt(plain, host))
        except trio.TooSlowError as error:
            raise httpx.ConnectTimeout("no connection in time") from error
        except (OSError, trio.BrokenResourceError) as error:
            raise httpx.ConnectError(str(error)) from error

    async def _encrypt(self, plain: trio.SocketStream, host: str) -> "trio.SSLStream[trio.SocketStream]":
        if self._context is None:
            # Made when it is needed: to read all certificates takes longer than many a command.
            verify = self._verify
            self._context = verify if isinstance(verify, ssl.SSLContext) else httpx.create_ssl_context(verify)
            self._context.set_alpn_protocols(["http/1.1"])
        stream = trio.SSLStream(plain, self._context, server_hostname=host, https_compatible=True)
        try:
            await stream.do_handshake()
        except BaseException:
            plain.socket.close()
            raise
        return stream
