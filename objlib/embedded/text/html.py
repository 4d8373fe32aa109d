"""HTML and XHTML to text: the visible text, with block borders as blank lines. The only module that imports lxml.

libxml2 reports tags and text as it parses, and no tree is built: a page that is nothing but open tags costs no more
than another. XHTML is read by the rules of XML where it keeps them, and else as HTML.
"""

import re
from html import escape, unescape
from typing import Any, Final

from objlib.embedded.text.entities import without_doctype
from objlib.embedded.text.extracted import Extracted
from objlib.embedded.text.markdown import MAX_HEADING
from objlib.embedded.text.spool import TextSpool, utf8_at_most

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
_PIECE: Final = 65_536
"""Characters that are parsed at once: a deep page is given up early, and a large one is never there twice."""
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
            reader = _Reader(utf8_at_most(xml))
            _parse_xml(etree.XMLParser(target=reader, encoding="utf-8", huge_tree=True, **options), xml)
            return reader.extracted(remarks)
        except etree.XMLSyntaxError:
            source = _SELF_CLOSED.sub(r"<\1\2></\1>", _without_cdata(source))
        except _TooDeepError:
            pass
    reader = _Reader(utf8_at_most(source))
    try:
        # The text is characters by now; whatever encoding it declares no longer holds.
        parser = etree.HTMLParser(target=reader, encoding="utf-8", huge_tree=True)
        etree.parse(_Pieces(_NO_FRAMES.sub("", source), reader), parser)
    except _TooDeepError:
        return Extracted(unescape(_TAG.sub(" ", source)), remarks=remarks)
    except etree.XMLSyntaxError:  # there is nothing in it
        return Extracted("", remarks=remarks)
    del source  # before the text is made of the spool
    return reader.extracted(remarks)


def _parse_xml(parser: Any, source: str) -> None:
    for start in range(0, len(source), _PIECE):
        parser.feed(source[start : start + _PIECE].encode())
    parser.close()


class _Pieces:
    """The text as a file in pieces. Fed with them, the parser of HTML would keep them all until the end."""

    def __init__(self, source: str, reader: "_Reader") -> None:
        self._source = source
        self._reader = reader
        self._at = 0

    def read(self, _size: int = -1) -> bytes:
        """The next piece; nothing more of a page that is given up."""
        if self._reader.too_deep:
            return b""
        start, self._at = self._at, self._at + _PIECE
        return self._source[start : self._at].encode()


def _without_cdata(source: str) -> str:
    """The text of CDATA sections as HTML would write it."""
    first, *others = source.split("<![CDATA[")
    parts = [part.partition("]]>") for part in others]
    return first + "".join(escape(text) + rest for text, _, rest in parts)


def _tidy(text: str) -> str:
    return _SPACE.sub(" ", text).strip()


class _Reader:
    """Collects blocks into ``out``, whose length is the offset of a heading; lxml calls it."""

    def __init__(self, room: int) -> None:
        self.out = TextSpool(room)
        self.headings: list[tuple[int, str]] = []
        self.title: list[str] = []
        self.author = ""
        self._block: list[str] = []
        self._depth = self._hidden = self._pre = 0
        self._in_title = False
        self._heading = False

    @property
    def too_deep(self) -> bool:
        """Whether the page is given up."""
        return self._depth > _MAX_DEPTH

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Open a block, a line, or something hidden."""
        tag = _local(name)
        self._depth += 1
        if self.too_deep:
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

    def extracted(self, remarks: tuple[str, ...]) -> Extracted:
        """Give what was read, once: the text is gone from here afterwards."""
        return Extracted(
            self.out.take(),
            title=_tidy("".join(self.title)),
            author=_tidy(self.author),
            headings=tuple(self.headings),
            remarks=remarks,
        )

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
            self.headings.append((self.out.length, _tidy(text)[:MAX_HEADING]))
            self._heading = False
        self.out.add(text + "\n\n")


def _local(name: str) -> str:
    """The name of a tag without its namespace, in lower case."""
    return name.rpartition("}")[2].lower()


def _cells(line: str) -> str:
    return "\t".join(cell for part in line.split("\t") if (cell := re.sub(r" +", " ", part).strip()))
