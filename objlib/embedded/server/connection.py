"""One connection: requests of HTTP/1.1 to an ASGI app, one after another, in one task.

Nothing of a connection runs beside it, so nothing of it can act on the stream of another task. A request that is
answered before its body has come is read to its end first, or until the client is silent: a client that writes
before it reads would otherwise meet a reset, and lose the answer that says why.
"""

import logging
import time
from dataclasses import dataclass
from email.utils import formatdate
from typing import Final
from urllib.parse import unquote

import h11
import trio
from starlette.types import ASGIApp, Message, Scope

from objlib.embedded.server.refusal import refusal_body, refusal_headers
from objlib.embedded.server.silence import READ, SilentConnections

_log = logging.getLogger(__name__)

_WRITE: Final = 256 * 1024
"""Most bytes of one write, each with the deadline of :attr:`Limits.write`."""
_SMALL: Final = 64 * 1024
"""Bytes of a body that are awaited before its refusal goes out, so that the connection can be used again."""


Address = tuple[str, int]
"""Host and port of one end of a connection."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of each connection; times in seconds.

    Attributes:
        idle: wait for the next request. Far above any interval of polling: clients poll each 5 to 60 s, and a
            server that closes just then makes their next request fail.
        head: from the first byte of a request to the end of its headers.
        body: silence inside a body.
        write: a client that does not read its answer.
        linger: reading what a refused request still sends.
        silence: silence of such a request after which nothing more is expected.
        head_bytes: size of the request line and the headers.
        connections: open ones at once; a file descriptor each, so it stays below the usual 1,024.
    """

    idle: float = 900.0
    head: float = 30.0
    body: float = 60.0
    write: float = 60.0
    linger: float = 60.0
    silence: float = 2.0
    head_bytes: int = 64 * 1024
    connections: int = 800


DEFAULT_LIMITS: Final = Limits()
"""The bounds of a server that is told nothing else."""


class _RefusedError(Exception):
    """The request cannot be served as it came."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Connection:
    """One accepted connection.

    Args:
        app: gets one call per request; its errors become a 500.
        stream: closed by the caller.
        ends: the addresses of the client and of this end.
    """

    def __init__(
        self,
        app: ASGIApp,
        stream: trio.abc.HalfCloseableStream,
        ends: tuple[Address, Address],
        silent: SilentConnections,
        limits: Limits,
    ) -> None:
        self._app = app
        self._stream = stream
        self._client, self._server = ends
        self._silent = silent
        self._limits = limits
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.head_bytes)
        self._problem: _RefusedError | None = None
        self._start: Message | None = None
        self._head_request = False
        self._gone = False

    async def run(self) -> None:
        """Serve requests until the client or a limit ends the connection."""
        try:
            while await self._exchange():
                self._http.start_next_cycle()
        except (OSError, trio.BrokenResourceError):
            pass  # the client has gone, or does not read

    async def _exchange(self) -> bool:
        """Serve one request; whether the connection can carry another."""
        self._problem = self._start = None
        try:
            request = await self._request()
        except _RefusedError as error:
            self._problem = error
        else:
            if request is None:
                return False
            self._head_request = request.method == b"HEAD"
            try:
                await self._app(self._scope(request), self._receive, self._send)
            except OSError:
                if self._problem is None:
                    raise  # the client has gone, or the app broke the connection
            except Exception:
                if self._gone:
                    return False
                _log.exception("a request failed")
        if self._problem is not None:
            await self._refuse(self._problem.status, self._problem.message)
        elif self._http.our_state is h11.SEND_RESPONSE:
            await self._refuse(500, "An internal error has occurred.")
        reusable = self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
        if not reusable and self._http.their_state not in {h11.DONE, h11.CLOSED, h11.MUST_CLOSE}:
            await self._linger()
        return reusable

    async def _request(self) -> h11.Request | None:
        """The next request; None when the connection ends before it."""
        deadline = trio.current_time() + self._limits.idle
        idle = not self._http.trailing_data[0]
        while True:
            event = self._event()
            if isinstance(event, h11.Request):
                return event
            if event is not h11.NEED_DATA:
                return None
            data = await self._silent.read(self._stream, deadline, idle=idle)
            if data is None:
                if idle:
                    return None
                raise _RefusedError(408, "The request took too long.")
            if idle and data:
                idle = False
                deadline = trio.current_time() + self._limits.head
            self._http.receive_data(data)

    def _event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        try:
            return self._http.next_event()
        except h11.RemoteProtocolError as error:
            # An unknown transfer coding is the client's mistake: 501 would count as a failure of this server.
            status = 400 if error.error_status_hint == 501 else error.error_status_hint
            raise _RefusedError(status, f"Malformed request: {error}.") from None

    def _scope(self, request: h11.Request) -> Scope:
        target, _, query = request.target.partition(b"?")
        if not target.startswith(b"/"):  # the absolute form, which proxies send
            scheme, _, rest = target.partition(b"://")
            target = b"/" + rest.partition(b"/")[2] if scheme.lower() in {b"http", b"https"} else target
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": request.http_version.decode("ascii"),
            "method": request.method.decode("ascii"),
            "scheme": "http",
            "path": unquote(target.decode("latin-1")),
            "raw_path": target,
            "query_string": query,
            "root_path": "",
            "headers": list(request.headers),
            "client": self._client,
            "server": self._server,
        }

    # What the app calls

    async def _receive(self) -> Message:
        """The next piece of the body; ``http.disconnect`` when the client fails, or goes after the last one."""
        if self._problem is not None:
            await trio.lowlevel.checkpoint()
            return {"type": "http.disconnect"}
        if self._http.their_state is not h11.SEND_BODY:
            await self._disconnection()
            return {"type": "http.disconnect"}
        try:
            event = await self._body_event(self._limits.body)
        except _RefusedError as error:
            self._problem = error
            return {"type": "http.disconnect"}
        if isinstance(event, h11.Data):
            return {"type": "http.request", "body": bytes(event.data), "more_body": True}
        return {"type": "http.request", "body": b"", "more_body": False}

    async def _body_event(self, seconds: float) -> h11.Event:
        """The next event of a body.

        Raises:
            _RefusedError: it stalls, it is malformed, or the client has gone.
        """
        while True:
            event = self._event()
            if isinstance(event, h11.Event):
                await trio.lowlevel.checkpoint()
                return event
            if self._http.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[])
                await self._write(self._http.send(go_on) or b"")
            data = await self._silent.read(self._stream, trio.current_time() + seconds)
            if data is None:
                raise _RefusedError(408, "The request's body took too long.")
            self._http.receive_data(data)

    async def _disconnection(self) -> None:
        """Wait until the client goes: an app whose answer takes long waits for it beside, and then stops.

        What the client sends meanwhile belongs to its next request, and is kept up to the size of a head.
        """
        while self._http.our_state is not h11.DONE and len(self._http.trailing_data[0]) < _SMALL:
            try:
                data = await self._stream.receive_some(READ)
            except trio.BrokenResourceError:
                return
            if not data:
                return
            self._http.receive_data(bytes(data))
        await trio.sleep_forever()

    async def _send(self, message: Message) -> None:
        """Send the response; nothing of one whose request failed on the way, since its answer is another one."""
        if self._problem is not None:
            await trio.lowlevel.checkpoint()
            return
        if message["type"] == "http.response.start":
            self._start = message
            await trio.lowlevel.checkpoint()
            return
        data = b""
        if self._http.our_state is h11.SEND_RESPONSE and self._start is not None:
            await self._await_small_body()
            data = self._head(self._start["status"], list(self._start.get("headers", [])))
        body = message.get("body", b"")
        if body and not self._head_request:
            data += self._http.send(h11.Data(data=body)) or b""
        if not message.get("more_body", False):
            data += self._http.send(h11.EndOfMessage()) or b""
        await self._write(data)

    async def _await_small_body(self) -> None:
        """Read the rest of a body that the app left, if it is small and comes at once."""
        size = 0
        while self._http.their_state is h11.SEND_BODY and size < _SMALL:
            if self._http.they_are_waiting_for_100_continue:
                return
            try:
                event = await self._body_event(0.2)
            except _RefusedError:
                return
            size += len(event.data) if isinstance(event, h11.Data) else 0

    # The answer on the wire

    def _head(self, status: int, headers: list[tuple[bytes, bytes]]) -> bytes:
        headers.append((b"date", _date()))
        if self._http.their_state is not h11.DONE:
            headers.append((b"connection", b"close"))
        return self._http.send(h11.Response(status_code=status, headers=headers)) or b""

    async def _refuse(self, status: int, message: str) -> None:
        if self._http.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            return  # half an answer is out already; the connection ends
        body = refusal_body(status, message)
        data = self._head(status, refusal_headers(body))
        if not self._head_request:
            data += self._http.send(h11.Data(data=body)) or b""
        await self._write(data + (self._http.send(h11.EndOfMessage()) or b""))

    async def _write(self, data: bytes) -> None:
        """Send bytes; ConnectionError if the client has gone, or does not read them."""
        view = memoryview(data)
        try:
            for start in range(0, len(data), _WRITE):
                with trio.fail_after(self._limits.write):
                    await self._stream.send_all(view[start : start + _WRITE])
        except (trio.BrokenResourceError, trio.TooSlowError):
            self._gone = True
            raise ConnectionResetError("the client has gone") from None

    async def _linger(self) -> None:
        """Read and drop what the client still sends (RFC 9112, 9.6): closing at once would reset the answer."""
        end = trio.current_time() + self._limits.linger
        await self._stream.send_eof()
        while trio.current_time() < end:
            deadline = min(end, trio.current_time() + self._limits.silence)
            if not await self._silent.read(self._stream, deadline):
                return


_dates: dict[int, bytes] = {}


def _date() -> bytes:
    """The header ``Date`` of this second."""
    now = int(time.time())
    if now not in _dates:
        _dates.clear()
        _dates[now] = formatdate(now, usegmt=True).encode()
    return _dates[now]
