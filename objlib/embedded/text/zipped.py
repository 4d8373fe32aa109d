"""Formats that are ZIP files of XML: their parts, within bounds, and events of their XML.

Nothing of a part is executed or fetched: no entity may be declared, no document type is loaded, links stay text.
"""

import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any, Final
from urllib.parse import unquote

from objlib.core.library.decode import UnreadableError

MAX_UNPACKED: Final = 256 * 1024 * 1024
"""Bytes that are unpacked of one document, all parts together."""
MAX_PARTS: Final = 20_000
"""Parts that a document may have."""
MAX_READS: Final = 2 * MAX_PARTS
"""Times that parts are looked up: a slide costs three, and a list of slides may name one of them a million times."""
_PIECE: Final = 65_536
_BROKEN: Final = "The {} file is damaged and cannot be read. Open it in its program and save it again."
_PASSWORD: Final = "The {} file is protected by a password. Save it without one and upload it again."
_BOMB: Final = (
    "The {} file unpacks to more than {} MiB. Split it, or save it without its pictures, and upload it again."
)
_TOO_MANY: Final = "The {} file names its parts more than {:,} times. Split it and upload the parts."
_ENTITIES: Final = tuple("<!ENTITY".encode(code) for code in ("ascii", "utf-16-le", "utf-16-be"))
"""Declarations of entities, which these formats do not have (ECMA-376, part 2, 10.2; OpenDocument and EPUB neither)."""
_COMPOUND: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PICTURES: Final = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".svg", ".emf", ".wmf")
_CORE: Final = {"title": "title", "creator": "author", "initial-creator": "author"}


class UnpackedBudget:
    """Counts what is unpacked of one document; what the document says about its sizes may be a lie."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self.left = MAX_UNPACKED

    def take(self, size: int) -> None:
        """Count some bytes more.

        Raises:
            UnreadableError: they are more than :data:`MAX_UNPACKED` together.
        """
        self.left -= size
        if self.left < 0:
            raise UnreadableError(_BOMB.format(self._kind, MAX_UNPACKED >> 20))


class Parts:
    """The parts of a ZIP file by their names, unpacked on demand within a budget."""

    def __init__(self, data: bytes, kind: str) -> None:
        """Open a file of a ``kind``, which stands in the messages.

        Raises:
            UnreadableError: it is no ZIP file, it is encrypted, or it has too many parts.
        """
        self.kind = kind
        self._budget = UnpackedBudget(kind)
        self._reads = 0
        if data.startswith(_COMPOUND):  # this is how Office writes what it encrypts
            raise UnreadableError(_PASSWORD.format(kind))
        try:
            self._zip = zipfile.ZipFile(BytesIO(data))
            names = self._zip.namelist()
        except (zipfile.BadZipFile, zipfile.LargeZipFile, ValueError, NotImplementedError, OSError) as error:
            raise UnreadableError(_BROKEN.format(kind)) from error
        if len(names) > MAX_PARTS:
            raise UnreadableError(_BOMB.format(kind, MAX_UNPACKED >> 20))
        self._names = {name.lstrip("/").lower(): name for name in names}

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._names

    def names(self, prefix: str) -> list[str]:
        """The names of the parts that begin with ``prefix``, in lower case and in order."""
        return sorted(name for name in self._names if name.startswith(prefix))

    def pictures(self) -> int:
        """How many pictures are inside."""
        return sum(name.endswith(_PICTURES) and "thumbnail" not in name for name in self._names)

    def read(self, name: str) -> bytes:
        """The bytes of a part; empty if there is none of that name.

        Raises:
            UnreadableError: it is damaged or encrypted, or all parts together unpack to too much.
        """
        self._reads += 1
        if self._reads > MAX_READS:
            raise UnreadableError(_TOO_MANY.format(self.kind, MAX_READS))
        known = self._names.get(name.lower())
        if known is None:
            return b""
        if self._zip.getinfo(known).flag_bits & 1:
            raise UnreadableError(_PASSWORD.format(self.kind))
        pieces = []
        try:
            with self._zip.open(known) as part:
                while piece := part.read(_PIECE):
                    self._budget.take(len(piece))
                    pieces.append(piece)
        except (
            zipfile.BadZipFile,
            zlib.error,
            NotImplementedError,
            EOFError,
            RuntimeError,
            OSError,
        ) as error:
            raise UnreadableError(_BROKEN.format(self.kind)) from error
        return b"".join(pieces)

    def parse(self, name: str, target: Any) -> None:
        """Report the XML of a part to ``target``: ``start(tag, attributes)``, ``end(tag)``, ``data(text)``.

        Tags are local names. A part that is not there reports nothing.

        Raises:
            UnreadableError: the XML is broken, or nested deeper than any program writes it.
        """
        data = self.read(name)
        if not data:
            return
        if any(
            mark in data for mark in _ENTITIES
        ):  # a parser with a target expands them, whatever its options
            raise UnreadableError(_BROKEN.format(self.kind))
        from lxml import etree  # 50 ms that only such a file should cost

        parser = etree.XMLParser(
            target=_Local(target), resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
        )
        try:
            for start in range(0, len(data), _PIECE):
                parser.feed(data[start : start + _PIECE])
            parser.close()
        except etree.XMLSyntaxError as error:
            raise UnreadableError(_BROKEN.format(self.kind)) from error

    def relations(self, name: str) -> dict[str, tuple[str, str]]:
        """The parts that a part of an Office file refers to: id to (last word of the type, name of the part)."""
        folder, leaf = posixpath.split(name)
        reader = _Relations(folder)
        self.parse(posixpath.join(folder, "_rels", f"{leaf}.rels"), reader)
        return reader.found

    def core(self, name: str) -> tuple[str, str]:
        """Title and author of the part that describes the document."""
        reader = _Core()
        self.parse(name, reader)
        return reader.values["title"], reader.values["author"]


class Reader:
    """Ignores everything; readers of parts override what they need."""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Open an element."""

    def end(self, tag: str) -> None:
        """Close an element."""

    def data(self, text: str) -> None:
        """Take text."""


class _Local:
    """Hands events on with local names only."""

    def __init__(self, target: Reader) -> None:
        self._target = target
        self._names: dict[str, str] = {}
        self.data = target.data

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._target.start(self._local(tag), {self._local(key): value for key, value in attributes.items()})

    def end(self, tag: str) -> None:
        self._target.end(self._local(tag))

    def close(self) -> None:
        """Nothing is kept here."""

    def _local(self, name: str) -> str:
        local = self._names.get(name)
        if local is None:
            local = name.rpartition("}")[2]
            if len(self._names) < 10_000:
                self._names[name] = local
        return local


class _Relations(Reader):
    def __init__(self, folder: str) -> None:
        self.found: dict[str, tuple[str, str]] = {}
        self._folder = folder

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "Relationship" and attributes.get("TargetMode") != "External":
            kind = attributes.get("Type", "").rpartition("/")[2]
            target = posixpath.normpath(
                posixpath.join("/", self._folder, unquote(attributes.get("Target", "")))
            )
            self.found[attributes.get("Id", "")] = (kind, target.lstrip("/"))


class _Core(Reader):
    def __init__(self) -> None:
        self.values = {"title": "", "author": ""}
        self._key = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._key = _CORE.get(tag, "")

    def end(self, tag: str) -> None:
        self._key = ""

    def data(self, text: str) -> None:
        if self._key and len(self.values[self._key]) < 1000:
            self.values[self._key] += text


def related(relations: dict[str, tuple[str, str]], kind: str) -> Iterator[str]:
    """The names of the parts of one kind that a part refers to."""
    return (name for found, name in relations.values() if found == kind)


def picture_remark(count: int) -> list[str]:
    """A remark on pictures inside a document, if there are any."""
    if not count:
        return []
    return [f"{count} pictures inside are not searched" if count > 1 else "1 picture inside is not searched"]
