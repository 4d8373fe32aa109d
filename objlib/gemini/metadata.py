"""A document's metadata: our mapping to and from the service's list of entries, with its limits enforced."""

import math
import struct
from collections.abc import Iterable, Mapping
from typing import Any

from objlib.core.library.metadata import MetadataValue
from objlib.core.limits import MAX_DISPLAY_NAME, MAX_ENTRIES, MAX_TEXT_BYTES
from objlib.gemini.errors import ErrorKind, GeminiError
from objlib.gemini.wire import MetadataEntry


def to_wire(metadata: Mapping[str, MetadataValue]) -> list[dict[str, Any]]:
    """The service's list for ``metadata``.

    Raises:
        GeminiError: PERMANENT, when the service would refuse or silently change it.
    """
    if len(metadata) > MAX_ENTRIES:
        raise _refused(f"{len(metadata)} entries, and a document can have at most {MAX_ENTRIES}")
    return [_entry(key, value) for key, value in metadata.items()]


def from_wire(entries: Iterable[MetadataEntry]) -> dict[str, MetadataValue]:
    """The mapping that a list of the service's holds; an entry without a key or a value is left out."""
    metadata: dict[str, MetadataValue] = {}
    for entry in entries:
        if not entry.key:
            continue
        if entry.string_value is not None:
            metadata[entry.key] = entry.string_value
        elif entry.numeric_value is not None:
            metadata[entry.key] = entry.numeric_value
        elif entry.string_list_value is not None:
            metadata[entry.key] = entry.string_list_value.values
    return metadata


def display_name(name: str) -> str:
    """``name`` as the service takes it: stripped (a leading blank hung an import), at most 512 characters.

    A character that is no Unicode (a byte of a file name that is not UTF-8) becomes U+FFFD.
    """
    valid = "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in name)
    return valid.strip()[:MAX_DISPLAY_NAME].rstrip()


def _entry(key: str, value: MetadataValue) -> dict[str, Any]:
    if not key or key != key.strip():
        raise _refused(f"the key {key!r} is empty or has blanks around it")
    _utf8(key, key)
    match value:
        case bool():
            raise _refused(f"{key!r} is true or false; write it as text")
        case str():
            return {"key": key, "stringValue": _text(key, value)}
        case int() | float():
            return {"key": key, "numericValue": _number(key, value)}
        case list():
            return {"key": key, "stringListValue": {"values": [_text(key, each) for each in value]}}
        case _:
            raise _refused(
                f"{key!r} is a {type(value).__name__}; it must be text, a number or a list of texts"
            )


def _text(key: str, value: object) -> str:
    if not isinstance(value, str):
        raise _refused(f"{key!r} holds a {type(value).__name__} in its list; only texts can be there")
    if (size := _utf8(key, value)) > MAX_TEXT_BYTES:
        raise _refused(f"{key!r} has {size} bytes, and a text can have at most {MAX_TEXT_BYTES}")
    return value


def _utf8(key: str, value: str) -> int:
    try:
        return len(value.encode())
    except UnicodeEncodeError:
        raise _refused(f"{key!r} has a character that is no Unicode") from None


def _number(key: str, value: float) -> float:
    """``value`` if a 32-bit float can hold it: whole numbers exactly, others as nearly as it can."""
    try:
        stored = struct.unpack("<f", struct.pack("<f", value))[0]
    except (OverflowError, struct.error):
        stored = math.inf
    if not math.isfinite(stored):
        raise _refused(f"{key!r} is {value!r}, which a 32-bit float cannot hold; write it as text")
    if value == int(value) and stored != value:
        raise _refused(f"{key!r} is {value!r} and would be stored as {int(stored)}; write it as text")
    return value


def _refused(why: str) -> GeminiError:
    return GeminiError(f"metadata: {why}", kind=ErrorKind.PERMANENT, op="metadata")
