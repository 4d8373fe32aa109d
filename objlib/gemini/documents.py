"""Documents: what a store holds; immutable, and deleted with ``force``."""

from dataclasses import dataclass, field
from typing import Final

from objlib.core.library.metadata import MetadataValue
from objlib.core.remote import DocumentState
from objlib.gemini import names
from objlib.gemini.errors import Call, ErrorKind
from objlib.gemini.metadata import from_wire
from objlib.gemini.pages import Pages, Send, at_once
from objlib.gemini.stores import PAGE_SIZE
from objlib.gemini.times import unix_time
from objlib.gemini.transport import Resource
from objlib.gemini.wire import DocumentList, DocumentShape

_GET: Final = Call("document", "asking for a document")
_LIST: Final = Call("list", "listing the documents")
_DELETE: Final = Call("delete", "deleting a document", method="DELETE")


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


class DocumentsApi(Resource):
    """The requests about documents; see :attr:`objlib.gemini.Client.documents`."""

    async def get(self, name: str) -> Document:
        """The document of that full name; NOT_FOUND when there is none."""
        shape = await self._transport.json(_GET, names.document_name(name), DocumentShape)
        return _read(shape, name)

    async def list(self, store: str, *, page_token: str | None = None) -> DocumentPage:
        """One page of the store's documents, oldest first."""
        query = {"pageSize": str(PAGE_SIZE)} | ({"pageToken": page_token} if page_token else {})
        path = f"{names.store_name(store)}/documents"
        page = await self._transport.json(_LIST, path, DocumentList, query=query)
        documents = []
        for shape in page.documents:
            name = names.full_document(shape.name, store)
            if name is None:
                # Leaving it out would make the listing look complete, and it decides what is sent again.
                raise _LIST.error("one has no name", ErrorKind.TRANSIENT, 200)
            documents.append(_read(shape, name))
        return DocumentPage(tuple(documents), page.next_page_token or None)

    def pages(
        self, store: str, send: Send[DocumentPage] = at_once, *, token: str | None = None
    ) -> Pages[DocumentPage]:
        """The store's documents, a page at a time from that of ``token`` on.

        Pages may overlap while documents come and go, so that a document may be listed twice.
        """
        return Pages(_LIST, lambda page_token: self.list(store, page_token=page_token), send, token)

    async def delete(self, name: str) -> bool:
        """Delete a document and all its passages; False when it was already gone."""
        return await self._transport.delete(_DELETE, names.document_name(name), query={"force": "true"})


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
