"""Messages between the service and its reader: frames of a length and a message, typed at both ends.

The reader handles bytes of unknown origin with large libraries, so its messages are data: they are decoded
into these types and nothing else.
"""

import struct
from collections.abc import Iterator
from typing import Final

import msgspec

from objlib.core.library.decode import UnreadableError
from objlib.embedded.extraction.white_space import white_space_chunks
from objlib.embedded.text.chunk import chunks
from objlib.embedded.text.extracted import Extracted

LENGTH: Final = struct.Struct(">I")
"""The size of the message that follows."""
MAX_FRAME: Final = 64 * 1024 * 1024
"""Bytes of a message at most; beyond it the sender is broken."""
BATCH: Final = 200
"""Passages of one message, and of one transaction: some 20 ms of work for the store."""
MAX_TEXT: Final = 150_000_000
"""Characters of a document's text at most. The largest document has 100 MiB, and no honest format grows in reading."""
OVERLAP_TEXT: Final = 16 * 1024 * 1024
"""Characters of passages that overlap, all together, whatever the length of the text."""
OVERLAP_GROWTH: Final = 4
"""Times the text that passages which overlap may hold; beyond it an overlap of nearly a passage multiplies by 512."""
MAX_PASSAGES: Final = 1 << 20
"""Passages of a document at most: their ids have 20 bits for the position."""


_TOO_LONG: Final = "It unpacks to more text than a document can have. Split it."
_TOO_MANY: Final = (
    "It would be cut into more passages than a document can have. Ask for longer ones, or split it."
)
_OVERLAP: Final = "Its passages would repeat it too often. Ask for a smaller overlap of them, or split it."


class Chunking(msgspec.Struct, frozen=True, array_like=True):
    """How a document is cut: at its own borders, or with ``words`` each ``words`` words, ``overlap`` of them shared."""

    words: int = 0
    overlap: int = 0


DEFAULT_CHUNKING: Final = Chunking()
"""The chunking of a document whose request says nothing about it."""


class ReadRequest(msgspec.Struct, frozen=True, array_like=True):
    """A document to read; ``size`` bytes follow the frame."""

    size: int
    mime_type: str
    name: str
    chunking: Chunking


class Outline(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """The first answer: title, author and the number of passages."""

    title: str
    author: str
    passages: int


class ExtractedPassage(msgspec.Struct, frozen=True, array_like=True):
    """A passage with its place in the text."""

    start: int
    stop: int
    page: int | None
    heading: str
    body: str


class Passages(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """The next passages, in order; none after the last."""

    items: list[ExtractedPassage]


class ExtractionFailure(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """The document cannot be read; ``status`` is a canonical code."""

    status: str
    reason: str


Answer = Outline | Passages | ExtractionFailure
"""Every message of the reader."""
encode: Final = msgspec.msgpack.Encoder().encode
"""A message as bytes."""
decode_request: Final = msgspec.msgpack.Decoder(ReadRequest).decode
"""A request from bytes."""
decode_answer: Final = msgspec.msgpack.Decoder(Answer).decode
"""An answer from bytes; msgspec.DecodeError for anything else."""


def frame(message: msgspec.Struct) -> bytes:
    """A message with its length in front."""
    data = encode(message)
    return LENGTH.pack(len(data)) + data


class TooMuchTextError(UnreadableError):
    """The document holds more text, or would be cut into more passages, than a document can have."""


def passages_of(extracted: Extracted, chunking: Chunking) -> tuple[Outline, Iterator[ExtractedPassage]]:
    """Cut a document into its passages.

    Raises:
        TooMuchTextError: it is larger than any document can be, or its passages are.
    """
    text = extracted.text
    if len(text) > MAX_TEXT:
        raise TooMuchTextError(_TOO_LONG)
    words, overlap = chunking.words, chunking.overlap
    spans = white_space_chunks(extracted, words, overlap, MAX_PASSAGES + 1) if words else chunks(extracted)
    if len(spans) > MAX_PASSAGES:
        raise TooMuchTextError(_TOO_MANY)
    if overlap and sum(s.stop - s.start for s in spans) > max(OVERLAP_TEXT, OVERLAP_GROWTH * len(text)):
        raise TooMuchTextError(_OVERLAP)
    outline = Outline(extracted.title, extracted.author, len(spans))
    return outline, (
        ExtractedPassage(span.start, span.stop, span.page, span.heading, text[span.start : span.stop])
        for span in spans
    )
