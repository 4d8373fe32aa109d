"""The messages of requests: every field by its name and type, as the service checks them.

The table is ``messages.json``. A field in lowerCamel or in snake_case is the same field; one that no message has
is an error, as in the service, since a mistyped name would otherwise change a request without a word.
"""

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from objlib.embedded.wire.errors import ApiError
from objlib.embedded.wire.json import Json, camel_key
from objlib.embedded.wire.lenient import MAX_DEPTH

_RANGES: Final = {"int32": (-(2**31), 2**31 - 1), "uint32": (0, 2**32 - 1), "int64": (-(2**63), 2**64 - 1)}
_INTEGER: Final = re.compile(r"[+-]?\d{1,20}", re.ASCII)
_NAMES: Final = {"string": "TYPE_STRING", "bool": "TYPE_BOOL", "number": "TYPE_DOUBLE", "enum": "TYPE_ENUM"}
_MAX_SHOWN: Final = 60
"""Characters of a refused value in its message."""


@lru_cache(maxsize=1)
def _table() -> dict[str, dict[str, str]]:
    path = Path(__file__).with_name("messages.json")
    table: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
    return table


def read_message(value: Any, message: str) -> Json:
    """A message in lowerCamel, each field of its type, without the fields that are null.

    Raises:
        ApiError: an unknown field, a value of another type, or objects inside each other without end.
    """
    return _message(value, message, "", 0)


def _message(value: Any, message: str, where: str, depth: int) -> Json:
    if not isinstance(value, dict):
        raise _wrong(where, f"Invalid value at '{where or message}' (an object was expected).")
    if depth > MAX_DEPTH:
        raise _wrong(where[:_MAX_SHOWN], "Invalid JSON payload received. It is nested too deeply.")
    fields = _table()[message]
    out: Json = {}
    for name, item in value.items():
        key = camel_key(name)
        kind = fields.get(key)
        if kind is None:
            at = f" at '{where}'" if where else ""
            raise _wrong(
                where, f'Invalid JSON payload received. Unknown name "{name[:80]}"{at}: Cannot find field.'
            )
        if item is None:
            continue
        path = f"{where}.{key}" if where else key
        out[key] = _field(item, kind, path, depth)
    return out


def _field(value: Any, kind: str, where: str, depth: int) -> Any:
    if kind.startswith("[]"):
        if not isinstance(value, list):
            raise _wrong(where, f"Invalid value at '{where}' (a list was expected).")
        return [_field(item, kind[2:], f"{where}[{n}]", depth + 1) for n, item in enumerate(value)]
    if kind.startswith("{}"):
        if not isinstance(value, dict):
            raise _wrong(where, f"Invalid value at '{where}' (an object was expected).")
        return {key: _field(item, kind[2:], f"{where}.{key}", depth + 1) for key, item in value.items()}
    if kind in _table():
        return _message(value, kind, where, depth + 1)
    if kind == "object" and not isinstance(value, dict):
        raise _wrong(where, f"Invalid value at '{where}' (an object was expected).")
    if kind in {"any", "object"}:
        _check_depth(value, where, depth)
        return value
    return _scalar(value, kind, where)


def _check_depth(value: Any, where: str, depth: int) -> None:
    if isinstance(value, dict | list):
        if depth > MAX_DEPTH:
            raise _wrong(where, "Invalid JSON payload received. It is nested too deeply.")
        for item in value.values() if isinstance(value, dict) else value:
            _check_depth(item, where, depth + 1)


def _scalar(value: Any, kind: str, where: str) -> Any:
    if kind == "string" and isinstance(value, str):
        return value
    if kind == "enum" and isinstance(value, str | int) and not isinstance(value, bool):
        return value
    if kind == "bool" and value in (True, False, "true", "false"):
        return value in (True, "true")
    if kind == "number" and isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if kind in _RANGES:
        number = _integer(value)
        low, high = _RANGES[kind]
        if number is not None and low <= number <= high:
            return number
    name = _NAMES.get(kind, f"TYPE_{kind.upper()}")
    shown = "a list" if isinstance(value, list) else "an object" if isinstance(value, dict) else repr(value)
    shown = shown[:_MAX_SHOWN]
    raise _wrong(where, f"Invalid value at '{where}' ({name}), {shown}")


def _integer(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, str):
        return int(value) if _INTEGER.fullmatch(value) else None
    # A number of more digits would not even be written into a message (Python's limit is 4,300).
    return value if isinstance(value, int) and value.bit_length() <= 64 else None


def _wrong(field: str, description: str) -> ApiError:
    violation = {"field": field, "description": description}
    details = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}
    return ApiError("INVALID_ARGUMENT", description, details=(details,))
