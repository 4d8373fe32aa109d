"""Pictures of one pixel with words in their metadata."""

import struct
import zlib


def png(**words: str) -> bytes:
    """A PNG with a text chunk for each keyword."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    texts = b"".join(
        chunk(b"iTXt", key.encode("latin-1") + b"\0\0\0\0\0" + text.encode()) for key, text in words.items()
    )
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
        + texts
        + chunk(b"IDAT", zlib.compress(b"\0\0"))
        + chunk(b"IEND", b"")
    )


def jpeg(comment: str = "", description: str = "") -> bytes:
    """The head of a JPEG with a comment and an Exif description."""
    parts = b""
    if description:
        text = description.encode() + b"\0"
        exif = b"Exif\0\0II*\0" + struct.pack("<IHHHIII", 8, 1, 0x010E, 2, len(text), 26, 0) + text
        parts += b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    if comment:
        parts += b"\xff\xfe" + struct.pack(">H", len(comment.encode()) + 2) + comment.encode()
    return b"\xff\xd8" + parts + b"\xff\xda\0\2\xff\xd9"
