"""The one place that sends: timeouts, connection limits, counting, and httpx's exceptions made ours.

Nothing here retries. Whether a request may be sent again is the engine's to decide, by the error's kind.
"""

import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

import httpx
import msgspec
import trio

from objlib import __version__
from objlib.gemini.endpoint import Endpoint
from objlib.gemini.envelope import read_envelope
from objlib.gemini.errors import Call, GeminiError, Kind, classify, one_line
from objlib.gemini.quiet import without_secrets
from objlib.gemini.wire import parse

T = TypeVar("T")
PIECE: Final = 64 * 1024
"""Bytes handed to the socket at once: httpx's write timeout is per piece, so a slow line may take longer."""
_LOG: Final = logging.getLogger(__name__)
_UNSENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds each phase of one request may take.

    Attributes:
        connect: until the connection stands, TLS included.
        write: for one piece of the body to be taken.
        read: without a byte of the answer.
        pool: until one of the connections is free.
        total: for one whole request; stops an answer that trickles for ever.
        think: replaces ``read`` while a model writes its answer, and while an upload is finalized.
    """

    connect: float = 15.0
    write: float = 60.0
    read: float = 60.0
    pool: float = 60.0
    total: float = 600.0
    think: float = 300.0


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of any status.

    Attributes:
        status: HTTP status.
        headers: with names in lower case.
        body: decompressed.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """Sends requests to one endpoint and counts them.

    Attributes:
        endpoint: where to.
        sent: requests by operation, counted when they are handed to the network.
    """

    def __init__(self, endpoint: Endpoint, http: httpx.AsyncClient, timeouts: Timeouts) -> None:
        self.endpoint = endpoint
        self.sent: Counter[str] = Counter()
        self._http = http
        self._timeouts = timeouts
        self._key = {"x-goog-api-key": endpoint.api_key} if endpoint.api_key else {}

    async def json(
        self,
        call: Call,
        method: str,
        path: str,
        shape: type[T],
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        slow: bool = False,
    ) -> T:
        """Ask for JSON and give it back as ``shape``.

        Args:
            call: what is asked, for counting and for classifying errors.
            method: HTTP method.
            path: below the API version, without a slash in front.
            shape: of :mod:`objlib.gemini.wire`.
            query: parameters.
            body: sent as JSON.
            slow: a model is at work, so the answer may take a while.

        Raises:
            GeminiError: anything but a readable 200.
        """
        reply = await self.keyed(call, method, path, query=query, body=body, slow=slow)
        try:
            found = parse(reply.body, shape)
        except ValueError:
            found = None
        if found is None:
            raise self.unreadable(call, reply)
        return found

    async def keyed(
        self,
        call: Call,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        upload: bool = False,
        slow: bool = False,
    ) -> Reply:
        """Send one request with the key and give back its 200; GeminiError on anything else."""
        prefix = "/upload" if upload else ""
        url = f"{self.endpoint.base_url}{prefix}/{self.endpoint.api_version}/{path}"
        if query:
            url += "?" + urlencode(query)
        sent = {**self._key, **(headers or {})}
        content = None if body is None else msgspec.json.encode(body)
        if content is not None:
            sent["content-type"] = "application/json"
        reply = await self.exchange(call, method, url, headers=sent, content=content, slow=slow)
        if reply.status != 200 or read_envelope(reply.body).found:
            raise self.refusal(call, reply)
        return reply

    async def exchange(
        self,
        call: Call,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: bytes | None = None,
        slow: bool = False,
        secrets: Iterable[str] = (),
    ) -> Reply:
        """Send one request as it is and give back its answer, whatever the status.

        Raises:
            GeminiError: there was no answer. Its kind says whether the request may have been carried out.
        """
        limits = self._timeouts
        timeout = httpx.Timeout(
            connect=limits.connect,
            write=limits.write,
            pool=limits.pool,
            read=limits.think if slow else limits.read,
        )
        self.sent[call.op] += 1
        failure: GeminiError | None = None
        with trio.move_on_after(limits.total):
            try:
                answer = await self._http.request(
                    method, url, headers=_framed(headers, content), content=_pieces(content), timeout=timeout
                )
                return Reply(
                    answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, answer.content
                )
            except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError) as error:
                # Raised below, outside of this block: httpx's message may hold a header (h11 quotes bad
                # ones), so it must be in no traceback, not even as the context.
                failure = self._lost(call, error, secrets)
        raise failure or GeminiError(
            f"{call.what}: no answer within {limits.total:.0f} s", kind=call.lost, op=call.op
        )

    def refusal(self, call: Call, reply: Reply, secrets: Iterable[str] = ()) -> GeminiError:
        """The error that ``reply`` is."""
        hide = self._hider(secrets)
        return classify(call, reply.status, reply.headers, reply.body, now=time.time(), hide=hide)

    def unreadable(self, call: Call, reply: Reply) -> GeminiError:
        """The error for a 200 whose body is not what was asked for, such as a login page of the network."""
        kind = "an HTML page" if "html" in reply.headers.get("content-type", "") else "something unreadable"
        return GeminiError(
            f"{call.what}: the service answered 200 with {kind}",
            kind=call.lost,
            status=reply.status,
            op=call.op,
        )

    def _hider(self, secrets: Iterable[str]) -> Callable[[str], str]:
        hidden = (self.endpoint.api_key, *secrets)
        return lambda text: without_secrets(text, hidden)

    def _lost(self, call: Call, error: Exception, secrets: Iterable[str]) -> GeminiError:
        """What a request without an answer means; see the rule for UNKNOWN in :class:`Kind`."""
        host = self.endpoint.host
        match error:
            case httpx.UnsupportedProtocol() | httpx.InvalidURL():
                return GeminiError(
                    f"{call.what}: the address cannot be used", kind=Kind.PERMANENT, op=call.op
                )
            case httpx.PoolTimeout():
                why = "every connection was busy"
                return GeminiError(f"{call.what}: {why}", kind=Kind.TRANSIENT, op=call.op)
            case _ if isinstance(error, _UNSENT):
                said = one_line(self._hider(secrets)(str(error))) or type(error).__name__
                return GeminiError(
                    f"{call.what}: cannot connect to {host}: {said}",
                    kind=Kind.TRANSIENT,
                    connect=True,
                    op=call.op,
                )
            case httpx.TimeoutException():
                return GeminiError(f"{call.what}: {host} did not answer in time", kind=call.lost, op=call.op)
            case _:
                why = f"the connection to {host} was lost ({type(error).__name__})"
                return GeminiError(f"{call.what}: {why}", kind=call.lost, op=call.op)


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
    connection lost after the request was taken; silence becomes a read timeout. Any other exception is a fault
    of the service, so it is logged there and a 500 here, as it would be behind a port.
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
            _LOG.exception("the service in this process failed")
            return httpx.Response(500, request=request)


def _framed(headers: Mapping[str, str], content: bytes | None) -> dict[str, str]:
    """``headers`` with the body's length, so that a body sent in pieces is not chunk-encoded."""
    return {**headers, "content-length": str(len(content))} if content is not None else dict(headers)


def _pieces(content: bytes | None) -> bytes | AsyncIterator[bytes] | None:
    return content if content is None or len(content) <= PIECE else _cut(content)


async def _cut(content: bytes) -> AsyncIterator[bytes]:
    view = memoryview(content)
    for start in range(0, len(content), PIECE):
        yield bytes(view[start : start + PIECE])
