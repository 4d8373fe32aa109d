"""Pictures (PNG, JPEG) to words: the name, what the file says about itself, and, with an extra, what is written in it.

No model here sees what a picture shows; the service's does.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from html import unescape
from pathlib import PurePosixPath
from typing import Final

from objlib.core.library.decode import UnreadableError, decode
from objlib.embedded.text.builder import TextBuilder
from objlib.embedded.text.extracted import Extracted

_BROKEN: Final = "The picture is damaged, or of another format than PNG and JPEG. Save it again."
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8\xff"
_MAX_WORDS: Final = 64 * 1024
"""Bytes of one description that are read."""
_MAX_ALL: Final = 1024 * 1024
"""Characters of all descriptions that are read: entries may share their bytes, and packed ones have few."""
_TELLING: Final = frozenset({"title", "description", "comment", "author", "caption", "subject"})
"""Keywords of PNG (11.3.3.2) whose text is about the picture."""
_XMP: Final = re.compile(r"<(?:dc:)(title|description)\b[^>]{0,500}>(.{0,4000}?)</dc:\1>", re.DOTALL)
_TAG: Final = re.compile(r"<[^<>]{0,500}>")
_EXIF_WORDS: Final = {0x010E: "ascii", 0x9C9B: "utf-16-le", 0x9C9C: "utf-16-le", 0x9C9F: "utf-16-le"}
"""Tags of Exif with words: ImageDescription, XPTitle, XPComment, XPSubject."""
_SEPARATOR: Final = re.compile(r"[\W_]+")


def picture_text(data: bytes, name: str) -> Extracted:
    """The words by which a picture is found; its name at least.

    Raises:
        UnreadableError: it is no PNG or JPEG.
    """
    if data.startswith(_PNG):
        found = _png_words(data)
    elif data.startswith(_JPEG):
        found = _jpeg_words(data)
    else:
        raise UnreadableError(_BROKEN)
    builder = TextBuilder()
    builder.add("Picture " + " ".join(filter(None, _SEPARATOR.split(PurePosixPath(name).stem))))
    for words in _distinct(found):
        builder.add(words)
    if builder.length > _MAX_ALL:
        builder.remark(
            f"only the first {_MAX_ALL // 1_000_000} million characters of its descriptions are searched"
        )
    builder.remark("what the picture shows is not searchable offline, only its name and the words it carries")
    return builder.finish()


def _distinct(texts: Iterator[str]) -> Iterator[str]:
    """Each text once, until there are enough of them."""
    length = 0
    seen = set()
    for text in texts:
        length += len(text)
        if (words := " ".join(text.split())) not in seen:
            seen.add(words)
            yield words
        if length > _MAX_ALL:
            return


def _png_words(data: bytes) -> Iterator[str]:
    """The texts of the chunks tEXt, zTXt and iTXt, and of XMP."""
    at = len(_PNG)
    while at + 12 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + min(size, _MAX_WORDS)]
        at += 12 + size
        if kind not in {b"tEXt", b"zTXt", b"iTXt"}:
            continue
        keyword, _, rest = body.partition(b"\0")
        key = keyword.decode("latin-1").lower()
        if kind == b"zTXt":
            text = _inflated(rest[1:]).decode("latin-1")
        elif kind == b"iTXt":
            packed, tail = rest[:1] == b"\x01", rest[2:].split(b"\0", 2)
            text = (_inflated(tail[-1]) if packed else tail[-1]).decode("utf-8", "replace")
        else:
            text = rest.decode("latin-1")
        if key == "xml:com.adobe.xmp":
            yield from _xmp_words(text)
        elif key in _TELLING:
            yield text


def _jpeg_words(data: bytes) -> Iterator[str]:
    """The texts of the comment, of Exif and of XMP."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] not in {0xD9, 0xDA}:
        marker, size = data[at + 1], struct.unpack_from(">H", data, at + 2)[0]
        body = data[at + 4 : at + 2 + size]
        at += 2 + max(size, 2)
        if marker == 0xFE:
            yield decode(body).text if body.strip(b"\0 ") and b"\0" not in body.rstrip(b"\0") else ""
        elif marker == 0xE1 and body.startswith(b"Exif\0\0"):
            yield from _exif_words(body[6:])
        elif marker == 0xE1 and body.startswith(b"http://ns.adobe.com/xap/1.0/\0"):
            yield from _xmp_words(body[29:].decode("utf-8", "replace"))


def _exif_words(tiff: bytes) -> Iterator[str]:
    """The texts of the first directory of Exif."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return
    start = struct.unpack_from(order + "I", tiff, 4)[0]
    count = struct.unpack_from(order + "H", tiff, start)[0] if start + 2 <= len(tiff) else 0
    for number in range(count):
        at = start + 2 + 12 * number
        if at + 12 > len(tiff):
            return
        tag, kind, size = struct.unpack_from(order + "HHI", tiff, at)
        if tag in _EXIF_WORDS and kind in {1, 2}:
            place = at + 8 if size <= 4 else struct.unpack_from(order + "I", tiff, at + 8)[0]
            words = tiff[place : place + min(size, _MAX_WORDS)]
            code = _EXIF_WORDS[tag]
            yield words.decode("utf-8" if code == "ascii" else code, "replace").replace("\0", "")


def _xmp_words(text: str) -> Iterator[str]:
    return (unescape(_TAG.sub(" ", match[2])) for match in _XMP.finditer(text[:_MAX_WORDS]))


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, _MAX_WORDS)
    except zlib.error:
        return b""
