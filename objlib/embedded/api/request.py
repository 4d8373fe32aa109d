"""One request of the API: its path, body and paging, and the key it carries."""

import hmac
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from objlib.embedded.wire.errors import ApiError, invalid
from objlib.embedded.wire.json import Json, read_json
from objlib.embedded.wire.paging import Position, page_size, read_token

MAX_JSON: Final = 20 * 1024 * 1024
"""Largest JSON body in bytes, as in the service."""


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A request with the named parts of its path; ``base`` is the URL up to and including the version."""

    http: Request
    parts: dict[str, str]
    base: str

    async def body(self) -> Json:
        """The JSON object in the body, in lowerCamel."""
        return await read_body(self.http)

    @property
    def force(self) -> bool:
        """Whether a delete is to take the content too; the SDK sends ``True``, the documentation ``true``."""
        return self.http.query_params.get("force", "").lower() in {"true", "1"}

    def paging(self, *, max_size: int) -> tuple[int, Position]:
        """The page size and the position to go on from."""
        query = self.http.query_params
        size = page_size(query.get("pageSize") or query.get("page_size"), max_size=max_size)
        return size, read_token(query.get("pageToken") or query.get("page_token"))


async def read_body(request: Request) -> Json:
    """The JSON object in the body, in lowerCamel; ApiError if it is none, or too large."""
    parts: list[bytes] = []
    size = 0
    async with aclosing(request.stream()) as stream:
        async for part in stream:
            parts.append(part)
            size += len(part)
            if size > MAX_JSON:
                raise invalid(f"Request payload size exceeds the limit: {MAX_JSON} bytes.")
    return read_json(b"".join(parts))


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
