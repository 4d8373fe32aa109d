"""From a document's bytes to its text, by MIME type.

To read one more format, write its extractor and name its types in :data:`EXTRACTORS`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from typing import Final

from objlib.core.library.decode import UnreadableError, decode, without_inline_data
from objlib.core.library.mime import PICTURES, base_type, is_text_type, suffix_of, type_of_suffix
from objlib.embedded.text.disguise import true_type
from objlib.embedded.text.extra import UnindexableError
from objlib.embedded.text.extracted import Extracted
from objlib.embedded.text.markdown import front_matter, headings
from objlib.embedded.text.picture import picture_text
from objlib.embedded.text.rows import json_text, lines_text, table_text
from objlib.embedded.text.source import code_text, is_code
from objlib.embedded.text.subtitles import subtitles_text

__all__ = ["UnindexableError", "extract", "has_places", "kind_of"]

Extractor = Callable[[bytes, str | None], Extracted]
"""A function from the bytes and the stated charset to the text."""
_CHARSET: Final = re.compile(r"\bcharset\s*=\s*[\"']?([^\s\"';]+)", re.IGNORECASE)
_INK: Final = re.compile(r"\S")
_EMPTY: Final = "The file is empty: there is no text in it to search."
_NO_WORDS: Final = "The file holds no words: there is no text in it to search."
_ARCHIVE: Final = "An archive is not opened here. Unpack it, and put its files into the library."
_PROTECTED: Final = "The file is a secure container of IBM, which nothing here can open. Save it unprotected."
SMALL_TEXT: Final = 16 * 1024 * 1024
"""Characters that a document may hold whatever its size: some three thousand pages."""
GROWTH: Final = 8
"""Characters for each byte of a document that may hold more: prose in a ZIP file has 4, repetitive tables fewer than 8.

A few kilobytes can stand for any amount of text, by packing or by rows that share it; cutting it takes a second for
each million characters, and indexing it longer.
"""
_GROWN: Final = (
    "The file of {:,} bytes holds {:,} million characters of text, and one of its size may hold {:,} million."
    " Split it and upload the parts."
)
_UNSTATED: Final = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/x-unknown"})
"""Types that say nothing: the suffix of the name decides."""


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
        UnreadableError: binary, encrypted, a scan without text, or more text than such a file can hold.
    """
    kind, charset = kind_of(mime_type, name)
    if not data or data.isspace():
        raise UnindexableError(_EMPTY)
    if kind in REFUSED:
        raise UnindexableError(REFUSED[kind])
    if kind in PICTURES:
        return picture_text(data, name)
    kind = true_type(kind, data)
    extractor = EXTRACTORS.get(kind, _plain if is_text_type(kind) else None)
    if is_code(kind):
        extractor = _from_text(code_text)
    if extractor is None:
        raise UnindexableError(f"{kind} cannot be read here. Convert it to text, Markdown, HTML or PDF.")
    size, held = len(data), [data]
    del data  # here as in the extractors, so that the bytes are gone once they are text
    extracted = extractor(held.pop(), charset)
    limit = max(SMALL_TEXT, GROWTH * size)
    if (length := len(extracted.text)) > limit:
        raise UnreadableError(_GROWN.format(size, length // 1_000_000, limit // 1_000_000))
    if not _INK.search(extracted.text, extracted.body_start):
        raise UnindexableError(_EMPTY if is_text_type(kind) else " ".join((_NO_WORDS, *extracted.remarks)))
    return extracted


def has_places(mime_type: str, name: str) -> bool:
    """Whether the format has places beside lines and pages; arguments as for :func:`extract`."""
    return kind_of(mime_type, name)[0] in _WITH_PLACES


def kind_of(mime_type: str, name: str) -> tuple[str, str | None]:
    """The type that decides which reader takes a document, in lower case, and the stated charset."""
    kind, charset = base_type(mime_type), _CHARSET.search(mime_type.partition(";")[2])
    if kind in _UNSTATED:
        kind = type_of_suffix(name) or kind or "A file without a type"
    if kind == "text/plain":
        kind = _PLAIN_BY_SUFFIX.get(suffix_of(name), kind)
    return kind, charset[1] if charset else None


def _text(data: bytes, charset: str | None) -> tuple[str, tuple[str, ...]]:
    """The decoded text without inline pictures, and the decoder's remarks."""
    decoded = decode(data, charset)
    del data
    return without_inline_data(decoded.text), decoded.remarks


def _plain(data: bytes, charset: str | None) -> Extracted:
    held = [data]
    del data
    text, remarks = _text(held.pop(), charset)
    return Extracted(text, remarks=remarks)


def _markdown(data: bytes, charset: str | None) -> Extracted:
    held = [data]
    del data
    text, remarks = _text(held.pop(), charset)
    fields, start = front_matter(text)
    outline = headings(text, start)
    title = fields.get("title", "")
    if not title and outline and not text[start : outline[0][0]].strip():
        title = outline[0][1]  # a heading that opens the text is its title
    author = fields.get("author", "") or fields.get("authors", "")
    return Extracted(text, (), title, author, body_start=start, headings=outline, remarks=remarks)


def _mail(data: bytes, charset: str | None) -> Extracted:
    from objlib.embedded.text.mail import is_message, mail_text

    return mail_text(data) if is_message(data) else _plain(data, charset)


def _xml(text: str) -> Extracted:
    """XHTML is read as such; of any other XML the tags and attributes are words too."""
    from objlib.embedded.text.html import html_text, is_xhtml

    return html_text(text) if is_xhtml(text) else Extracted(text)


def _from_text(reader: Callable[[str], Extracted]) -> Extractor:
    """An extractor that decodes first."""

    def extractor(data: bytes, charset: str | None) -> Extracted:
        held = [data]
        del data
        text, remarks = _text(held.pop(), charset)
        held_text = [text]
        del text
        extracted = reader(held_text.pop())
        return replace(extracted, remarks=(*remarks, *extracted.remarks))

    return extractor


def _late(module: str, function: str) -> Callable[..., Extracted]:
    """A reader of this package, imported when it is needed: libraries take 50 ms that others need not pay."""

    def reader(source: bytes | str) -> Extracted:
        read: Callable[..., Extracted] = getattr(import_module(f"objlib.embedded.text.{module}"), function)
        held = [source]
        del source
        return read(held.pop())

    return reader


def _packed(module: str, function: str) -> Extractor:
    """An extractor of a format that says itself how its text is encoded."""
    reader = _late(module, function)
    return lambda data, _charset: reader(data)


_OOXML: Final = "application/vnd.openxmlformats-officedocument."
_HTML: Final = _from_text(_late("html", "html_text"))
_RTF: Final = _packed("rtf", "rtf_text")
_HWP: Final = _packed("compound", "hwp_text")

EXTRACTORS: Final[Mapping[str, Extractor]] = {
    "application/epub+zip": _packed("epub", "epub_text"),
    "application/json": _from_text(json_text),
    "application/jsonl": _from_text(lines_text),
    "application/mbox": _mail,
    "application/msword": _packed("compound", "doc_text"),
    "application/pdf": _packed("pdf", "pdf_text"),
    "application/rtf": _RTF,
    "application/vnd.jupyter": _from_text(_late("notebook", "notebook_text")),
    "application/vnd.ms-excel": _packed("xls", "xls_text"),
    "application/vnd.oasis.opendocument.text": _packed("opendocument", "opendocument_text"),
    _OOXML + "presentationml.presentation": _packed("slides", "slides_text"),
    _OOXML + "spreadsheetml.sheet": _packed("sheets", "sheets_text"),
    _OOXML + "wordprocessingml.document": _packed("word", "word_text"),
    _OOXML + "wordprocessingml.template": _packed("word", "word_text"),
    "application/x-hwp": _HWP,
    "application/x-hwp-v5": _HWP,
    "application/x-subrip": _from_text(subtitles_text),
    "application/xhtml+xml": _HTML,
    "application/xml": _from_text(_xml),
    "message/rfc822": _mail,
    "text/csv": _from_text(table_text),
    "text/html": _HTML,
    "text/markdown": _markdown,
    "text/rtf": _RTF,
    "text/tab-separated-values": _from_text(table_text),
    "text/tsv": _from_text(table_text),
    "text/vtt": _from_text(subtitles_text),
    "text/x-markdown": _markdown,
    "text/x-r-markdown": _markdown,
    "text/xml": _from_text(_xml),
}
"""Formats that need more than decoding, by MIME type; every other text type is decoded as it is."""

_WITH_PLACES: Final = EXTRACTORS.keys() - {
    "application/pdf",
    "application/xhtml+xml",
    "application/xml",
    "text/html",
    "text/markdown",
    "text/x-markdown",
    "text/x-r-markdown",
    "text/xml",
}

REFUSED: Final[Mapping[str, str]] = {
    "application/vnd.ibm.secure-container": _PROTECTED,
    "application/zip": _ARCHIVE,
}
"""Types that the service takes and that are not read here, with the reason."""

_PLAIN_BY_SUFFIX: Final = {
    suffix: kind
    for kind, suffixes in {
        "application/json": "json",
        "application/jsonl": "jl jsonl ndjson",
        "application/mbox": "mbox",
        "application/vnd.jupyter": "ipynb",
        "application/x-subrip": "srt",
        "message/rfc822": "eml",
        "text/csv": "csv",
        "text/tab-separated-values": "tab tsv",
        "text/vtt": "vtt",
    }.items()
    for suffix in suffixes.split()
}
"""Formats of their own that are sent as plain text, because the service has no type for them or a client no table."""
