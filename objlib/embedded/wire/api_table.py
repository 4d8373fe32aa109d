"""The methods and messages of Google's discovery document: ``api_table.json``, made by ``scripts/api_table.py``.

Requests are always read by ``messages.json``, which has the fields of newer clients too. This table has the document
alone, with the values of enums, and the answers.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

_FORMS: Final = {
    "time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z"),
    "duration": re.compile(r"-?\d{1,12}(\.\d{1,9})?s"),
    "int64": re.compile(r"-?\d{1,19}"),
    "bytes": re.compile(r"[A-Za-z0-9+/_-]*={0,2}"),
}
_SHOWN: Final = 60
"""Characters of a wrong value that are shown."""


@dataclass(frozen=True, slots=True)
class Method:
    """A method: its id, its query parameters with their types, and the names of its messages."""

    id: str
    query: dict[str, str]
    request: str
    response: str


@dataclass(frozen=True, slots=True)
class _Table:
    system: frozenset[str]
    methods: tuple[tuple[str, re.Pattern[str], Method], ...]
    messages: dict[str, dict[str, str]]


@lru_cache(maxsize=1)
def _table() -> _Table:
    raw = json.loads(Path(__file__).with_name("api_table.json").read_text(encoding="utf-8"))
    found = []
    for each in raw["methods"]:
        pattern = re.escape(each["path"]).replace(re.escape("*"), r"[^/:]+")
        method = Method(each["id"], each["query"], each["request"], each["response"])
        found.append((each["verb"], re.compile(pattern), method))
    return _Table(frozenset(raw["system"]), tuple(found), raw["messages"])


def find_method(verb: str, path: str) -> Method | None:
    """The method of a path without its version, such as ``upload/files``; None where the document has none."""
    for its_verb, pattern, method in _table().methods:
        if its_verb == verb and pattern.fullmatch(path):
            return method
    return None


def query_problem(method: Method, names: Iterator[str] | list[str]) -> str:
    """The fault in the names of a query; empty if there is none."""
    allowed = _table().system | {"upload_id"} | method.query.keys()
    for name in names:
        if name not in allowed and name.removeprefix("$") not in allowed:
            return (
                f'Invalid JSON payload received. Unknown name "{name[:80]}": '
                f"Cannot bind query parameter. Field '{name[:80]}' could not be found in request message."
            )
    return ""


def problems(value: Any, message: str, *, answer: bool, where: str = "") -> Iterator[str]:
    """The parts of a message that the document does not have; none where it fits.

    Args:
        value: the message in lowerCamel.
        message: its name; one that the document does not have fits always.
        answer: whether the service wrote it, as proto3 JSON: 64-bit numbers are strings then.
        where: the path of the value in the message.
    """
    fields = _table().messages.get(message)
    if fields is None:
        return
    if not isinstance(value, dict):
        yield f"{where or message}: no object"
        return
    for name, item in value.items():
        path = f"{where}.{name}" if where else name
        if name not in fields:
            yield f"{path}: {message} has no such field"
        else:
            yield from _field(item, fields[name], path, answer=answer)


def _field(value: Any, kind: str, where: str, *, answer: bool) -> Iterator[str]:
    if kind.startswith("[]"):
        if not isinstance(value, list):
            yield f"{where}: no list"
            return
        for number, item in enumerate(value):
            yield from _field(item, kind[2:], f"{where}[{number}]", answer=answer)
    elif kind.startswith("{}"):
        if not isinstance(value, dict):
            yield f"{where}: no object"
            return
        for name, item in value.items():
            yield from _field(item, kind[2:], f"{where}.{name}", answer=answer)
    elif kind in _table().messages:
        yield from problems(value, kind, answer=answer, where=where)
    elif not _fits(value, kind, answer=answer):
        shown = kind.partition(":")[0]
        yield f"{where}: {repr(value)[:_SHOWN]} is no {shown}"


def _fits(value: Any, kind: str, *, answer: bool) -> bool:
    if kind == "any":
        return True
    if kind.startswith("enum:"):
        names = kind.removeprefix("enum:").split("|")
        return value in names or (not answer and isinstance(value, int) and 0 <= value < len(names))
    if not answer:
        return True  # read_message has looked at the types of a request
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "int32":
        return isinstance(value, int) and not isinstance(value, bool) and -(2**31) <= value < 2**31
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    form = _FORMS.get(kind)
    return isinstance(value, str) and (form is None or form.fullmatch(value) is not None)
