"""JSON in and out, errors, times and page tokens: what every route of the service has in common.

The rules are those of protobuf's JSON mapping: names may come in lowerCamel or snake_case at every level and
go out in lowerCamel; 64-bit integers go out as strings; zero, false and empty values are left out.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

JSON_TYPE: Final = "application/json; charset=UTF-8"

LARGEST_JSON: Final = 20 * 1024 * 1024
"""Largest JSON body in bytes, as the service has it."""

Json = dict[str, Any]
"""A JSON object; what it may hold is checked where it is read."""

STATUS: Final[Mapping[str, int]] = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
}
"""HTTP status of each canonical code that is used here (google.rpc.Code)."""

GRPC: Final[Mapping[str, int]] = {"INVALID_ARGUMENT": 3, "NOT_FOUND": 5, "INTERNAL": 13}
"""Numbers of the codes in an operation's error, which are not HTTP's."""


class ApiError(Exception):
    """An answer that is an error.

    Attributes:
        status: canonical code.
        headers: further response headers (the upload protocol has some on errors too).
    """

    def __init__(
        self,
        status: str,
        message: str,
        *,
        details: tuple[Json, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.details = details
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """The error envelope of Google's APIs."""
        code = STATUS[self.status]
        body: Json = {"code": code, "message": self.message, "status": self.status}
        if self.details:
            body["details"] = list(self.details)
        return Response(dump({"error": body}), code, self.headers, JSON_TYPE)


def invalid(message: str) -> ApiError:
    """The request itself is wrong."""
    return ApiError("INVALID_ARGUMENT", message)


def no_room() -> ApiError:
    """The disk is full. Waiting does not help, so it is told like a store that has reached its limit."""
    return ApiError(
        "RESOURCE_EXHAUSTED",
        "The storage limit of the store file is reached: its disk is full; free some space.",
    )


def not_found(message: str) -> ApiError:
    """There is no such thing."""
    return ApiError("NOT_FOUND", message)


dump: Final[Callable[[Any], bytes]] = msgspec.json.Encoder().encode
"""JSON bytes of a value."""

_load = msgspec.json.Decoder().decode


@lru_cache(maxsize=512)
def _camel(key: str) -> str:
    head, *rest = key.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in rest) if head else key


def camel(value: Any) -> Any:
    """The same value with every object key in lowerCamel, whichever way it was spelt."""
    if isinstance(value, dict):
        return {_camel(key): camel(item) for key, item in value.items()}
    if isinstance(value, list):
        return [camel(item) for item in value]
    return value


async def read_body(request: Request) -> bytes:
    """The body of a request that is JSON.

    Raises:
        ApiError: it is larger than the service takes.
    """
    parts: list[bytes] = []
    left = LARGEST_JSON
    async with aclosing(request.stream()) as stream:
        async for part in stream:
            parts.append(part)
            left -= len(part)
            if left < 0:
                raise invalid(f"Request payload size exceeds the limit: {LARGEST_JSON} bytes.")
    return b"".join(parts)


def read_json(body: bytes) -> Json:
    """Parse a request body; an empty one is an empty object, as the SDKs send it.

    Raises:
        ApiError: it is not a JSON object.
    """
    if not body.strip():
        return {}
    try:
        value = _load(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise invalid("Invalid JSON payload received.") from None
    if not isinstance(value, dict):
        raise invalid("Invalid JSON payload received. The root must be an object.")
    return camel(value)  # type: ignore[no-any-return]


def text_field(body: Json, key: str, *, longest: int | None = None) -> str:
    """A string field, empty when absent or null.

    Raises:
        ApiError: it is something else, or has more than ``longest`` characters.
    """
    value = body.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise invalid(f"Invalid value at '{key}' (TYPE_STRING).")
    if longest is not None and len(value) > longest:
        raise invalid(f"{key} cannot be more than {longest} characters long.")
    return value


def int_field(body: Json, key: str) -> int | None:
    """An integer field, given as a number or (64-bit) as a string; None when absent.

    Raises:
        ApiError: it is not an integer.
    """
    value = body.get(key)
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d{1,18}", value):
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise invalid(f"Invalid value at '{key}' (TYPE_INT32).")
    return value


def object_field(body: Json, key: str) -> Json:
    """An object field, empty when absent or null.

    Raises:
        ApiError: it is something else.
    """
    value = body.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(f"Invalid value at '{key}': an object was expected.")
    return value


def list_field(body: Json, key: str) -> list[Any]:
    """A repeated field, empty when absent or null.

    Raises:
        ApiError: it is something else.
    """
    value = body.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise invalid(f"Invalid value at '{key}': a list was expected.")
    return value


def flag(value: str | None) -> bool:
    """A boolean query parameter: the SDK sends ``True``, the documentation ``true``."""
    return (value or "").lower() in {"true", "1"}


def compact(**fields: Any) -> Json:
    """An object without the fields that protobuf leaves out: None, zero, false and the empty ones."""
    return {key: value for key, value in fields.items() if value not in (None, 0, False, "", [], {})}


def int64(value: int) -> str | None:
    """A 64-bit integer as the wire has it: a string, and absent when zero."""
    return str(value) if value else None


def timestamp(seconds: float) -> str:
    """RFC 3339 in UTC with microseconds."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def page_size(value: str | None, *, default: int, most: int) -> int:
    """The page size to use: what was asked for, clamped and never refused, unless it is negative.

    Raises:
        ApiError: it is negative or no number.
    """
    if not value:
        return default
    try:
        size = int(value)
    except ValueError:
        raise invalid("Invalid value at 'page_size' (TYPE_INT32).") from None
    if size < 0:
        raise invalid("page_size must not be negative.")
    return min(size, most) if size else default


def page_token(time: float, row: int) -> str:
    """An opaque token: go on after the row with this time and number, whether or not it still exists."""
    return base64.urlsafe_b64encode(f"{time.hex()}~{row}".encode()).decode().rstrip("=")


def after_token(token: str | None) -> tuple[float, int]:
    """What a page token says; before everything when there is none.

    Raises:
        ApiError: the token is not one of ours.
    """
    if not token:
        return (float("-inf"), 0)
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("ascii")
        time, row = text.split("~")
        return (float.fromhex(time), int(row))
    except (ValueError, OverflowError, binascii.Error):
        raise invalid("Invalid page token.") from None
