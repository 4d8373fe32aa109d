"""``--strict``: every request and every answer has to fit the discovery document, field by field.

For the tests of clients, and of this service: a request that has more than the document is refused, which also shows
what a client sends that the document does not have; an answer that does not fit is an error of ours, and says so.
Methods that the document does not have, such as those of interactions, are not looked into.
"""

import json
import logging
from collections.abc import Iterator
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from objlib.core.library.mime import base_type
from objlib.embedded.api.paths import read_path
from objlib.embedded.api.request import MAX_JSON, read_bytes
from objlib.embedded.api.responses import error_response
from objlib.embedded.wire.api_table import Method, find_method, problems, query_problem
from objlib.embedded.wire.errors import ApiError, invalid
from objlib.embedded.wire.json import camel_key, read_json

_log = logging.getLogger(__name__)
_SHOWN: Final = 5
"""Differences that one error names."""
_READ: Final = ("application/json", "text/event-stream")
"""Answers that are looked into."""


def strict(app: ASGIApp) -> ASGIApp:
    """Wrap the app of the API."""

    async def checked(scope: Scope, receive: Receive, send: Send) -> None:
        method = _method(scope)
        if method is None:
            await app(scope, receive, send)
            return
        try:
            receive = await _checked_request(Request(scope, receive), method, receive)
        except ApiError as error:
            await error_response(error)(scope, receive, send)
            return
        answer = _Answer(method, send)
        await app(scope, receive, answer.send)
        await answer.finish(scope, receive)

    return checked


def _method(scope: Scope) -> Method | None:
    address = read_path(scope["path"]) if scope["type"] == "http" else None
    if address is None:
        return None
    if address.upload and b"upload_id=" in scope["query_string"]:
        # The bytes of a session; what was begun under this path says what the last answer is.
        return find_method("POST", f"upload/{address.rest}")
    return find_method(scope["method"], ("upload/" if address.upload else "") + address.rest)


async def _checked_request(request: Request, method: Method, receive: Receive) -> Receive:
    """Check the query and a JSON body; gives back where the app reads that body.

    Raises:
        ApiError: the document does not have all of it.
    """
    if problem := query_problem(method, list(request.query_params)):
        raise invalid(problem)
    is_json = base_type(request.headers.get("content-type", "application/json")) == "application/json"
    if not is_json or not method.request or "upload_id" in request.query_params or _is_raw(request):
        return receive
    body = await read_bytes(request, MAX_JSON)
    found = list(problems(_in_camel(read_json(body), method.request), method.request, answer=False))
    if found:
        raise invalid(f"Not in the discovery document: {'; '.join(found[:_SHOWN])}.")
    pieces: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return pieces.pop() if pieces else await receive()

    return replay


def _is_raw(request: Request) -> bool:
    """Whether the body is a document, which may be JSON itself."""
    words = (request.headers.get("x-goog-upload-protocol", ""), request.query_params.get("uploadType", ""))
    return any(word.lower() in {"raw", "media", "multipart"} for word in words)


def _in_camel(value: Any, message: str) -> Any:
    """Names in lowerCamel; those of maps that a user fills stay as they are, and are not looked into."""
    if isinstance(value, list):
        return [_in_camel(item, message) for item in value]
    if isinstance(value, dict):
        return {camel_key(name): _in_camel(item, message) for name, item in value.items() if item is not None}
    return value


class _Answer:
    """An answer that is kept until it was looked into; one of another type goes on as it comes."""

    def __init__(self, method: Method, send: Send) -> None:
        self._method = method
        self._send = send
        self._start: Message | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        """Take a message of the app."""
        if message["type"] == "http.response.start":
            headers = {name.lower(): value.decode("latin-1") for name, value in message["headers"]}
            if base_type(headers.get(b"content-type", "")) in _READ:
                self._start = message
                return
        elif message["type"] == "http.response.body" and self._start is not None:
            self._body += message.get("body", b"")
            return
        await self._send(message)

    async def finish(self, scope: Scope, receive: Receive) -> None:
        """Send the answer if it fits, else an error that says why not."""
        if self._start is None:
            return
        status = self._start["status"]
        found = list(self._problems(status, self._start["headers"]))[:_SHOWN]
        response = Response(self._body, status)
        response.raw_headers = list(self._start["headers"])
        if found:
            _log.error("%s: the answer is not in the discovery document: %s", self._method.id, found)
            reason = f"The answer of {self._method.id} is not in the discovery document: {'; '.join(found)}."
            response = error_response(ApiError("INTERNAL", reason))
        await response(scope, receive, self._send)

    def _problems(self, status: int, headers: list[tuple[bytes, bytes]]) -> Iterator[str]:
        if status >= 400:
            error = json.loads(self._body).get("error")
            if not isinstance(error, dict) or not isinstance(error.get("status"), str):
                yield "an error without its envelope"
                return
            status_message = {name: value for name, value in error.items() if name != "status"}
            yield from problems(status_message, "Status", answer=True)
            return
        kinds = {name.lower(): value for name, value in headers}
        if kinds[b"content-type"].startswith(b"text/event-stream"):
            for event in self._body.split(b"\r\n\r\n"):
                if event:
                    data = json.loads(event.removeprefix(b"data: "))
                    yield from problems(data, self._method.response, answer=True)
            return
        value = json.loads(self._body)
        for each in value if self._method.id.endswith("streamGenerateContent") else [value]:
            yield from problems(each, self._method.response, answer=True)
