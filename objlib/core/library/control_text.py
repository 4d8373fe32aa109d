"""Decoding of control files: rules and settings, which are understood as they are meant or refused.

A document may be read with a few wrong letters. A rule that is read wrongly hides nothing, and what it was to hide is
sent. So a control file is decoded by its byte order mark, else as UTF-8, and each doubt is an error.
"""

import re
from typing import Final

from objlib.core.library.decode import MARKS

_NARROW_TAIL: Final = re.compile(rb"[\x20-\x7e]{2,}\Z")
_MARK: Final = re.compile("(?m)^\ufeff+")
"""A byte order mark at the start of a line: programs that append to a file write one as well."""


def decode_control(raw: bytes) -> str:
    """The text of a control file.

    Raises:
        ValueError: it is no text, or its parts have different encodings.
    """
    encoding = next((name for mark, name in MARKS if raw.startswith(mark)), "utf-8")
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        raise ValueError(
            f"it is not text in {encoding.upper()[:6].removesuffix('-')}; save it as UTF-8"
        ) from None
    if "\0" in text or (encoding != "utf-8" and _has_narrow_part(raw, text)):
        raise ValueError("it mixes text with zero bytes or two encodings; save it as UTF-8")
    return _MARK.sub("", text)


def _has_narrow_part(raw: bytes, text: str) -> bool:
    """Whether bytes of another encoding were appended: two ASCII letters make one valid letter of UTF-16.

    Their line end then is half of a letter, and without one they are the end of the file. A few scripts have such
    letters too; their users are asked for UTF-8.
    """
    ends = sum(map(raw.count, (b"\n", b"\r")))
    return ends != sum(map(text.count, ("\n", "\r"))) or _NARROW_TAIL.search(raw) is not None
