"""One connection that speaks HTTP/1.1: h11 on one of trio's streams.

An answer may come before its request is sent to the end, such as the refusal of a large body. So while a body goes out,
the answer is waited for as well, and ends the sending; interim answers (1xx) do not. Only a request that was sent to
its end and an answer that was read to its end leave the connection ready for the next request.
"""

import math
import select
from contextlib import suppress
from typing import Final, cast

import h11
import httpx
import trio

from objlib.gemini.body import Pieces, Received, Streamed, Whole

MAX_HEAD: Final = 100 * 1024
"""Bytes of the head of an answer, or of a line between two chunks of its body, at most; as httpcore has it."""
TOGETHER: Final = 64 * 1024
"""Bytes of a body that goes out in one piece with its head; so short, it is sent before it could be refused."""
TLS_PIECE: Final = 64 * 1024
"""Bytes encrypted at once: a TLS stream does not say how much of a piece is sent, so the timeout is for all of it."""

Origin = tuple[str, str, int]
"""Scheme, host and port."""
_BROKEN: Final = (OSError, trio.BrokenResourceError, trio.ClosedResourceError)


class ClientConnection:
    """A connection to one origin, under a request or idle.

    Args:
        origin: where it leads.
        plain: the stream of its socket.
        encrypted: the stream over it, with TLS.

    Attributes:
        idle_since: when its last answer was complete, on trio's clock.
    """

    def __init__(
        self,
        origin: Origin,
        plain: trio.SocketStream,
        encrypted: "trio.SSLStream[trio.SocketStream] | None" = None,
    ) -> None:
        self.origin = origin
        self.idle_since = 0.0
        self._socket = plain.socket
        self._encrypted = encrypted
        self._stream = encrypted or plain
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        self._early: h11.Response | None = None

    def close(self) -> None:
        """Close it without a farewell: an answer is complete by its own framing, which needs none."""
        self._socket.close()

    @property
    def reusable(self) -> bool:
        """Whether the request and its answer are complete, and nothing came after them."""
        http = self._http
        return http.our_state is h11.DONE and http.their_state is h11.DONE and not http.trailing_data[0]

    def reuse(self) -> bool:
        """Get ready for another request; False if the other side has closed it, or sent something unsolicited."""
        if _readable(self._socket.fileno()):
            return False
        self._http.start_next_cycle()
        self._early = None
        return True

    async def exchange(self, request: httpx.Request, limits: dict[str, float]) -> httpx.Response:
        """Send a request, and read its answer to the end.

        Args:
            request: with a Host, and with the Content-Length of its body.
            limits: seconds until a part of the body is taken (``write``), and until a part of the answer comes
                (``read``).

        Raises:
            httpx.TransportError: there was no answer, or not all of one.
            h11.ProtocolError: one side broke the rules of HTTP.
            BodyError: the answer is too long.
        """
        head = self._http.send(
            h11.Request(method=request.method, target=request.url.raw_path, headers=request.headers.raw)
        )
        assert head is not None, "h11 gives bytes for every request"
        body = request.stream
        if isinstance(body, Pieces) and len(body.view) <= TOGETHER:
            self._frame(body.view)
            self._http.send(h11.EndOfMessage())
            # A server that closes may have said why before.
            with suppress(*_BROKEN):
                await self._send(memoryview(head + bytes(body.view)), limits["write"])
        else:
            await self._send_watched(head, body, limits["write"])
        answer = self._early or await self._answer(limits["read"])
        received = Received()
        heard = request.extensions.get("heard") if answer.status_code == 200 else None
        while isinstance(event := await self._event(limits["read"]), h11.Data):
            received.add(event.data)
            if heard is not None:
                heard(event.data)
        headers = answer.headers.raw_items()
        return httpx.Response(answer.status_code, headers=headers, stream=Whole(received.whole()))

    async def _send_watched(self, head: bytes, body: object, seconds: float) -> None:
        """Send a long body, until its end or until the answer begins."""
        failure: Exception | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch, nursery.cancel_scope)
            try:
                await self._send(memoryview(head), seconds)
                if isinstance(body, Pieces):
                    self._frame(body.view)
                    await self._send(body.view, seconds)
                else:
                    assert isinstance(body, Streamed), "the bodies of this client are of these two kinds"
                    while piece := await body.take():
                        self._frame(piece)
                        await self._send(piece, seconds)
                self._http.send(h11.EndOfMessage())
            except _BROKEN:
                pass  # a server that closes may have said why before
            except Exception as error:
                failure = error  # not through the nursery, which would wrap it into a group
            nursery.cancel_scope.cancel(reason="the request is sent")
        if failure is not None and self._early is None:
            raise failure

    async def _watch(self, sending: trio.CancelScope) -> None:
        """End the sending as soon as the answer begins, or the connection has ended."""
        with suppress(
            h11.RemoteProtocolError, httpx.TransportError
        ):  # met again by the one who reads the answer
            self._early = await self._answer(math.inf)
        sending.cancel(reason="the answer is here")

    def _frame(self, piece: bytes | memoryview) -> None:
        """Count a piece against the Content-Length, uncopied; with one, nothing is put around it."""
        data = cast(
            "bytes", piece
        )  # anything that has a length will do, says h11's documentation of `sendfile`
        self._http.send_with_data_passthrough(h11.Data(data=data))

    async def _send(self, data: memoryview, seconds: float) -> None:
        """Send ``data``; each part of it has to be taken within ``seconds``."""
        with trio.CancelScope() as stall:
            while data:
                stall.deadline = trio.current_time() + seconds
                if self._encrypted is None:
                    data = data[await self._socket.send(data) :]
                else:
                    await self._encrypted.send_all(data[:TLS_PIECE])
                    data = data[TLS_PIECE:]
        if stall.cancelled_caught:
            raise httpx.WriteTimeout("nothing of the request was taken in time")

    async def _answer(self, seconds: float) -> h11.Response:
        """The head of the answer, after any interim ones."""
        while isinstance(event := await self._event(seconds), h11.InformationalResponse):
            pass
        assert isinstance(event, h11.Response), "h11 gives the head of an answer before anything else"
        return event

    async def _event(self, seconds: float) -> h11.Event:
        """The next part of the answer.

        Raises:
            httpx.ReadTimeout: no byte came within ``seconds``.
            httpx.ReadError: the connection broke.
        """
        while (event := self._http.next_event()) is h11.NEED_DATA:
            try:
                with trio.fail_after(seconds):
                    data = await self._stream.receive_some()
            except trio.TooSlowError:
                raise httpx.ReadTimeout("no part of the answer came in time") from None
            except _BROKEN as error:
                raise httpx.ReadError(str(error)) from error
            self._http.receive_data(bytes(data))
        if not isinstance(event, h11.Event):
            raise httpx.RemoteProtocolError("the connection speaks something else now")
        return event


def _readable(descriptor: int) -> bool:
    """Whether there is something to read, the end of the connection among it."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([descriptor], [], [], 0)[0])  # Windows
