"""Bytes to characters: the one decoder of the index, of citations and of front matter.

Rules and settings have a stricter one, :mod:`objlib.core.library.control_text`: they are never guessed.
"""

import codecs
import re
from dataclasses import dataclass
from typing import Final

MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte order marks and their encodings. UTF-32 is before UTF-16: its little-endian mark begins with that of UTF-16."""
_ANY_MARK: Final = tuple(mark for mark, _ in MARKS)
# Control characters that text does not hold; the table of file(1), encoding.c.
_CONTROL_BYTES: Final = bytes([*range(7), *range(0x0E, 0x1B), *range(0x1C, 0x20)])
_CONTROL: Final = re.compile(r"[\x00-\x06\x0e-\x1a\x1c-\x1f]")
_NULS: Final = re.compile(rb"\0+")
_CONTROL_SHARE: Final = 0.02
"""Largest share of control characters in a text; beyond it the bytes are binary data in any encoding."""
_STRAY_SHARE: Final = 0.1
"""Largest share of a text's non-ASCII characters that an encoding may leave unread."""
_SAMPLE: Final = 4096
"""Bytes at the start that are searched for the zeros of UTF-16."""
_DETECTED: Final = 64 * 1024
"""Bytes of the lines beyond ASCII from which an encoding is detected; more make it slower and no better."""
_EVIDENCE: Final = 4
"""Bytes beyond ASCII that it takes to detect an encoding; fewer are most likely Western."""
_CONFIDENCE: Final = 0.02
"""Least confidence of a detection: of short true texts it is 0.03 and more, of noise less than 0.015."""
_DECLARED: Final = re.compile(
    rb"""\A\s*<\?xml\b[^>]*?\bencoding\s*=\s*["']([\w.:-]+)
    | <meta\b[^>]*?\bcharset\s*=\s*["']?\s*([\w.:-]+)
    | \A@charset\s"([\w.:-]+)"
    | \A(?:.*\n)?[ \t\f]*\#.*?coding[:=][ \t]*([\w.-]+)""",
    re.IGNORECASE | re.VERBOSE,
)
_NOT_PLAIN: Final = frozenset(
    "utf-7 unicode_escape unicode-escape raw_unicode_escape raw-unicode-escape idna punycode undefined".split()
)
"""Encodings in which ASCII means something else: a document could say anything in them."""
# Under these names the web means the larger set of Windows (WHATWG, Encoding, 4.2).
_LARGER: Final = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
}
_BINARY: Final = "The file holds binary data, not text. Convert it to text, Markdown, HTML or PDF."
_UNKNOWN: Final = "The encoding of the text is unknown. Save it as UTF-8."
# Possessive: two repeats of the same characters would try each border between them, which is quadratic.
_DATA_URI: Final = re.compile(r"""\b(data:[\w.+-]++/[\w.+-]++)[\w=;.+-]*+,[^\s"'()<>\\]{64,}+""")
_NOTEBOOK_IMAGE: Final = re.compile(r'("image/[\w.-]+"\s*:\s*)"[^"]{64,}"')
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
LINE_END: Final = re.compile(r"\r\n|\r|\n")
"""The end of a line, as Windows, old Macs and everyone else write it."""


class UnreadableError(ValueError):
    """The bytes have no text; the message is one line: what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text without a byte order mark and without NULs, its encoding, and what was odd about its bytes."""

    text: str
    encoding: str
    remarks: tuple[str, ...] = ()


def decode(data: bytes, charset: str | None = None, *, cut: bool = False) -> Decoded:
    """Read bytes as text: by byte order mark, UTF-8, the stated or declared charset, else by detection.

    UTF-8 comes before the stated charset because a text that is valid UTF-8 and not ASCII is UTF-8 in
    practice, whatever an old header says; a few bytes that are not UTF-8 do not make it another encoding.

    Args:
        data: the bytes; with ``cut`` the start of a text, whose last character may be incomplete.
        charset: the encoding that was stated beside the bytes; it wins over one that they declare.
        cut: whether there are more bytes than these.

    Raises:
        UnreadableError: the bytes are binary data, or of an encoding that is unknown.
    """
    if not is_text(data):
        raise UnreadableError(_BINARY)
    wide = _byte_order(data)
    if wide is not None:
        mark, encoding = wide
        decoded = _with_strays(data[len(mark) :], encoding)
    else:
        decoded = _without_mark(data, charset, cut=cut)
    text, remarks = decoded.text, decoded.remarks
    if "\0" in text:
        remarks = (*remarks, f"{text.count(chr(0))} NULs are left out")
        text = text.replace("\0", "")
    return Decoded(without_surrogates(text), decoded.encoding, remarks)


def is_text(data: bytes) -> bool:
    """Whether bytes are text, by the share of control characters in them.

    A run of NULs counts as one: a power cut leaves a hole of thousands of them in a log.
    """
    wide = _byte_order(data)
    if wide is not None:
        text = data.decode(wide[1], "replace")
        return len(_CONTROL.findall(text)) <= _CONTROL_SHARE * len(text)
    if data[257:262] == b"ustar":
        return False  # an archive of texts has few control characters
    plain = len(data.translate(None, _CONTROL_BYTES))
    controls = len(data) - plain
    zeros = data.count(0)  # almost always none, and the search for runs costs ten times as much
    if zeros:
        controls += len(_NULS.findall(data)) - zeros
    return controls <= _CONTROL_SHARE * (plain + controls)


def without_surrogates(text: str) -> str:
    """The text with ``?`` for each half of a surrogate pair, which SQLite would refuse."""
    if text.isascii() or not _SURROGATE.search(text):
        return text  # as it is: a copy of a large text would take as much again, twice
    return text.encode("utf-8", "replace").decode("utf-8")


def without_inline_data(text: str) -> str:
    """The text with only the type of each ``data:`` URI and of each picture in a notebook; lines stay."""
    text = _DATA_URI.sub(r"\1", text) if "data:" in text else text
    return _NOTEBOOK_IMAGE.sub(r'\1""', text) if '"image/' in text else text


def _byte_order(data: bytes) -> tuple[bytes, str] | None:
    """The byte order mark and its encoding; without a mark, that of Western UTF-16."""
    if data.startswith(_ANY_MARK):
        return next((mark, name) for mark, name in MARKS if data.startswith(mark))
    sample = data[:_SAMPLE]
    if 0 not in sample:
        return None
    # A zero in every second byte and hardly one in the others.
    half = len(sample) // 2
    if not half:
        return None
    even, odd = sample[0::2].count(0) / half, sample[1::2].count(0) / half
    if odd > 0.4 and even < 0.05:
        return b"", "utf-16-le"
    return (b"", "utf-16-be") if even > 0.4 and odd < 0.05 else None


def _without_mark(data: bytes, charset: str | None, *, cut: bool) -> Decoded:
    if data.isascii() and b"\x1b$" in data:
        charset = "iso2022_jp_2"  # Japanese in seven bits
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        if cut and error.start >= len(data) - 3 and error.reason == "unexpected end of data":
            return Decoded(data[: error.start].decode("utf-8"), "utf-8")
    else:
        if not text.isascii() or charset is None:
            return Decoded(text, "utf-8")
    unicode = _with_strays(data, "utf-8")
    if not data.isascii() and 3 * _strays(unicode.text) <= _beyond_ascii(unicode.text):
        return unicode
    match = _DECLARED.search(data[:2048])
    for name in (charset, match and next(group for group in match.groups() if group).decode("ascii")):
        codec = _codec(name)
        if codec is not None and _is_readable(declared := _with_strays(data, codec)):
            return declared
    return unicode if data.isascii() else _detected(data)


def _detected(data: bytes) -> Decoded:
    import chardet

    # Only the lines beyond ASCII say anything; the others would hide them.
    sample = b"\n".join(line for line in data.splitlines() if not line.isascii())[:_DETECTED]
    detected = chardet.detect(sample)
    guesses = [detected["encoding"] if detected["confidence"] >= _CONFIDENCE else None, "cp1252"]
    if _beyond_ascii(sample.decode("latin-1")) < _EVIDENCE:
        guesses.reverse()
    for name in guesses:
        codec = _codec(name)
        if codec is not None and _is_readable(guess := _with_strays(data, codec)):
            return Decoded(guess.text, codec, (f"the encoding is a guess: {codec}", *guess.remarks))
    raise UnreadableError(_UNKNOWN)


def _codec(name: str | None) -> str | None:
    """Python's name of an encoding; None without one, and for codecs that are no encoding of plain text."""
    try:
        codec = codecs.lookup(name or "")
    except (LookupError, ValueError):  # ValueError: the name has a NUL
        return None
    known = codec._is_text_encoding and codec.name not in _NOT_PLAIN
    return _LARGER.get(codec.name, codec.name) if known else None


def _with_strays(data: bytes, codec: str) -> Decoded:
    """The text with U+FFFD where the codec cannot read a byte, and a remark on it."""
    text = data.decode(codec, "replace")
    strays = _strays(text)
    if not strays:
        return Decoded(text, codec)
    line = len(LINE_END.findall(text, 0, text.index("\ufffd"))) + 1
    what = f"{strays} bytes are" if strays > 1 else "1 byte is"
    return Decoded(text, codec, (f"{what} not {codec.upper()}, first in line {line}",))


def _strays(text: str) -> int:
    return text.count("\ufffd")


def _beyond_ascii(text: str) -> int:
    return len(text) - len(text.encode("ascii", "ignore"))


def _is_readable(decoded: Decoded) -> bool:
    return _strays(decoded.text) <= _STRAY_SHARE * _beyond_ascii(decoded.text)
