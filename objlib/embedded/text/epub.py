"""Electronic books (EPUB) to text: the chapters in reading order (EPUB 3.3)."""

import posixpath
from typing import Final
from urllib.parse import unquote

from objlib.core.library.decode import UnreadableError, decode, without_inline_data
from objlib.embedded.text.builder import TextBuilder
from objlib.embedded.text.extracted import Extracted
from objlib.embedded.text.html import html_text
from objlib.embedded.text.markdown import MAX_HEADING
from objlib.embedded.text.zipped import Parts, Reader, picture_remark

_NO_BOOK: Final = "The EPUB file has no list of chapters. Save it again with a program for books."
_LOCKED: Final = "The chapters of the EPUB file are encrypted (DRM). Only a copy without it can be read."
_HTML: Final = (".xhtml", ".html", ".htm", ".xml")


def epub_text(data: bytes) -> Extracted:
    """Extract the text of a book; a chapter is a place of its own.

    Raises:
        UnreadableError: damaged, encrypted, or too large when unpacked.
    """
    parts = Parts(data, "EPUB")
    container = _Container()
    parts.parse("META-INF/container.xml", container)
    package = _Package(posixpath.dirname(container.package))
    parts.parse(container.package, package)
    chapters = [package.items[item] for item in package.spine if item in package.items]
    chapters = [name for name in chapters if name in parts]
    if not chapters:
        raise UnreadableError(_NO_BOOK)
    locked = _Encryption()
    parts.parse("META-INF/encryption.xml", locked)
    if locked.names & set(chapters):
        raise UnreadableError(_LOCKED)
    builder = TextBuilder("")
    for number, name in enumerate(chapters, 1):
        page = html_text(without_inline_data(decode(parts.read(name)).text)) if name.endswith(_HTML) else None
        if page is None or not page.text.strip():
            continue
        heading = page.headings[0][1] if page.headings else page.title[:MAX_HEADING]
        builder.place("chapter", heading or number, alone=True)
        builder.nest(page)
    for line in picture_remark(parts.pictures()):
        builder.remark(line)
    return builder.finish(*parts.core(container.package))


class _Container(Reader):
    def __init__(self) -> None:
        self.package = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "rootfile" and not self.package:
            self.package = attributes.get("full-path", "").lstrip("/")


class _Package(Reader):
    """The parts of a book by id, and the ids in reading order."""

    def __init__(self, folder: str) -> None:
        self.items: dict[str, str] = {}
        self.spine: list[str] = []
        self._folder = folder

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "item":
            place = posixpath.join("/", self._folder, unquote(attributes.get("href", "")))
            self.items[attributes.get("id", "")] = posixpath.normpath(place).lstrip("/")
        elif tag == "itemref":
            self.spine.append(attributes.get("idref", ""))


class _Encryption(Reader):
    """The parts that are encrypted; fonts often are, and no reader of text needs them."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "CipherReference":
            self.names.add(unquote(attributes.get("URI", "")).lstrip("/"))
