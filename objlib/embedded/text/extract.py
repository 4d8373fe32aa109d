"""From a document's bytes to its text, by MIME type.

To read one more format, write its extractor and name its types in :data:`EXTRACTORS`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from objlib.core.library.decode import UnreadableError, decode, without_inline_data
from objlib.core.library.mime import base_type, is_text_type, type_of_suffix
from objlib.embedded.text.extracted import Extracted
from objlib.embedded.text.markdown import front_matter, headings

Extractor = Callable[[bytes, str | None], Extracted]
"""A function from the bytes and the stated charset to the text."""
_CHARSET: Final = re.compile(r"\bcharset\s*=\s*[\"']?([^\s\"';]+)", re.IGNORECASE)
_EMPTY: Final = "The file is empty: there is no text in it to search."
_UNSTATED: Final = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/x-unknown"})
"""Types that say nothing: the suffix of the name decides."""


class UnindexableError(UnreadableError):
    """The file is as it should be, and holds no text that is read here."""


def extract(data: bytes, *, mime_type: str, name: str) -> Extracted:
    """Extract the text of a document.

    Args:
        data: the uploaded bytes.
        mime_type: their MIME type, with or without a ``charset``; if it says nothing, the name's suffix decides.
        name: a file name, used for its suffix only.

    Returns:
        The text; from ``body_start`` on it has at least one character that is not white space.

    Raises:
        UnindexableError: empty, or a type that has no text.
        UnreadableError: binary, encrypted, or a scan without text.
    """
    kind, charset = _kind(mime_type, name)
    if not data.strip():
        raise UnindexableError(_EMPTY)
    extractor = EXTRACTORS.get(kind, _plain if is_text_type(kind) else None)
    if extractor is None:
        raise UnindexableError(f"{kind} cannot be read here. Convert it to text, Markdown, HTML or PDF.")
    extracted = extractor(data, charset)
    if not extracted.text[extracted.body_start :].strip():
        raise UnindexableError(_EMPTY)
    return extracted


def _kind(mime_type: str, name: str) -> tuple[str, str | None]:
    """The type in lower case without parameters (or by the suffix), and the stated charset."""
    kind, charset = base_type(mime_type), _CHARSET.search(mime_type.partition(";")[2])
    if kind in _UNSTATED:
        kind = type_of_suffix(name) or kind or "A file without a type"
    return kind, charset[1] if charset else None


def _text(data: bytes, charset: str | None) -> tuple[str, tuple[str, ...]]:
    """The decoded text without inline pictures, and the decoder's remarks."""
    decoded = decode(data, charset)
    return without_inline_data(decoded.text), decoded.remarks


def _plain(data: bytes, charset: str | None) -> Extracted:
    text, remarks = _text(data, charset)
    return Extracted(text, remarks=remarks)


def _markdown(data: bytes, charset: str | None) -> Extracted:
    text, remarks = _text(data, charset)
    fields, start = front_matter(text)
    outline = headings(text, start)
    title = fields.get("title", "")
    if not title and outline and not text[start : outline[0][0]].strip():
        title = outline[0][1]  # a heading that opens the text is its title
    author = fields.get("author", "") or fields.get("authors", "")
    return Extracted(text, (), title, author, body_start=start, headings=outline, remarks=remarks)


def _html(data: bytes, charset: str | None) -> Extracted:
    from objlib.embedded.text.html import html_text

    text, remarks = _text(data, charset)
    return replace(html_text(text), remarks=remarks)


def _xml(data: bytes, charset: str | None) -> Extracted:
    """XHTML is read as such; of any other XML the tags and attributes are words too."""
    from objlib.embedded.text.html import html_text, is_xhtml

    text, remarks = _text(data, charset)
    return replace(html_text(text) if is_xhtml(text) else Extracted(text), remarks=remarks)


def _pdf(data: bytes, _charset: str | None) -> Extracted:
    from objlib.embedded.text.pdf import pdf_text

    return pdf_text(data)


EXTRACTORS: Final[Mapping[str, Extractor]] = {
    "application/pdf": _pdf,
    "application/xhtml+xml": _html,
    "application/xml": _xml,
    "text/html": _html,
    "text/xml": _xml,
    "text/markdown": _markdown,
    "text/x-markdown": _markdown,
    "text/x-r-markdown": _markdown,
}
"""Formats that need more than decoding, by MIME type; every other text type is decoded as it is."""
