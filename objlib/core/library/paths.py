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

    Text and no ``Path``, which interns every name in it: Python 3.12 keeps those for ever, a library of names, and
    all versions make the table of them anew, two megabytes at once, after so many thousand.
    """
    name = row.file_path if row.path_bytes is None else os.fsdecode(row.path_bytes)
    return f"{root}/{name}"


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
    wanted = [readable(name) for name in names]
    if len(set(wanted)) == len(wanted):
        return wanted
    crowded = {text for text, count in Counter(wanted).items() if count > 1}
    taken = set(wanted)
    owners: dict[str, bytes] = {}
    for name, text in sorted(zip(names, wanted, strict=True)):
        if text in crowded and (text not in owners or name == text.encode()):
            owners[text] = name
    result = []
    for name, text in zip(names, wanted, strict=True):
        if text in crowded and owners[text] != name:
            result.append(_apart(name, text, taken))
        else:
            result.append(text)
    return result


def _apart(name: bytes, text: str, taken: set[str]) -> str:
    """Another name for one that lost its own to a neighbour."""
    try:
        exact = name.decode("utf-8")
    except UnicodeDecodeError:
        exact = text
    if exact not in taken:
        return exact
    return f"{text}~{sha256(name).hexdigest()[:12]}"
