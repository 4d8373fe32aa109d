"""The front matter of a Markdown file, read as plain texts, numbers and lists.

It is YAML between two lines of ``---``, or TOML between two of ``+++``.

PyYAML cuts it into events and nothing more: no tag is obeyed, an alias stands for one value only, and nesting is
bounded, so a document can neither run nor multiply anything. Front matter that is not YAML as a whole is read key
by key, for a colon in one title should not cost the other keys.
"""

import re
import struct
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from objlib.core.library.decode import LINE_END, UnreadableError, decode

HEAD: Final = 64 * 1024
"""Bytes at the start of a file that are searched for front matter."""
EXACT_INTEGER: Final = 2**24
"""The largest number up to which a 32-bit float, the service's kind of number, holds every integer.

Larger integers stay text, all of them: some fit, but a filter on a key needs values of one type.
"""
Scalar = str | int | float | bool
"""A value; a number only where a 32-bit float keeps it to the last digit, else the text as it was written."""

_FENCES: Final = {"---": ("---", "..."), "+++": ("+++",)}
"""The first three characters of a front matter, and the lines that end it."""
_MAX_DEPTH: Final = 6
"""Levels of lists and mappings."""
_MAX_KEYS: Final = 500
"""Keys of front matter that is read key by key; each is parsed for itself."""
_LONGEST_NUMBER: Final = 32
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)$")
_DECIMAL: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][-+]?[0-9]+)?$")
_KEY: Final = re.compile(r"^(?=[^\s#-])", re.MULTILINE)
_LINE: Final = re.compile(r"([^\n:]{1,128}):[ \t]+([^\n]*)\s*")
_SYNTAX: Final = tuple("\"'[]{}&*!|>%@`")


class Keys(dict[str, Any]):
    """The values of a mapping, by key.

    Attributes:
        twice: keys that it has more than once.
    """

    def __init__(self, values: Iterable[tuple[str, Any]] | dict[str, Any] = ()) -> None:
        super().__init__(values)
        self.twice: list[str] = []


@dataclass(frozen=True, slots=True)
class Block:
    """The lines of a front matter without its fences.

    Attributes:
        lines: all with the same line end; empty where there is no front matter.
        body: offset of what follows it.
        toml: whether they are TOML, not YAML.
    """

    lines: str
    body: int
    toml: bool = False


class Plain(str):
    """A text without quotes: it may be a number, a truth value or nothing."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Unread:
    """A value that was left out: the reason, and its text where it has one."""

    reason: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The values by key, ``author_name`` for a key inside another, and what was left out, ``key: why`` each."""

    values: dict[str, Scalar | list[Scalar]]
    dropped: tuple[str, ...] = ()


def front_matter(head: bytes | str) -> FrontMatter:
    """The front matter in the first :data:`HEAD` of a text, in its order; empty when there is none."""
    try:
        text = decode(head[:HEAD], cut=True).text if isinstance(head, bytes) else head[:HEAD]
    except UnreadableError:
        text = ""
    values: dict[str, Scalar | list[Scalar]] = {}
    dropped: dict[str, None] = {}
    for name, part in _flat_each("", parse(split(text))):
        if isinstance(part, Unread):
            dropped[f"{name}: {part.reason}"] = None
        else:
            values[name] = part
    return FrontMatter(values, tuple(dropped))


def number(text: str) -> int | float | None:
    """The number that ``text`` is, when the service keeps it exactly; None otherwise.

    A leading zero makes a label of it (``007``), and so does more than :data:`EXACT_INTEGER`.
    """
    if len(text) > _LONGEST_NUMBER:
        return None
    if _INTEGER.match(text):
        value = int(text)
        return value if abs(value) <= EXACT_INTEGER else None
    if not _DECIMAL.match(text):
        return None
    try:
        (stored,) = struct.unpack("<f", struct.pack("<f", float(text)))
    except OverflowError:
        return None
    return float(stored) if stored == float(text) else None


def split(text: str) -> Block:
    """The block between the two fences; one without lines, and a body from 0 on, where there is no front matter."""
    start = position = inside = int(text.startswith("\ufeff"))
    fence = text[start : start + 3]
    if fence not in _FENCES:
        return Block("", 0)
    for end in [*LINE_END.finditer(text, 0, HEAD), None]:
        line = text[position : end.start() if end else len(text)].rstrip()
        following = end.end() if end else len(text)
        if position == start:
            if line != fence:
                break
            inside = following
        elif line in _FENCES[fence]:
            return Block(LINE_END.sub("\n", text[inside:position]), following, toml=fence == "+++")
        position = following
    return Block("", 0)


def parse(block: Block) -> Keys:
    """The values of a block by key: :class:`Plain` and quoted texts, lists, mappings, and :class:`Unread`."""
    if not block.lines.strip():
        return Keys()
    return _toml(block.lines) if block.toml else _yaml(block.lines)


def _toml(block: str) -> Keys:
    try:
        return Keys((key, _of_toml(value, 1)) for key, value in tomllib.loads(block).items())
    except (ValueError, RecursionError) as error:  # one key twice is an error in TOML
        return Keys({"front matter": Unread(f"it is no TOML ({error})")})


def _of_toml(value: object, depth: int) -> Any:
    """A value of TOML as YAML would have given it."""
    if depth > _MAX_DEPTH:
        return Unread(f"it is nested deeper than {_MAX_DEPTH} levels")
    if isinstance(value, dict):
        return Keys((key, _of_toml(part, depth + 1)) for key, part in value.items())
    if isinstance(value, list):
        return [_of_toml(part, depth + 1) for part in value]
    if isinstance(value, bool):
        return Plain(str(value).lower())
    return value if isinstance(value, str) else Plain(value)  # a number, or a time in ISO's notation


def _yaml(block: str) -> Keys:
    import yaml

    try:
        return _mapping(yaml, block)
    except (yaml.YAMLError, ValueError):
        starts = [match.start() for match in _KEY.finditer(block)]
    values = Keys()
    for start, stop in zip(starts[:_MAX_KEYS], [*starts[1:], len(block)], strict=False):
        piece = block[start:stop]
        try:
            part = _mapping(yaml, piece)
        except (yaml.YAMLError, ValueError) as error:
            part = _line(piece, getattr(error, "problem", None) or str(error))
        values.twice += [*part.twice, *(key for key in part if key in values)]
        values.update(part)
    return values


def _line(piece: str, problem: str) -> Keys:
    """A key whose value is no YAML: its text as it stands, if it is one line without YAML's signs."""
    line = _LINE.fullmatch(piece)
    if line is None:
        return Keys({piece.partition("\n")[0].partition(":")[0][:80]: Unread(f"it is no YAML ({problem})")})
    key, text = line[1].strip().strip("\"'"), re.split(r"\s#", line[2], maxsplit=1)[0].rstrip()
    value = Unread(f"it is no YAML ({problem})", text) if text.startswith(_SYNTAX) else Plain(text)
    return Keys({key: value})


def _mapping(yaml: Any, block: str) -> Keys:
    """Read a block.

    Raises:
        yaml.YAMLError: it is no YAML, or nested too deep.
        ValueError: it is no mapping.
    """
    events = yaml.parse(block, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    next(events)  # the start of the stream
    empty = isinstance(next(events), yaml.StreamEndEvent)  # or the start of the document
    value = None if empty else _value(yaml, events, next(events), {}, 0)
    if isinstance(value, Keys):
        for _ in events:  # an error may come later
            pass
        return value
    raise ValueError("it has no key")


def _value(yaml: Any, events: Iterator[Any], event: Any, anchors: dict[str, Any], depth: int) -> Any:
    if depth > _MAX_DEPTH:
        raise ValueError(f"it is nested deeper than {_MAX_DEPTH} levels")
    value: Any
    if isinstance(event, yaml.AliasEvent):
        return anchors.get(event.anchor) or Unread("an alias stands for one value only")
    if isinstance(event, yaml.ScalarEvent):
        value = event.value if event.style else Plain(event.value)
        anchors |= {event.anchor: value} if event.anchor else {}
    elif isinstance(event, yaml.SequenceStartEvent):
        value = []
        while not isinstance(item := next(events), yaml.SequenceEndEvent):
            value.append(_value(yaml, events, item, anchors, depth + 1))
    else:
        value = Keys()
        while not isinstance(item := next(events), yaml.MappingEndEvent):
            key = _value(yaml, events, item, anchors, depth + 1)
            part = _value(yaml, events, next(events), anchors, depth + 1)
            value.twice += [key] if isinstance(key, str) and key in value else []
            value[key if isinstance(key, str) else "?"] = part if isinstance(key, str) else Unread("no key")
    return Unread(f"the tag {event.tag} has no meaning here") if event.tag else value


def _flat_each(prefix: str, keys: Keys) -> Iterator[tuple[str, Scalar | list[Scalar] | Unread]]:
    for key, value in keys.items():
        yield from _flat(f"{prefix}{key}", value)
    for key in keys.twice:
        yield f"{prefix}{key}", Unread("it is there more than once, and the last one counts")


def _flat(key: str, value: Any) -> Iterator[tuple[str, Scalar | list[Scalar] | Unread]]:
    if isinstance(value, Keys):
        yield from _flat_each(f"{key}_", value)
        if not value:
            yield key, Unread("it has no value")
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        mappings = [item for item in value if isinstance(item, dict)]
        for inner in dict.fromkeys(name for item in mappings for name in item):
            yield from _flat(f"{key}_{inner}", [item[inner] for item in mappings if inner in item])
        if len(mappings) < len(value):
            yield key, Unread("a list of texts and mappings is read without its texts")
    elif isinstance(value, list):
        read = [_scalar(item) for item in value]
        items = [item for item in read if item is not None and not isinstance(item, Unread)]
        yield key, items or Unread("it has no value")
        yield from ((key, item) for item in read if isinstance(item, Unread))
    else:
        scalar = _scalar(value)
        yield key, Unread("it has no value") if scalar is None else scalar


def _scalar(value: Any) -> Scalar | Unread | None:
    """The value of one scalar; None for nothing (``null``, ``~``)."""
    if not isinstance(value, str):
        return value if isinstance(value, Unread) else Unread("a list inside a list is not kept")
    if not isinstance(value, Plain):
        return value
    if value in {"", "~", "null", "Null", "NULL"}:
        return None
    if value.lower() in {"true", "false"} and value in {value.lower(), value.title(), value.upper()}:
        return value.lower() == "true"
    exact = number(value)
    return str(value) if exact is None else exact
