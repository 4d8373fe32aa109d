"""The one place that sends: timeouts, connection limits, counting, and httpx's exceptions made ours.

Nothing here retries. Whether a request may be sent again is the engine's to decide, by the error's kind.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

import httpx
import msgspec
import trio

from objlib.core.errors import RefusedError
from objlib.gemini.body import BodyError, BodySource, Pieces, Streamed, read_whole, unpacked
from objlib.gemini.endpoint import Endpoint
from objlib.gemini.envelope import read_envelope
from objlib.gemini.errors import Call, ErrorKind, GeminiError
from objlib.gemini.redact import redacting
from objlib.gemini.refusals import classify
from objlib.gemini.route import Route
from objlib.gemini.wire import Nothing, parse
from objlib.version import __version__

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds each phase of one request may take.

    Attributes:
        connect: until the connection stands, TLS included.
        write: for one piece of the body to be taken.
        read: without a byte of the answer.
        pool: until one of the connections is free.
        total: for one whole request; stops an answer that trickles without end.
        think: replaces ``read`` while a model writes its answer, an upload is finalized or a store deleted.
    """

    connect: float = 15.0
    write: float = 60.0
    read: float = 60.0
    pool: float = 60.0
    total: float = 600.0
    think: float = 300.0


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of any HTTP status, its body decompressed, the names of its headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def success(self) -> bool:
        """Whether it is a 2xx that is no error envelope in disguise."""
        return 200 <= self.status < 300 and not read_envelope(self.body).alone


class Transport:
    """Sends requests to one endpoint, and counts them by operation when they are handed to the network."""

    def __init__(
        self,
        endpoint: Endpoint,
        http: httpx.AsyncBaseTransport,
        timeouts: Timeouts,
        route: Route,
        *,
        read_only: bool = False,
    ) -> None:
        self.endpoint = endpoint
        self.sent: Counter[str] = Counter()
        self._http = http
        self._timeouts = timeouts
        self._route = route
        self._read_only = read_only
        self._key = {"x-goog-api-key": endpoint.api_key} if endpoint.api_key else {}
        fixed = {"user-agent": f"objlib/{__version__}", "accept": "*/*", "accept-encoding": "gzip"}
        self._fixed = [(name.encode(), value.encode()) for name, value in fixed.items()]
        self._limits = {"connect": timeouts.connect, "write": timeouts.write, "pool": timeouts.pool}

    async def json(
        self,
        call: Call,
        path: str,
        shape: type[T],
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> T:
        """Send a request and give back the JSON of its answer as ``shape``, of :mod:`objlib.gemini.wire`.

        ``path`` begins below the API version.

        Raises:
            GeminiError: anything but a readable 200.
        """
        reply = await self.keyed(call, path, query=query, body=body)
        try:
            return parse(reply.body, shape)
        except ValueError:
            pass  # the cause quotes the body
        raise self.unreadable(call, reply)

    async def delete(self, call: Call, path: str, *, query: Mapping[str, str] | None = None) -> bool:
        """Delete the resource at ``path``; False when it was already gone."""
        try:
            await self.json(call, path, Nothing, query=query)
        except GeminiError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return False
            raise
        return True

    async def keyed(
        self,
        call: Call,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        upload: bool = False,
        heard: Callable[[bytes], None] | None = None,
    ) -> Reply:
        """Send one request with the key and give back its 200; GeminiError on anything else.

        ``heard`` gets the body of a 200 as it arrives, where the transport can tell; the reply has the whole of it.
        """
        prefix = "/upload" if upload else ""
        url = f"{self.endpoint.base_url}{prefix}/{self.endpoint.api_version}/{path}"
        if query:
            url += "?" + urlencode(query)
        sent = {**self._key, **(headers or {})}
        content = None if body is None else msgspec.json.encode(body)
        if content is not None:
            sent["content-type"] = "application/json"
        reply = await self.exchange(call, url, headers=sent, content=content, heard=heard)
        if not reply.success:
            raise self.refusal(call, reply)
        return reply

    async def exchange(
        self,
        call: Call,
        url: str,
        *,
        headers: Mapping[str, str],
        content: bytes | BodySource | None = None,
        slow: bool = False,
        secrets: Iterable[str] = (),
        heard: Callable[[bytes], None] | None = None,
    ) -> Reply:
        """Send one request as it is and give back its answer, whatever the status.

        Raises:
            BodySourceError: ``content`` gave up, and so the request was not sent to its end.
            GeminiError: there was no answer. Its kind says whether the request may have been carried out.
            RefusedError: it may change something, and this client only reads; nothing was sent.
        """
        if self._read_only and call.changes:
            raise RefusedError(f"{call.what} is left out: a dry run changes nothing at the service")
        seconds = self._timeouts
        limits = {**self._limits, "read": seconds.think if slow or call.slow else seconds.read}
        self.sent[call.op] += 1
        with redacting(self.endpoint.api_key, *secrets), trio.move_on_after(seconds.total):
            try:
                request = self._request(call.method, url, headers, content, limits)
                if heard is not None:
                    request.headers["accept-encoding"] = "identity"  # each piece is read as it comes
                    request.extensions["heard"] = heard
                answer = await self._http.handle_async_request(request)
                named = {name.lower(): value for name, value in answer.headers.items()}
                body = await read_whole(answer)
                return Reply(answer.status_code, named, unpacked(body, named.get("content-encoding", "")))
            except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, BodyError) as error:
                # It is raised below, outside of this block: httpx's message may hold a header (h11 quotes bad
                # ones), so it must be in no traceback, not even as the context.
                failure = self._unanswered(call, error)
            raise failure
        raise call.error(f"no answer within {seconds.total:.0f} s", call.unanswered)

    def _request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | BodySource | None,
        limits: dict[str, float],
    ) -> httpx.Request:
        """The request with all its headers: httpx adds none to one whose stream is given."""
        address = httpx.URL(url)
        framed = [(b"host", address.netloc), *self._fixed]
        framed += [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]
        if content is not None:
            framed.append((b"content-length", b"%d" % len(content)))
        stream = (
            Pieces(content or b"") if content is None or isinstance(content, bytes) else Streamed(content)
        )
        return httpx.Request(method, address, headers=framed, stream=stream, extensions={"timeout": limits})

    def refusal(self, call: Call, reply: Reply, secrets: Iterable[str] = ()) -> GeminiError:
        """The error that ``reply`` is."""
        with redacting(self.endpoint.api_key, *secrets):
            return classify(call, reply.status, reply.headers, reply.body, now=time.time())

    def unreadable(self, call: Call, reply: Reply) -> GeminiError:
        """The error for a success whose body is not what was asked for, such as a login page of the network."""
        kind = "an HTML page" if "html" in reply.headers.get("content-type", "") else "something unreadable"
        return call.error(f"the service answered {reply.status} with {kind}", call.unanswered, reply.status)

    def _unanswered(self, call: Call, error: Exception) -> GeminiError:
        """The error of a request without an answer; see the rule for UNKNOWN in :class:`ErrorKind`."""
        host, kind, connect = self.endpoint.host, call.unanswered, False
        match error:
            case httpx.PoolTimeout():
                kind, why = ErrorKind.TRANSIENT, "every connection was busy for too long"
            case httpx.ConnectTimeout() | httpx.ConnectError() | httpx.ProxyError():
                kind, connect, why = ErrorKind.TRANSIENT, True, self._route.explain(error)
            case httpx.TimeoutException():
                why = f"{host} did not answer in time"
            case _:
                why = f"the connection to {host} was lost ({type(error).__name__})"
        return GeminiError(f"{call.what}: {why}", kind=kind, connect=connect, op=call.op)


class Resource:
    """The requests about one kind of thing that the service keeps, over one transport."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
