"""The true format of an office file: many carry the suffix of another format, and the content decides, as in Office."""

from io import BytesIO
from typing import Final

from objlib.core.library.decode import is_text

_WORD: Final = "application/msword"
_EXCEL: Final = "application/vnd.ms-excel"
_OOXML: Final = "application/vnd.openxmlformats-officedocument."
_BY_FOLDER: Final = (
    ("word/", _OOXML + "wordprocessingml.document"),
    ("ppt/", _OOXML + "presentationml.presentation"),
    ("xl/", _OOXML + "spreadsheetml.sheet"),
    ("META-INF/container.xml", "application/epub+zip"),
    ("content.xml", "application/vnd.oasis.opendocument.text"),
)
_BY_STREAM: Final = (
    ("WordDocument", _WORD),
    ("Workbook", _EXCEL),
    ("Book", _EXCEL),
    ("FileHeader", "application/x-hwp"),
)
_OFFICE: Final = frozenset(
    {kind for _, kind in (*_BY_FOLDER, *_BY_STREAM)}
    | {_OOXML + "wordprocessingml.template", "application/x-hwp-v5", "text/rtf", "application/rtf"}
)
_COMPOUND: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_DIRECTORY: Final = 16 * 1024 * 1024
"""Bytes of a compound file that are searched for the names of its streams."""


def true_type(kind: str, data: bytes) -> str:
    """The MIME type of an office file by its content; any other type as it is."""
    if kind not in _OFFICE:
        return kind
    if data.startswith(b"PK"):
        return _zipped(data) or kind
    if data.startswith(_COMPOUND):
        head = data[:_DIRECTORY]
        if _name("EncryptedPackage") in head:
            return kind  # its reader says that it is protected
        return next((found for name, found in _BY_STREAM if _name(name) in head), kind)
    if data.startswith(b"%PDF-"):
        return "application/pdf"
    if data[:1024].lstrip().startswith(b"{\\rtf"):
        return "text/rtf"
    if kind in {_WORD, _EXCEL} and is_text(data[:8192]):  # tables and pages that a web site calls so
        return "text/html" if data[:1024].lstrip(b"\xef\xbb\xbf\r\n\t ").startswith(b"<") else "text/plain"
    return kind


def _zipped(data: bytes) -> str | None:
    import zipfile  # only an office file should pay for it

    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return None
    return next((kind for start, kind in _BY_FOLDER if any(name.startswith(start) for name in names)), None)


def _name(name: str) -> bytes:
    return name.encode("utf-16-le") + b"\0\0"
