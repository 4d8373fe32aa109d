"""Documents: what a store holds; immutable, and deleted with ``force``."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from objlib.core.library.metadata import MetadataValue
from objlib.gemini import names
from objlib.gemini.errors import Call, ErrorKind, GeminiError
from objlib.gemini.metadata import from_wire
from objlib.gemini.stores import PAGE
from objlib.gemini.times import unix_time
from objlib.gemini.transport import Transport
from objlib.gemini.wire import DocumentList, DocumentShape, Nothing

_GET: Final = Call("document", "asking for a document")
_LIST: Final = Call("list", "listing the documents")
_DELETE: Final = Call("delete", "deleting a document")


class DocumentState(StrEnum):
    """How far the store is with a document."""

    PENDING = "pending"
    """Not searchable yet; also what an unspecified or unheard-of state is taken for."""
    ACTIVE = "active"
    FAILED = "failed"
    """Not indexed. The document does not say why, only the operation does; it may still turn ACTIVE."""


# Names, and the numbers of the enum, which proto3 JSON allows as well.
_STATES: Final[dict[str | int, DocumentState]] = {
    "STATE_ACTIVE": DocumentState.ACTIVE,
    "STATE_FAILED": DocumentState.FAILED,
    2: DocumentState.ACTIVE,
    3: DocumentState.FAILED,
}


@dataclass(frozen=True, slots=True)
class Document:
    """A document of a store.

    Attributes:
        name: full resource name.
        display_name: as it was sent; for an imported document the id of the file it came from.
        state: how far it is.
        size: bytes.
        mime_type: as it was sent.
        create_time: Unix seconds; 0.0 where the service does not say.
        metadata: as it was sent, numbers rounded to 32 bits.
    """

    name: str
    display_name: str
    state: DocumentState
    size: int = 0
    mime_type: str = ""
    create_time: float = 0.0
    metadata: dict[str, MetadataValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DocumentPage:
    """A page of a listing, oldest documents first.

    Attributes:
        documents: at most 20.
        next_page_token: asks for the next page; None on the last.
    """

    documents: tuple[Document, ...]
    next_page_token: str | None


async def get(transport: Transport, name: str) -> Document:
    """The document of that full name; GeminiError NOT_FOUND when there is none."""
    shape = await transport.json(_GET, "GET", names.document_name(name), DocumentShape)
    return _read(shape, name)


async def page(transport: Transport, store: str, token: str | None) -> DocumentPage:
    """One page of the store's documents."""
    query = {"pageSize": str(PAGE)} | ({"pageToken": token} if token else {})
    shape = await transport.json(
        _LIST, "GET", f"{names.store_name(store)}/documents", DocumentList, query=query
    )
    found = []
    for each in shape.documents:
        name = names.full_document(each.name, store)
        if name is None:
            # Leaving it out would make the listing look complete, and it decides what is sent again.
            raise GeminiError(
                "listing the documents: one has no name", kind=ErrorKind.TRANSIENT, status=200, op=_LIST.op
            )
        found.append(_read(each, name))
    return DocumentPage(tuple(found), shape.next_page_token or None)


async def each(transport: Transport, store: str) -> AsyncGenerator[Document, None]:
    """Every document of the store once, though pages may overlap while documents come and go."""
    token: str | None = None
    tokens: set[str] = set()
    names_seen: set[str] = set()
    while True:
        found = await page(transport, store, token)
        for document in found.documents:
            if document.name not in names_seen:
                names_seen.add(document.name)
                yield document
        token = found.next_page_token
        if token is None:
            return
        if token in tokens:
            raise GeminiError(
                "listing the documents: the pages go in a circle", kind=ErrorKind.TRANSIENT, op=_LIST.op
            )
        tokens.add(token)


async def delete(transport: Transport, name: str) -> bool:
    """Delete a document and all its passages; False when it was already gone."""
    try:
        await transport.json(_DELETE, "DELETE", names.document_name(name), Nothing, query={"force": "true"})
    except GeminiError as error:
        if error.kind is ErrorKind.NOT_FOUND:
            return False
        raise
    return True


def _read(shape: DocumentShape, name: str) -> Document:
    return Document(
        name=name,
        display_name=shape.display_name,
        state=_STATES.get(shape.state, DocumentState.PENDING),
        size=shape.size_bytes,
        mime_type=shape.mime_type,
        create_time=unix_time(shape.create_time),
        metadata=from_wire(shape.custom_metadata),
    )
