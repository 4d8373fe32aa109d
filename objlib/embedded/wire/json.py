"""JSON of the API: parsed leniently in the key's spelling and strictly in types, written as protobuf writes it."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, TypeVar

import msgspec

from objlib.embedded.wire.errors import invalid
from objlib.embedded.wire.lenient import LenientError, loads

T = TypeVar("T")

Json = dict[str, Any]
"""A JSON object; each field is checked where it is read."""
dump: Final[Callable[[Any], bytes]] = msgspec.json.Encoder().encode
"""Encode a value as JSON bytes."""
_load: Final = msgspec.json.Decoder().decode
MAX_LENIENT: Final = 1024 * 1024
"""Bytes of a body that is read leniently at most: that parser is 50 times as slow as the strict one."""
MAX_VALUES: Final = 2_000_000
"""Commas and brackets of a body at most: the parser holds the interpreter, for 0.1 s with that many values."""
_MAX_CACHED: Final = 64
"""Characters of a name that is remembered; no field's name is longer."""


def camel_key(key: str) -> str:
    """The name of a field in lowerCamel, however it was spelt."""
    return _camel(key) if len(key) <= _MAX_CACHED else key


@lru_cache(maxsize=512)
def _camel(key: str) -> str:
    head, *rest = key.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in rest) if head else key


def read_json(body: bytes) -> Json:
    """Parse a JSON object; ApiError if it is none. An empty body is an empty object, as the SDKs send it.

    The strict parser comes first; what it refuses, and is not large, is read as leniently as the service does.
    """
    if not body.strip():
        return {}
    if body.count(b",") + body.count(b"[") + body.count(b"{") > MAX_VALUES:
        raise invalid("Invalid JSON payload received. It has too many values.")
    try:
        value = _load(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = _lenient(body)
    if not isinstance(value, dict):
        raise invalid("Invalid JSON payload received. The root must be an object.")
    return value


def _lenient(body: bytes) -> Any:
    if len(body) > MAX_LENIENT:
        raise invalid("Invalid JSON payload received.")
    try:
        return loads(body.decode())
    except (LenientError, UnicodeDecodeError):
        raise invalid("Invalid JSON payload received.") from None


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
