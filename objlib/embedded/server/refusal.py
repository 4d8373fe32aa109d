"""Refusals that the server sends itself, before or instead of the app: in the error shape of the API."""

from collections.abc import Mapping
from typing import Final

from starlette.types import Send

from objlib.embedded.wire.json import dump

_CANONICAL: Final[Mapping[int, str]] = {403: "PERMISSION_DENIED", 408: "DEADLINE_EXCEEDED", 500: "INTERNAL"}
_HEADERS: Final = (
    (b"content-type", b"application/json; charset=UTF-8"),
    (b"x-content-type-options", b"nosniff"),
)
_MAX_MESSAGE: Final = 300
"""Characters of a message at most: some quote the request."""


def refusal_body(status: int, message: str) -> bytes:
    """The error envelope for an HTTP status."""
    code = _CANONICAL.get(status, "INVALID_ARGUMENT")
    return dump({"error": {"code": status, "message": message[:_MAX_MESSAGE], "status": code}})


def refusal_headers(body: bytes) -> list[tuple[bytes, bytes]]:
    """The headers that go with a body of :func:`refusal_body`."""
    return [*_HEADERS, (b"content-length", str(len(body)).encode())]


async def send_refusal(send: Send, status: int, message: str) -> None:
    """Answer an ASGI request with a refusal."""
    body = refusal_body(status, message)
    await send({"type": "http.response.start", "status": status, "headers": refusal_headers(body)})
    await send({"type": "http.response.body", "body": body})
