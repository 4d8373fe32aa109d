"""Bytes to characters, for files that do not state their encoding."""

import codecs
import re

from objlib.embedded.text.extracted import UnreadableError

# UTF-32 before UTF-16: the little-endian mark of the one begins with the mark of the other.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_CONTROL_SHARE = 0.02
"""Largest share of control characters in a text; beyond it the bytes are binary data in any encoding."""
_SAMPLE = 4096
"""Bytes at the start that are searched for the zeros of UTF-16."""
_BINARY = "The file holds binary data, not text. Convert it to text, Markdown, HTML or PDF."


def decode(data: bytes, charset: str | None = None) -> str:
    """Read bytes as text: by byte order mark, UTF-8, the stated charset, UTF-16 without a mark, Latin-1.

    UTF-8 comes before the stated charset because a text that is valid UTF-8 and not ASCII is UTF-8 in
    practice, whatever an old header says.

    Raises:
        UnreadableError: the bytes are binary data.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _checked(data[len(mark) :].decode(name, "replace"))
    if b"\0" in data[:_SAMPLE]:
        wide = _utf16_without_mark(data)
        if wide is None:
            raise UnreadableError(_BINARY)
        return _checked(data.decode(wide, "replace"))
    for name in ("utf-8", charset or "utf-8", "cp1252"):
        try:
            text = data.decode(name)
        except (UnicodeError, LookupError, ValueError):  # ValueError: the charset's name has a NUL
            continue
        return _checked(without_surrogates(text))
    return _checked(data.decode("latin-1"))


def without_surrogates(text: str) -> str:
    """The text with ``?`` for each half of a surrogate pair, which SQLite would refuse."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _utf16_without_mark(data: bytes) -> str | None:
    """The byte order of Western UTF-16: a zero in every second byte and hardly one in the others."""
    sample = data[:_SAMPLE]
    half = max(1, len(sample) // 2)
    even, odd = sample[0::2].count(0) / half, sample[1::2].count(0) / half
    if odd > 0.4 and even < 0.05:
        return "utf-16-le"
    if even > 0.4 and odd < 0.05:
        return "utf-16-be"
    return None


def _checked(text: str) -> str:
    """Return the text.

    Raises:
        UnreadableError: it has too many control characters, or a NUL, at which SQLite would cut it.
    """
    if "\0" in text or len(_CONTROL.findall(text)) > _CONTROL_SHARE * len(text):
        raise UnreadableError(_BINARY)
    return text
