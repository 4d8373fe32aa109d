"""Adoption: which documents that another tool uploaded are those of files, as a pure function of both.

It never guesses between two: a document that fits several files, or a file that several documents fit, is left alone.
"""

import base64
import binascii
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

_DIGEST: Final = re.compile(r"(?:sha-?256[:=-])?([0-9a-f]{64})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LooseDocument:
    """A document without a mark of ours.

    Attributes:
        document: full resource name.
        display_name: as the other tool named it.
        size: bytes, as the service counts them for this document.
        digests: SHA-256 digests in hex that its metadata or its temporary file name; empty where none is known.
        original: name of the temporary file that it was imported from; empty where that is gone, or was none.
    """

    document: str
    display_name: str
    size: int
    digests: frozenset[str] = frozenset()
    original: str = ""

    @property
    def path(self) -> str:
        """The path that it was uploaded as, as far as its name says."""
        return (self.original or self.display_name).replace("\\", "/").removeprefix("./")


@dataclass(frozen=True, slots=True)
class LooseFile:
    """A file on disk without a document."""

    file_id: str
    path: str
    size: int
    content_hash: str


@dataclass(frozen=True, slots=True)
class Adoption:
    """A file and the document that it takes over; ``content_hash`` is that of the file when they were compared."""

    path: str
    document: str
    display_name: str
    file_id: str
    content_hash: str


@dataclass(frozen=True, slots=True)
class Matches:
    """Which documents are those of which files.

    Attributes:
        by_content: pairs with the same bytes.
        by_name: pairs with the same name and size, of which the bytes are not known.
        ambiguous: names of documents between which nothing decides.
        unmatched: documents that fit no file.
    """

    by_content: tuple[Adoption, ...] = ()
    by_name: tuple[Adoption, ...] = ()
    ambiguous: tuple[str, ...] = ()
    unmatched: tuple[LooseDocument, ...] = field(default=())


def digests(values: Iterable[Any]) -> frozenset[str]:
    """The SHA-256 digests, in hex, among texts such as metadata values."""
    texts = [text.strip() for value in values for text in _texts(value)]
    return frozenset(digest for text in texts if (digest := _digest(text)))


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        return (value,)
    return (each for each in value if isinstance(each, str)) if isinstance(value, list | tuple) else ()


def _digest(text: str) -> str:
    if match := _DIGEST.fullmatch(text):
        return match[1].lower()
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return ""
    if len(raw) == 32:
        return raw.hex()
    # The service encodes the digits, not the bytes, in ``sha256Hash`` of a temporary file.
    digits = raw.decode("ascii", "replace")
    return digits.lower() if re.fullmatch("[0-9a-fA-F]{64}", digits) else ""


def match_documents(documents: Sequence[LooseDocument], files: Sequence[LooseFile]) -> Matches:
    """Pair documents with files: by their bytes where a digest is known, by name and size elsewhere.

    A document with a digest is never paired by its name: its bytes are known, and are not those of the file.
    Several documents with the bytes of one file, or several files with the bytes of one document, are paired by
    name; what is left over of them is ambiguous.
    """
    by_hash: dict[str, list[LooseFile]] = {}
    for file in files:
        by_hash.setdefault(file.content_hash, []).append(file)
    known = [document for document in documents if document.digests]
    fitting = {
        document.document: [file for digest in document.digests for file in by_hash.get(digest, ())]
        for document in known
    }
    by_content, unclear = _pair(known, fitting)
    taken = {pair.file_id for pair in by_content}
    rest = [document for document in documents if not document.digests]
    by_name, unclear_names = _pair(rest, _by_name(rest, [f for f in files if f.file_id not in taken]))
    paired = {pair.document for pair in (*by_content, *by_name)}
    ambiguous = {document.document for document in (*unclear, *unclear_names)}
    return Matches(
        tuple(sorted(by_content, key=lambda pair: pair.path)),
        tuple(sorted(by_name, key=lambda pair: pair.path)),
        tuple(sorted(document.path for document in (*unclear, *unclear_names))),
        tuple(each for each in documents if each.document not in paired | ambiguous),
    )


def _by_name(documents: Iterable[LooseDocument], files: Iterable[LooseFile]) -> dict[str, list[LooseFile]]:
    """The files of each document's name and size. A name without folders fits a file in any folder."""
    by_name: dict[str, list[LooseFile]] = {}
    for file in files:
        parts = file.path.split("/")
        for first in range(len(parts)):
            by_name.setdefault("/".join(parts[first:]), []).append(file)
    return {
        document.document: [file for file in by_name.get(document.path, ()) if file.size == document.size]
        for document in documents
    }


def _pair(
    documents: Sequence[LooseDocument], fitting: Mapping[str, Sequence[LooseFile]]
) -> tuple[list[Adoption], list[LooseDocument]]:
    """The pairs of which neither side fits another, and the documents between which nothing decides."""
    pairs: list[Adoption] = []
    open_documents, used = [each for each in documents if fitting[each.document]], set[str]()
    # A whole path decides before a name alone does.
    for exact in (True, False):
        choices = {
            each.document: [
                file
                for file in fitting[each.document]
                if file.file_id not in used and (not exact or file.path == each.path)
            ]
            for each in open_documents
        }
        wanted = Counter(file.file_id for files in choices.values() for file in files)
        for each in open_documents:
            files = choices[each.document]
            if len(files) == 1 and wanted[files[0].file_id] == 1:
                file = files[0]
                used.add(file.file_id)
                pairs.append(
                    Adoption(file.path, each.document, each.display_name, file.file_id, file.content_hash)
                )
        done = {pair.document for pair in pairs}
        open_documents = [each for each in open_documents if each.document not in done]
    return pairs, open_documents
