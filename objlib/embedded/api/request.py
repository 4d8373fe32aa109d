"""One request of the API: its path, body and paging, and the key it carries."""

import hmac
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

import trio
from starlette.requests import Request

from objlib.core.library.mime import base_type
from objlib.embedded.wire.errors import ApiError, invalid
from objlib.embedded.wire.json import Json, read_json
from objlib.embedded.wire.messages import read_message
from objlib.embedded.wire.paging import Position, page_size, read_token

MAX_JSON: Final = 20 * 1024 * 1024
"""Largest JSON body in bytes, as in the service."""
_LARGE: Final = 256 * 1024
"""Bytes of a body from which on it is parsed in a thread."""
_parsers: Final = trio.CapacityLimiter(2)
"""Large bodies that are parsed at once: each takes several times its size in memory."""


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A request with the named parts of its path; ``root`` is the path up to and including the version."""

    http: Request
    parts: dict[str, str]
    root: str

    @property
    def base(self) -> str:
        """The URL up to and including the version."""
        return str(self.http.url.replace(path=self.root, query=""))

    async def message(self, name: str) -> Json:
        """The body, read as a message of this name, in lowerCamel."""
        return await read_body(self.http, name)

    @property
    def force(self) -> bool:
        """Whether a delete is to take the content too; the SDK sends ``True``, the documentation ``true``.

        Raises:
            ApiError: the value is neither true nor false.
        """
        value = self.http.query_params.get("force", "").lower()
        if value not in {"true", "1", "false", "0", ""}:
            raise invalid("Invalid value at 'force' (TYPE_BOOL).")
        return value in {"true", "1"}

    def paging(self, *, max_size: int) -> tuple[int, Position]:
        """The page size and the position to go on from."""
        query = self.http.query_params
        size = page_size(query.get("pageSize") or query.get("page_size"), max_size=max_size)
        return size, read_token(query.get("pageToken") or query.get("page_token"))


async def read_body(request: Request, message: str, *, untyped: bool = False) -> Json:
    """The JSON object in the body as a message of this name.

    Args:
        untyped: whether it may come without a Content-Type, in a request that a page of another site cannot send.

    Raises:
        ApiError: it is not declared as JSON, is too large, no JSON object, or no such message.
    """
    body = await read_bytes(request, MAX_JSON)
    if body.strip() and not (untyped and "content-type" not in request.headers):
        check_json_type(request.headers.get("content-type", ""))
    if len(body) <= _LARGE:
        return read_message(read_json(body), message)
    # The event loop goes on meanwhile.
    return await trio.to_thread.run_sync(lambda: read_message(read_json(body), message), limiter=_parsers)


async def read_value(request: Request) -> Any:
    """The JSON value in the body, which no message of the discovery document describes.

    Raises:
        ApiError: it is not declared as JSON, is too large, or no JSON.
    """
    body = await read_bytes(request, MAX_JSON)
    check_json_type(request.headers.get("content-type", ""))
    return await trio.to_thread.run_sync(lambda: read_json(body), limiter=_parsers)


async def read_bytes(request: Request, most: int) -> bytes:
    """The body; ApiError if it has more than ``most`` bytes."""
    too_large = invalid(f"Request payload size exceeds the limit: {most} bytes.")
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length) > most:
        raise too_large
    parts: list[bytes] = []
    size = 0
    async with aclosing(request.stream()) as stream:
        async for part in stream:
            parts.append(part)
            size += len(part)
            if size > most:
                raise too_large
    return b"".join(parts)


def check_json_type(content_type: str) -> None:
    """Refuse a JSON body under another type: a page of another site can send text and forms, but no JSON.

    Raises:
        ApiError: the type is missing, or is not ``application/json``.
    """
    kind = base_type(content_type)
    if kind != "application/json" and not kind.endswith("+json"):
        raise invalid(
            f"Invalid JSON payload received. The Content-Type must be application/json, not {kind[:80] or '(none)'}."
        )


def check_key(request: Request, required: str | None) -> None:
    """Check the API key, in the header or in the query; a ``required`` of None accepts any, and none at all.

    Raises:
        ApiError: no key, or another one.
    """
    if required is None:
        return
    given = request.headers.get("x-goog-api-key") or request.query_params.get("key")
    if not given:
        raise ApiError(
            "PERMISSION_DENIED",
            "Method doesn't allow unregistered callers (callers without established identity)."
            " Please use API Key or other form of API consumer identity to call this API.",
        )
    if not hmac.compare_digest(given.encode(), required.encode()):
        reason = {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "API_KEY_INVALID",
            "domain": "googleapis.com",
            "metadata": {"service": "generativelanguage.googleapis.com"},
        }
        raise ApiError(
            "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", details=(reason,)
        )
