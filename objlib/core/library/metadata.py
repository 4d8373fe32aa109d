"""The metadata of a document in the store: the values of its path, and its front matter.

The service keeps at most 20 entries a document, texts of at most 256 bytes, and numbers as 32-bit floats
(File Search reference, ``CustomMetadata``; that the limit counts bytes and not characters was found by
users). Four entries are ours, so 16 are left.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from objlib.core.ids import RESERVED_KEYS
from objlib.core.library.front_matter import Scalar, front_matter, number
from objlib.core.library.mime import MARKDOWN, type_of_suffix
from objlib.core.library.patterns import PathPattern
from objlib.core.limits import MAX_ENTRIES, MAX_TEXT_BYTES

MetadataValue = str | float | list[str]
"""A metadata value as the service keeps it: a text, a 32-bit float, or a list of texts."""

ENTRIES: Final = MAX_ENTRIES - len(RESERVED_KEYS)
"""Entries of a document that are free for the user."""

_INTEGER: Final = re.compile(r"-?[0-9]+")
_NOT_KEY: Final = re.compile(r"[^A-Za-z0-9_]+")


@dataclass(frozen=True, slots=True)
class Metadata:
    """A document's metadata, without our own tags.

    Attributes:
        entries: at most :data:`ENTRIES` values by key; a key has only ASCII letters, digits and ``_``.
        dropped: entries that had no room or no meaning, one ``key: why`` each.
    """

    entries: dict[str, MetadataValue] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()


def document_metadata(path: str, head: bytes | str, patterns: Sequence[PathPattern]) -> Metadata:
    """The metadata of a file: the first pattern that fits its path, then the front matter if it is Markdown.

    A key of the path wins over the same key of the front matter. A value of the path that is a plain integer
    (``2024``, not ``007``) becomes a number, so that it can be compared.

    The patterns are tried in order. :data:`objlib.core.library.front_matter.HEAD` of the file is enough ``head``.
    """
    values = next((match for pattern in patterns if (match := pattern.match(path)) is not None), {})
    entries: dict[str, MetadataValue] = {}
    dropped: list[str] = []
    for key, text in values.items():
        _add(entries, dropped, key, _from_path(text))
    if type_of_suffix(path) == MARKDOWN:
        block = front_matter(head)
        for key, value in block.values.items():
            _add(entries, dropped, key, _from_front_matter(value))
            if any(_is_long(item) for item in (value if isinstance(value, list) else [value])):
                dropped.append(f"{key}: only the first {MAX_TEXT_BYTES} bytes are kept")
        dropped.extend(block.dropped)
    return Metadata(entries, tuple(dropped))


def _is_long(value: Scalar) -> bool:
    return isinstance(value, str) and len(value.strip().encode("utf-8", "replace")) > MAX_TEXT_BYTES


def _add(entries: dict[str, MetadataValue], dropped: list[str], key: str, value: MetadataValue) -> None:
    clean = _NOT_KEY.sub("_", key).strip("_") if _NOT_KEY.search(key) else key
    if not clean:
        dropped.append(f"{key}: a key needs a letter or digit of ASCII")
    elif clean in RESERVED_KEYS:
        dropped.append(f"{key}: the key is reserved")
    elif clean in entries:
        dropped.append(f"{key}: there is a value for {clean} already")
    elif value in ("", []):
        dropped.append(f"{key}: it has no value")
    elif len(entries) >= ENTRIES:
        dropped.append(f"{key}: a document has room for {ENTRIES} entries")
    else:
        entries[clean] = value


def _from_path(text: str) -> MetadataValue:
    value = number(text) if _INTEGER.fullmatch(text) else None
    return shorten(text) if value is None else float(value)


def _from_front_matter(value: Scalar | list[Scalar]) -> MetadataValue:
    if isinstance(value, list):
        return [text for item in value if (text := shorten(_text(item)))]
    if isinstance(value, (str, bool)):
        return shorten(_text(value))
    return float(value)


def _text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def shorten(text: str) -> str:
    """``text`` without blanks around it, cut on a character's border to :data:`MAX_TEXT_BYTES` of UTF-8."""
    data = text.strip().encode("utf-8", "replace")
    return data[:MAX_TEXT_BYTES].decode("utf-8", "ignore").rstrip()
