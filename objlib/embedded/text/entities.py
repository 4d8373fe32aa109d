"""Entities that an XML document declares for itself, expanded within a bound.

The parser is told to expand none: ten lines of them can stand for gigabytes, and one can name a file of this machine.
Those whose text stands in the document are put in here, before it parses; the others stay as they are written.
"""

import re
from dataclasses import dataclass, field
from typing import Final

MAX_EXPANSION: Final = 1_000_000
"""Characters that all entities of one document may add; real documents add some hundreds."""
MAX_NESTING: Final = 20
"""Entities inside of entities at most; a deeper one counts as one that stands for itself."""

_DOCTYPE: Final = re.compile("<!DOCTYPE", re.IGNORECASE)
_TOKEN: Final = re.compile(r"""<!ENTITY|<!--|<\?|"[^"]*"|'[^']*'|[\[\]>]""")
_ENTITY: Final = re.compile(
    r"""<!ENTITY\s+(?P<parameter>%\s+)?(?P<name>[\w:.-]+)\s+"""
    r"""(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<outside>SYSTEM|PUBLIC)\b)"""
)
_NUMERIC: Final = re.compile(r"&#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}));")
_NAMED: Final = re.compile(r"&([A-Za-z_:][\w:.-]{0,99});")
_CLOSED_BY: Final = {"<!--": "-->", "<?": "?>", "<![CDATA[": "]]>"}
_LITERAL: Final = re.compile(r"<!--|<!\[CDATA\[")


class _TooMuchError(Exception):
    """The entities add more than :data:`MAX_EXPANSION`."""


@dataclass(slots=True)
class PlainXml:
    """An XML document without its document type.

    Attributes:
        text: with the entities that it declares.
        expanded: whether it declares any.
        remarks: what of them is not in the text, one line each.
    """

    text: str
    expanded: bool = False
    remarks: tuple[str, ...] = ()


@dataclass(slots=True)
class _Entities:
    values: dict[str, str] = field(default_factory=dict)
    outside: set[str] = field(default_factory=set)
    missed: set[str] = field(default_factory=set)
    added: int = 0

    def expand(self, text: str, names: tuple[str, ...] = ()) -> str:
        """``text`` with the entities in it, ``names`` being those that it is itself part of."""

        def value(match: re.Match[str]) -> str:
            name = match[1]
            if name in self.outside:
                self.missed.add(name)
            if name not in self.values or name in names or len(names) >= MAX_NESTING:
                return match[0]
            self.added += len(self.values[name])
            if self.added > MAX_EXPANSION:
                raise _TooMuchError
            return self.expand(self.values[name], (*names, name))

        return _NAMED.sub(value, text)


def without_doctype(source: str) -> PlainXml:
    """Take the document type off, and put the text of the entities that it declares in their places.

    Only the first document type is looked at.
    """
    first = _DOCTYPE.search(source)
    if first is None:
        return PlainXml(source)
    entities = _Entities()
    end = _read_doctype(source, first.end(), entities)
    if end is None:
        return PlainXml(source)
    text = source[: first.start()] + source[end:]
    if not entities.values and not entities.outside:
        return PlainXml(text)
    try:
        text = _outside_of_literals(text, entities)
    except _TooMuchError:
        remark = (
            f"its own entities stand for more than {MAX_EXPANSION:,} characters, and were left as they are"
        )
        return PlainXml(text, expanded=True, remarks=(remark,))
    missed = ", ".join(sorted(entities.missed)[:5])
    remarks = (f"entities whose text is in another file were not read: {missed}",) if missed else ()
    return PlainXml(text, expanded=True, remarks=remarks)


def _read_doctype(source: str, at: int, entities: _Entities) -> int | None:
    """Collect the entities that the document type declares; where it ends, None for one that is left open."""
    inside = False
    while (token := _TOKEN.search(source, at)) is not None:
        at = token.end()
        kind = token[0]
        if kind in _CLOSED_BY:
            close = source.find(_CLOSED_BY[kind], at)
            if close < 0:
                return None
            at = close + len(_CLOSED_BY[kind])
        elif kind == "<!ENTITY":
            if entity := _ENTITY.match(source, token.start()):
                at = entity.end()
                _declare(entity, entities)
        elif kind == "[":
            inside = True
        elif kind == "]":
            inside = False
        elif kind == ">" and not inside:
            return at
    return None


def _declare(entity: re.Match[str], entities: _Entities) -> None:
    """Note an entity; the first declaration of a name counts."""
    name = entity["name"]
    if entity["parameter"] or name in entities.values or name in entities.outside:
        return
    if entity["outside"]:
        entities.outside.add(name)
        return
    value = entity["single"] if entity["double"] is None else entity["double"]
    entities.values[name] = _NUMERIC.sub(_character, value)


def _character(match: re.Match[str]) -> str:
    number = int(match[1], 16) if match[1] else int(match[2])
    return chr(number) if 0 < number < 0x110000 and not 0xD800 <= number < 0xE000 else match[0]


def _outside_of_literals(text: str, entities: _Entities) -> str:
    """Expand where XML does: not in comments and CDATA sections."""
    parts, at = [], 0
    while (literal := _LITERAL.search(text, at)) is not None:
        close = text.find(_CLOSED_BY[literal[0]], literal.end())
        if close < 0:
            break
        parts += [entities.expand(text[at : literal.start()]), text[literal.start() : close]]
        at = close
    return "".join([*parts, entities.expand(text[at:])])
