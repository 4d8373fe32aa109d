"""HTML to text: the visible text, with block borders as blank lines."""

import re

from objlib.embedded.text.extracted import Extracted
from objlib.embedded.text.html_tokens import attributes, tokens
from objlib.embedded.text.markdown import MAX_HEADING

_HIDDEN = frozenset({"script", "style", "template", "noscript", "svg", "math", "iframe", "object", "head"})
_BLOCK_TAGS = """
    address article aside blockquote body dd details div dl dt fieldset figcaption figure footer form h1
    h2 h3 h4 h5 h6 header hr html li main nav ol p pre section summary table ul
"""
_BLOCK = frozenset(_BLOCK_TAGS.split())
_LINE = frozenset({"br", "tr", "option"})
_CELL = frozenset({"td", "th"})
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_SPACE = re.compile(r"\s+")
_CHARSET = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]+)", re.IGNORECASE)


def declared_charset(data: bytes) -> str | None:
    """The charset a ``<meta>`` tag names within the first 2,048 bytes, or None."""
    charset = _CHARSET.search(data[:2048])
    return charset[1].decode("ascii") if charset else None


def html_text(source: str) -> Extracted:
    """Extract the text of HTML, its title and author, and the headings h1 to h6."""
    reader = _Reader()
    for token in tokens(source):
        if token.kind == "text":
            reader.text(token.value)
        elif token.kind == "start":
            reader.start(token.value, token.source)
        else:
            reader.end(token.value)
    reader.end_block()
    return Extracted(
        "".join(reader.out),
        title=_tidy("".join(reader.title)),
        author=_tidy(reader.author),
        headings=tuple(reader.headings),
    )


def _tidy(text: str) -> str:
    return _SPACE.sub(" ", text).strip()


class _Reader:
    """Collects blocks into ``out``, and counts their length for the offsets of headings."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.headings: list[tuple[int, str]] = []
        self.title: list[str] = []
        self.author = ""
        self._length = 0
        self._block: list[str] = []
        self._hidden: list[str] = []
        self._in_title = False
        self._heading = False
        self._pre = 0

    def start(self, tag: str, source: str) -> None:
        """Open a block, a line, or something hidden."""
        if tag == "title":
            self._in_title = True
        elif tag == "meta":
            fields = attributes(source)
            if fields.get("name", "").lower() == "author":
                self.author = fields.get("content", "")
        elif tag in _BLOCK and self._hidden == ["head"]:
            self._hidden.clear()  # <head> is often left open; the first visible element closes it
        if source.endswith("/") and tag in _HIDDEN:
            return
        if tag in _HIDDEN:
            self._hidden.append(tag)
        elif tag in _BLOCK:
            self.end_block()
            self._heading = tag in _HEADINGS
            self._pre += tag == "pre"
        elif tag in _LINE:
            self._block.append("\n")
        elif tag in _CELL:
            self._block.append("\t")

    def end(self, tag: str) -> None:
        """Close an element; an end tag without a start does no harm."""
        if tag == "title":
            self._in_title = False
        if tag in self._hidden:
            del self._hidden[self._hidden.index(tag) :]
        elif tag in _BLOCK:
            self.end_block()
            self._pre -= tag == "pre" and self._pre > 0

    def text(self, data: str) -> None:
        """Keep visible text; white space counts only inside ``<pre>``."""
        if self._in_title:
            self.title.append(data)
        elif not self._hidden:
            self._block.append(data if self._pre else _SPACE.sub(" ", data))

    def end_block(self) -> None:
        """Write the collected block and a blank line, unless the block is blank."""
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


def _cells(line: str) -> str:
    return "\t".join(cell for part in line.split("\t") if (cell := re.sub(r" +", " ", part).strip()))
