"""HTML cut into tags and text, in linear time for any input.

Not ``html.parser``: up to Python 3.13 that takes quadratic time for unclosed comments and end tags
(CVE-2025-6069), so one document could block the service for hours, and raises AssertionError for ``<![x``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from typing import Literal

_NAME = re.compile(r"[a-zA-Z][^\s/>]*")
_TAG = re.compile(r"""(?:[^"'<>]|"[^"]*"|'[^']*')*>""")
_ATTRIBUTE = re.compile(r"""([^\s=/"'<>]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>]+))""")
_RAW = frozenset({"script", "style"})
"""Elements whose content is no markup; only their end tag closes them."""
_MAX_OPEN_QUOTES = 100
"""Tags with an unclosed quote after which quotes are ignored: each costs a scan of the whole rest."""


@dataclass(frozen=True, slots=True)
class Token:
    """A tag (``value`` is its name in lower case) or text with its entities resolved.

    ``source`` is the inside of a start tag, for :func:`attributes`.
    """

    kind: Literal["start", "end", "text"]
    value: str
    source: str = ""


def attributes(source: str) -> dict[str, str]:
    """The attributes of a start tag that have a value; names in lower case."""
    return {
        name.lower(): unescape(double or single or bare)
        for name, double, single, bare in _ATTRIBUTE.findall(source)
    }


def tokens(source: str) -> Iterator[Token]:
    """Cut HTML into its pieces, without comments and declarations; a ``<`` that begins nothing is text."""
    last = source.rfind(">")
    scans_left = _MAX_OPEN_QUOTES
    position = text_from = 0
    while True:
        start = source.find("<", position)
        if start < 0 or start > last:  # no tag is closed any more
            break
        name = _NAME.match(source, start + 2 if source.startswith("</", start) else start + 1)
        if name is None and source[start + 1 : start + 2] not in ("!", "?", "/"):
            position = start + 1
            continue
        if start > text_from:
            yield Token("text", unescape(source[text_from:start]))
        if name is None:
            position = text_from = _after_declaration(source, start)
            continue
        tag = _TAG.match(source, name.end()) if scans_left else None
        if tag is None:
            scans_left -= scans_left > 0
        stop = tag.end() if tag else source.find(">", name.end()) + 1
        position = text_from = stop
        kind: Literal["start", "end"] = "end" if source[start + 1] == "/" else "start"
        yield Token(kind, name[0].lower(), source[name.end() : stop - 1])
        if kind == "start" and name[0].lower() in _RAW:
            closing = re.compile(f"</{name[0]}", re.IGNORECASE).search(source, stop)
            position = text_from = closing.start() if closing else len(source)
    if text_from < len(source):
        yield Token("text", unescape(source[text_from:]))


def _after_declaration(source: str, start: int) -> int:
    """The offset at which a comment, a declaration or the like ends."""
    if source.startswith("<!--", start):
        closed = source.find("-->", start + 4)
        return closed + 3 if closed >= 0 else len(source)
    return source.find(">", start) + 1
