"""HTML and XHTML to text: the visible text, with block borders as blank lines. The only module that imports lxml.

libxml2 reports tags and text as it parses, and no tree is built: a page that is nothing but open tags costs no more
than another. XHTML is read by the rules of XML where it keeps them, and else as HTML.
"""

import re
from dataclasses import replace
from html import escape, unescape
from typing import Any, Final

from objlib.embedded.text.entities import without_doctype
from objlib.embedded.text.extracted import Extracted
from objlib.embedded.text.markdown import MAX_HEADING

_HIDDEN = frozenset({"script", "style", "template", "noscript", "svg", "math", "iframe", "object", "head"})
_BLOCK_TAGS = """
    address article aside audio blockquote body canvas caption center dd details dialog dir div dl dt fieldset
    figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li listing main menu nav noembed
    noframes ol p plaintext pre search section summary table textarea ul video xmp
"""
_BLOCK = frozenset(_BLOCK_TAGS.split())
_LINE = frozenset({"br", "tr", "option"})
_CELL = frozenset({"td", "th"})
_CONTROL = frozenset({"button", "input", "select"})
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_SPACE = re.compile(r"\s+")
_TAG = re.compile(r"<[^<>]*>")
_XHTML = re.compile(
    r"\s*<\?xml\b|\s*(?:<!--[^>]*-->\s*|<!DOCTYPE[^>]*>\s*)*<(?:\w+:)?html\b[^>]*/1999/xhtml"
    r"|\s*(?:<!--[^>]*-->\s*)*<!DOCTYPE\s[^>\[]*\[",
    re.IGNORECASE,
)
_ROOT = re.compile(r"<(?:\w+:)?(\w+)[\s>]")
_NAMED = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)\w{2,31};")
_SELF_CLOSED = re.compile(
    r"<((?:\w+:)?(?:title|script|style|textarea|iframe|noscript|template|object))\b([^<>]*)/>"
)
_NO_FRAMES = re.compile(r"</?noframes\b[^<>]*>", re.IGNORECASE)  # to a parser its content is no markup
_MAX_DEPTH: Final = 2000
"""Open elements: libxml2 looks through all of them at each end tag, and a page of tags would take hours."""


class _TooDeepError(Exception):
    """More than :data:`_MAX_DEPTH` elements are open."""


def is_xhtml(source: str) -> bool:
    """Whether the root of an XML document is ``html``."""
    root = _ROOT.search(source[:4096])
    return root is not None and root[1].lower() == "html"


def html_text(source: str) -> Extracted:
    """Extract the text of HTML or XHTML, its title and author, and the headings h1 to h6."""
    from lxml import etree  # 50 ms that only HTML should cost

    remarks: tuple[str, ...] = ()
    if _XHTML.match(source[:4096]):
        document = without_doctype(source)
        remarks, source = document.remarks, document.text if document.expanded else source
        xml = _NAMED.sub(
            lambda name: escape(unescape(name[0])) if unescape(name[0]) != name[0] else name[0],
            document.text,
        )
        options = {"resolve_entities": False, "no_network": True, "load_dtd": False}
        try:
            return replace(_parse(etree, etree.XMLParser, xml, **options), remarks=remarks)
        except etree.XMLSyntaxError:
            source = _SELF_CLOSED.sub(r"<\1\2></\1>", _without_cdata(source))
        except _TooDeepError:
            pass
    try:
        return replace(_parse(etree, etree.HTMLParser, _NO_FRAMES.sub("", source)), remarks=remarks)
    except _TooDeepError:
        return Extracted(unescape(_TAG.sub(" ", source)), remarks=remarks)
    except etree.XMLSyntaxError:  # there is nothing in it
        return Extracted("", remarks=remarks)


def _parse(etree: Any, parser: Any, source: str, **options: bool) -> Extracted:
    reader = _Reader()
    # The text is characters by now; whatever it declares no longer holds.
    feed = parser(target=reader, encoding="utf-8", huge_tree=True, **options)
    data = source.encode()
    for start in range(0, len(data), 65_536):  # in pieces, so that a deep page is given up early
        feed.feed(data[start : start + 65_536])
    feed.close()
    return Extracted(
        "".join(reader.out),
        title=_tidy("".join(reader.title)),
        author=_tidy(reader.author),
        headings=tuple(reader.headings),
    )


def _without_cdata(source: str) -> str:
    """The text of CDATA sections as HTML would write it."""
    first, *others = source.split("<![CDATA[")
    parts = [part.partition("]]>") for part in others]
    return first + "".join(escape(text) + rest for text, _, rest in parts)


def _tidy(text: str) -> str:
    return _SPACE.sub(" ", text).strip()


class _Reader:
    """Collects blocks into ``out``, and counts their length for the offsets of headings; lxml calls it."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.headings: list[tuple[int, str]] = []
        self.title: list[str] = []
        self.author = ""
        self._length = 0
        self._block: list[str] = []
        self._depth = self._hidden = self._pre = 0
        self._in_title = False
        self._heading = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Open a block, a line, or something hidden."""
        tag = _local(name)
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise _TooDeepError
        if tag == "title":
            self._in_title = not self.title
        elif tag == "meta" and attributes.get("name", "").lower() == "author":
            self.author = attributes.get("content", "")
        elif tag in _HIDDEN:
            self._hidden += 1
        elif tag in _BLOCK:
            self._end_block()
            self._heading = tag in _HEADINGS
            self._pre += tag == "pre"
        elif tag in _LINE:
            self._block.append("\n")
        elif tag in _CELL or tag in _CONTROL:
            self._block.append("\t")

    def end(self, name: str) -> None:
        """Close an element."""
        tag = _local(name)
        self._depth -= 1
        if tag == "title":
            self._in_title = False
        elif tag in _HIDDEN:
            self._hidden -= 1
        elif tag in _BLOCK:
            self._end_block()
            self._pre -= tag == "pre"
        elif tag in _CONTROL:
            self._block.append("\t")

    def data(self, data: str) -> None:
        """Keep visible text; white space counts only inside ``<pre>``."""
        if self._in_title:
            self.title.append(data)
        elif not self._hidden:
            self._block.append(data if self._pre else _SPACE.sub(" ", data))

    def close(self) -> None:
        """End the last block."""
        self._end_block()

    def _end_block(self) -> None:
        """Write the collected block and a blank line, unless the block is blank."""
        if not self._block:
            return
        lines = [line.rstrip() if self._pre else _cells(line) for line in "".join(self._block).split("\n")]
        text = "\n".join(lines).strip("\n" if self._pre else None)
        self._block.clear()
        if not text.strip():
            return
        if self._heading:
            self.headings.append((self._length, _tidy(text)[:MAX_HEADING]))
            self._heading = False
        self.out.append(text + "\n\n")
        self._length += len(text) + 2


def _local(name: str) -> str:
    """The name of a tag without its namespace, in lower case."""
    return name.rpartition("}")[2].lower()


def _cells(line: str) -> str:
    return "\t".join(cell for part in line.split("\t") if (cell := re.sub(r" +", " ", part).strip()))
