"""Names of files as text for people and as the exact bytes that open them again.

A ``file_path`` is relative to the library, with ``/`` between components, NFC-normalised and always valid
Unicode. Where the disk says it otherwise (a name in NFD, or one that is no UTF-8 at all) the exact bytes
are kept beside it.
"""

import os
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Protocol
from unicodedata import is_normalized, normalize
from urllib.parse import unquote_to_bytes


class Named(Protocol):
    """A row that names a file: its path for people, and the exact bytes where they differ."""

    @property
    def file_path(self) -> str:
        """The path for people, relative to the library."""
        ...

    @property
    def path_bytes(self) -> bytes | None:
        """The exact bytes of the relative path, None when they are those of ``file_path`` in UTF-8."""
        ...


def disk_path(root: Path, row: Named) -> str:
    """The path that opens a row's file, whatever bytes its name is made of.

    Returns text, not a ``Path``: pathlib interns every component, and Python 3.12 never frees them.
    """
    name = row.file_path if row.path_bytes is None else os.fsdecode(row.path_bytes)
    return f"{root}/{name}"


def valid_text(text: str) -> str:
    """A text of the command line as valid Unicode: what stands for bytes is read as UTF-8, or becomes U+FFFD."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    except UnicodeEncodeError:  # half of a surrogate pair, on systems whose arguments are no bytes
        return text.encode("utf-8", "replace").decode("utf-8")


def text_of_root(root: Path) -> str:
    """An absolute path as text that SQLite takes: itself, or its URI where it is not valid Unicode."""
    return str(root) if valid_text(str(root)) == str(root) else root.as_uri()


def root_of_text(text: str) -> Path:
    """The path that :func:`text_of_root` made ``text`` of."""
    is_uri = text.startswith("file://")
    return Path(os.fsdecode(unquote_to_bytes(text.removeprefix("file://"))) if is_uri else text)


def readable(name: bytes) -> str:
    r"""One component of a path as NFC text; bytes that are no UTF-8 appear as ``\xff``."""
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        text = name.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")
    return text if text.isascii() or is_normalized("NFC", text) else normalize("NFC", text)


def display_names(names: Sequence[bytes]) -> list[str]:
    """The names of one folder's entries for people, all different, in the order given.

    A name that is alone gets its NFC form. Of names that collide after normalisation the one that has that
    form on disk keeps it (else the first in byte order gets it), each other one keeps its exact form; where
    even that is taken, or is no Unicode, a few digits of its SHA-256 tell it apart. The result depends on
    the set of names alone, so every scan finds the same.
    """
    texts = [readable(name) for name in names]
    if len(set(texts)) == len(texts):
        return texts
    shared = {text for text, count in Counter(texts).items() if count > 1}
    owners: dict[str, bytes] = {}
    for name, text in sorted(zip(names, texts, strict=True)):
        if text in shared and (text not in owners or name == text.encode()):
            owners[text] = name
    result = []
    for name, text in zip(names, texts, strict=True):
        if text in shared and owners[text] != name:
            result.append(_distinct(name, text, set(texts)))
        else:
            result.append(text)
    return result


def _distinct(name: bytes, text: str, texts: set[str]) -> str:
    """Another text for a name that lost its own to a neighbour."""
    try:
        exact = name.decode("utf-8")
    except UnicodeDecodeError:
        exact = text
    if exact not in texts:
        return exact
    return f"{text}~{sha256(name).hexdigest()[:12]}"
