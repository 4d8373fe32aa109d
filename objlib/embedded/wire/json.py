"""JSON of the API: parsed leniently in the key's spelling and strictly in types, written as protobuf writes it."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, TypeVar

import msgspec

from objlib.embedded.wire.errors import invalid

T = TypeVar("T")

Json = dict[str, Any]
"""A JSON object; each field is checked where it is read."""
dump: Final[Callable[[Any], bytes]] = msgspec.json.Encoder().encode
"""Encode a value as JSON bytes."""
_load: Final = msgspec.json.Decoder().decode


@lru_cache(maxsize=512)
def _camel(key: str) -> str:
    head, *rest = key.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in rest) if head else key


def camel(value: Any) -> Any:
    """The same value with every object key in lowerCamel, however it was spelt."""
    if isinstance(value, dict):
        return {_camel(key): camel(item) for key, item in value.items()}
    if isinstance(value, list):
        return [camel(item) for item in value]
    return value


def read_json(body: bytes) -> Json:
    """Parse a JSON object; ApiError if it is none. An empty body is an empty object, as the SDKs send it."""
    if not body.strip():
        return {}
    try:
        value = _load(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise invalid("Invalid JSON payload received.") from None
    if not isinstance(value, dict):
        raise invalid("Invalid JSON payload received. The root must be an object.")
    return camel(value)  # type: ignore[no-any-return]


def _field(body: Json, key: str, kind: type[T], expected: str) -> T:
    value = body.get(key)
    if value is None:
        return kind()
    if not isinstance(value, kind):
        raise invalid(f"Invalid value at '{key}'{expected}")
    return value


def text_field(body: Json, key: str, *, max_length: int | None = None) -> str:
    """A string field, empty when absent or null; ApiError if it is of another type or too long."""
    value = _field(body, key, str, " (TYPE_STRING).")
    if max_length is not None and len(value) > max_length:
        raise invalid(f"{key} cannot be more than {max_length} characters long.")
    return value


def object_field(body: Json, key: str) -> Json:
    """An object field, empty when absent or null; ApiError if it is of another type."""
    return _field(body, key, dict, ": an object was expected.")


def list_field(body: Json, key: str) -> list[Any]:
    """A repeated field, empty when absent or null; ApiError if it is of another type."""
    return _field(body, key, list, ": a list was expected.")


def int_field(body: Json, key: str) -> int | None:
    """An integer field, a number or (64-bit) a string; None when absent, ApiError if it is of another type."""
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


def part_texts(content: Json) -> list[str]:
    """The texts of a Content's parts, without parts of other kinds; ApiError if they are not a list."""
    parts = list_field(content, "parts")
    return [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]


def compact(**fields: Any) -> Json:
    """An object without the fields that protobuf leaves out: None, zero, false and the empty ones."""
    return {key: value for key, value in fields.items() if value not in (None, 0, False, "", [], {})}


def int64(value: int) -> str | None:
    """A 64-bit integer as the wire has it: a string, and absent when zero."""
    return str(value) if value else None


def timestamp(seconds: float) -> str:
    """RFC 3339 in UTC with microseconds."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
