"""Custom metadata: a list of typed entries on the wire, one JSON object in the file."""

import json
import math
import struct
from collections.abc import Mapping
from typing import Any, Final

from objlib.core.library.metadata import MetadataValue
from objlib.core.limits import MAX_ENTRIES, MAX_TEXT_BYTES
from objlib.embedded.wire.errors import invalid
from objlib.embedded.wire.json import Json, list_field, text_field

_KINDS: Final = ("stringValue", "numericValue", "stringListValue")


def float32(value: float) -> float:
    """The number as a 32-bit float keeps it, in its shortest decimal form.

    20260103 becomes 20260104. 0.1 stays 0.1 (and not 0.10000000149011612), so that a filter matches it.
    """
    packed = struct.pack("<f", value)
    (kept,) = struct.unpack("<f", packed)
    for digits in range(6, 9):
        short = float(f"{kept:.{digits}g}")
        if struct.pack("<f", short) == packed:
            return short
    return float(f"{kept:.9g}")


def _value(entry: Json, where: str) -> MetadataValue:
    kinds = [kind for kind in _KINDS if entry.get(kind) is not None]
    if len(kinds) != 1:
        raise invalid(
            f"* {where}: exactly one of string_value, numeric_value and string_list_value must be set."
        )
    value = entry[kinds[0]]
    if kinds[0] == "stringListValue":
        return list_field(value, "values")
    if kinds[0] == "stringValue":
        text: str = value
        if len(text.encode("utf-8", "surrogatepass")) > MAX_TEXT_BYTES:
            raise invalid(
                f"* {where}.string_value: string_value cannot be more than {MAX_TEXT_BYTES} characters long."
            )
        return text
    try:
        number = float32(float(value))
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise invalid(f"* {where}.numeric_value: must be a finite number of 32 bits.")
    return number


def read_metadata(body: Json, message: str) -> str:
    """Read ``customMetadata`` of a request, named ``message`` in errors, into the JSON object that the file keeps.

    Raises:
        ApiError: too many entries, a duplicate or missing key, or a value that is not allowed.
    """
    entries = list_field(body, "customMetadata")
    if len(entries) > MAX_ENTRIES:
        raise invalid(f"* {message}.custom_metadata: at most {MAX_ENTRIES} entries are allowed.")
    values: dict[str, MetadataValue] = {}
    for number, entry in enumerate(entries):
        where = f"{message}.custom_metadata[{number}]"
        key = text_field(entry, "key")
        if not key:
            raise invalid(f"* {where}.key: key is required.")
        if key in values:
            raise invalid(f"* {where}.key: duplicate key.")
        values[key] = _value(entry, where)
    return json.dumps(values, ensure_ascii=False)


def write_metadata(values: Mapping[str, Any]) -> list[Json]:
    """The entries of ``customMetadata`` for an answer."""
    return [_entry(key, value) for key, value in values.items()]


def _entry(key: str, value: MetadataValue) -> Json:
    if isinstance(value, str):
        return {"key": key, "stringValue": value}
    if isinstance(value, list):
        return {"key": key, "stringListValue": {"values": value}}
    return {"key": key, "numericValue": value}
