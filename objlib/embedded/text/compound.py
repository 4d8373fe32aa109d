"""Word 97 to 2003 (doc) and Hangul 5 (hwp) to text: two compound files. The only module that imports olefile.

Only the streams of the text are read; macros stand in others.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any, Final

from objlib.core.library.decode import UnreadableError
from objlib.embedded.text.builder import TextBuilder, check_length
from objlib.embedded.text.extra import MissingReaderError
from objlib.embedded.text.extracted import Extracted
from objlib.embedded.text.zipped import UnpackedBudget

_BROKEN: Final = "The {} file is damaged, or no {} file. Open it in its program and save it again."
_PASSWORD: Final = "The {} file is protected by a password. Save it without one and upload it again."
_OLD_HANGUL: Final = "The file is of Hangul 3 or older. Save it in the format of Hangul 5 (hwp) or as PDF."
_WORD_97: Final = 101
"""Least ``nFib`` with a table of pieces (MS-DOC 2.5.1); an older file has its text in one piece."""
_CLX: Final = 33
"""Number of the pair that says where the table of pieces stands (MS-DOC 2.5.6, ``fcClx``)."""
_PARTS: Final = (
    (3, ""),
    (4, "Footnotes"),
    (5, None),
    (7, "Comments"),
    (8, "Endnotes"),
    (9, "Text boxes"),
    (10, None),
)
"""Parts of a Word text in their order: number of the length in ``FibRgLw97``, and title; None: headers, not read."""
_FIELD: Final = re.compile("[\x13\x14\x15]")
_MARKS: Final = str.maketrans(
    {
        "\x0b": "\n",
        "\x0c": "\r",
        "\x1e": "-",
        "\x1f": "",
        "\x01": "",
        "\x02": "",
        "\x05": "",
        "\x08": "",
        "\xa0": " ",
    }
)
_PARA_TEXT: Final = 67
"""Tag of the record that holds the text of a paragraph (HWP 5.0, ``HWPTAG_PARA_TEXT``)."""
_HWP_RUN: Final = re.compile(
    rb"((?:[\x20-\xff]\x00|[\x00-\xff][\x01-\xff]|\n\x00){1,4096})|\t\x00.{14}|([\x01-\x08\x0b\x0c\x0e-\x17]\x00.{14})|..",
    re.DOTALL,
)
"""Text, a tab, another control of eight characters, or one character that is none (HWP 5.0, table 6)."""
_COMPRESSED, _ENCRYPTED, _DISTRIBUTED = 1, 2, 4


def doc_text(data: bytes) -> Extracted:
    """Extract the text of a Word document of 1995 to 2003.

    Raises:
        UnreadableError: damaged, or protected by a password.
        MissingReaderError: the extra is not installed.
    """
    with _opened(data, "Word") as ole:
        if ole.exists("EncryptedPackage"):
            raise UnreadableError(_PASSWORD.format("Word"))
        stream = _stream(ole, "WordDocument", "Word")
        try:
            version, flags = struct.unpack_from("<2xH6xH", stream)
            if flags & 0x100:
                raise UnreadableError(_PASSWORD.format("Word"))
            table = (
                _stream(ole, "1Table" if flags & 0x200 else "0Table", "Word") if version >= _WORD_97 else b""
            )
            texts = _word_texts(stream, table) if table else [("", _one_piece(stream))]
        except (struct.error, IndexError) as error:
            raise UnreadableError(_BROKEN.format("Word", "Word")) from error
        title, author = _properties(ole)
    builder = TextBuilder()
    number = 0
    for part, text in texts:
        heading = part
        for paragraph in _without_fields(text).translate(_MARKS).replace("\x07\x07", "\r").split("\r"):
            number += 1
            if heading and paragraph.strip():
                builder.context(heading)
                heading = ""
            builder.place("paragraph", number)
            builder.add(paragraph.replace("\x07", "\t"))
    return builder.finish(title, author)


def hwp_text(data: bytes) -> Extracted:
    """Extract the text of a Hangul document of version 5.

    Raises:
        UnreadableError: damaged, older, or protected by a password.
        MissingReaderError: the extra is not installed.
    """
    if data.startswith(b"HWP Document File"):
        raise UnreadableError(_OLD_HANGUL)
    builder = TextBuilder()
    with _opened(data, "Hangul") as ole:
        header = _stream(ole, "FileHeader", "Hangul")
        if not header.startswith(b"HWP Document File") or len(header) < 40:
            raise UnreadableError(_BROKEN.format("Hangul", "Hangul"))
        flags = struct.unpack_from("<I", header, 36)[0]
        if flags & (_ENCRYPTED | _DISTRIBUTED):
            raise UnreadableError(_PASSWORD.format("Hangul"))
        budget = UnpackedBudget("Hangul")
        sections = [entry for entry in ole.listdir() if len(entry) == 2 and entry[0] == "BodyText"]
        number = 0
        for entry in sorted(sections, key=lambda entry: (len(entry[1]), entry[1])):
            section = _stream(ole, "/".join(entry), "Hangul")
            budget.take(len(section))  # sections may share their sectors
            if flags & _COMPRESSED:
                section = _inflated(section, budget)
            for paragraph in _paragraphs(section):
                number += 1
                builder.place("paragraph", number)
                builder.add(paragraph)
        title, author = _properties(ole)
    return builder.finish(title, author)


def _opened(data: bytes, kind: str) -> Any:
    try:
        import olefile  # an extra
    except ImportError as error:
        raise MissingReaderError(kind) from error
    try:
        return olefile.OleFileIO(BytesIO(data))
    except (OSError, ValueError, IndexError, TypeError, struct.error, OverflowError, MemoryError) as error:
        raise UnreadableError(_BROKEN.format(kind, kind)) from error


def _stream(ole: Any, name: str, kind: str) -> bytes:
    try:
        return bytes(ole.openstream(name).read())
    except (OSError, ValueError, IndexError, TypeError, struct.error, OverflowError) as error:
        raise UnreadableError(_BROKEN.format(kind, kind)) from error


def _properties(ole: Any) -> tuple[str, str]:
    """Title and author, where the file says."""
    try:
        properties = ole.get_metadata()
        codepage = f"cp{properties.codepage % 0x10000}" if properties.codepage else "cp1252"
    except Exception:
        return "", ""
    return _property(properties.title, codepage), _property(properties.author, codepage)


def _property(value: Any, codepage: str) -> str:
    if isinstance(value, bytes):
        try:
            value = value.decode("utf-8" if codepage == "cp65001" else codepage, "replace")
        except LookupError:
            value = value.decode("cp1252", "replace")
    return value.strip("\0 ") if isinstance(value, str) else ""


def _one_piece(stream: bytes) -> str:
    start, stop = struct.unpack_from("<II", stream, 24)
    return stream[start:stop].decode("cp1252", "replace")


def _word_texts(stream: bytes, table: bytes) -> list[tuple[str, str]]:
    """The titles and texts of the parts of a document."""
    words = struct.unpack_from("<H", stream, 32)[0]
    longs_at = 34 + 2 * words + 2
    longs = struct.unpack_from("<H", stream, longs_at - 2)[0]
    at, size = struct.unpack_from("<II", stream, longs_at + 4 * longs + 2 + 8 * _CLX)
    text = "".join(_pieces(stream, table[at : at + size]))
    texts, start = [], 0
    for number, title in _PARTS:
        length = struct.unpack_from("<I", stream, longs_at + 4 * number)[0] if number < longs else 0
        if title is not None:
            texts.append((title, text[start : start + length]))
        start += length
    return texts


def _pieces(stream: bytes, clx: bytes) -> Iterator[str]:
    """The pieces of a text in their order (MS-DOC 2.9.38); text of eight bits is that of Windows."""
    at = 0
    while at < len(clx) and clx[at] == 1:
        at += 3 + struct.unpack_from("<H", clx, at + 1)[0]
    size = struct.unpack_from("<I", clx, at + 1)[0]
    count = (min(size, len(clx) - at - 5) - 4) // 12
    ends = struct.unpack_from(f"<{count + 1}I", clx, at + 5)
    total = 0
    for number in range(count):
        place = struct.unpack_from("<I", clx, at + 5 + 4 * (count + 1) + 8 * number + 2)[0]
        length = max(0, ends[number + 1] - ends[number])
        narrow, place = bool(place & 0x4000_0000), place & 0x3FFF_FFFF
        start, width = (place // 2, 1) if narrow else (place, 2)
        piece = stream[start : start + length * width]
        total += len(piece) // width
        check_length(total)  # pieces may share their bytes
        # One character for each unit: the parts of a document are counted in them.
        yield piece.decode("cp1252" if narrow else "utf-16-le", "replace").ljust(len(piece) // width)


def _without_fields(text: str) -> str:
    """The text with the results of fields, and without what they were computed from."""
    if "\x13" not in text:
        return text
    out: list[str] = []
    shown = [True]
    position = 0
    for mark in _FIELD.finditer(text):
        if shown[-1]:
            out.append(text[position : mark.start()])
        position = mark.end()
        if mark[0] == "\x13":
            shown.append(False)
        elif mark[0] == "\x14" and len(shown) > 1:
            shown[-1] = shown[-2]
        elif mark[0] == "\x15" and len(shown) > 1:
            shown.pop()
    if shown[-1]:
        out.append(text[position:])
    return "".join(out)


def _inflated(data: bytes, budget: UnpackedBudget) -> bytes:
    inflate = zlib.decompressobj(-15)
    try:
        section = inflate.decompress(data, budget.left + 1)
    except zlib.error as error:
        raise UnreadableError(_BROKEN.format("Hangul", "Hangul")) from error
    budget.take(len(section))
    return section


def _paragraphs(section: bytes) -> Iterator[str]:
    """The texts of the records of a section."""
    at = 0
    while at + 4 <= len(section):
        header = struct.unpack_from("<I", section, at)[0]
        at += 4
        size = header >> 20
        if size == 0xFFF:
            if at + 4 > len(section):
                return
            size = struct.unpack_from("<I", section, at)[0]
            at += 4
        if header & 0x3FF == _PARA_TEXT:
            yield _hwp_characters(section[at : at + size])
        at += size


def _hwp_characters(record: bytes) -> str:
    pieces = []
    for match in _HWP_RUN.finditer(record):
        if match[1] is not None:
            pieces.append(match[1].decode("utf-16-le", "replace"))
        elif match[0].startswith(b"\t"):
            pieces.append("\t")
    return "".join(pieces)
