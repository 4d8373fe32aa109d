"""The client: one method for each thing that the engine asks the service for."""

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from objlib.core.library.metadata import MetadataValue
from objlib.gemini import ask as asking
from objlib.gemini import documents, files, operations, stores, uploads
from objlib.gemini.ask import Answer
from objlib.gemini.documents import Document, DocumentPage
from objlib.gemini.endpoint import Endpoint, SessionUrl
from objlib.gemini.files import File
from objlib.gemini.network import http_client
from objlib.gemini.operations import Operation
from objlib.gemini.redact import quieten
from objlib.gemini.stores import Store
from objlib.gemini.transport import Timeouts, Transport
from objlib.gemini.uploads import UploadProgress


class Client:
    """A File Search service. Made by :func:`open_client`; every method may raise :class:`GeminiError`.

    One method is one request (except where it lists), is never retried here, and may be used from many
    tasks at once.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @property
    def requests(self) -> int:
        """Requests sent so far."""
        return self._transport.sent.total()

    @property
    def sent(self) -> Counter[str]:
        """Requests sent so far, by operation.

        start, send, query, cancel, operation, document, list, delete, ask, store, file, discard, import.
        """
        return self._transport.sent

    async def create_store(self, display_name: str) -> Store:
        """A new store; after UNKNOWN look with :meth:`find_stores` before trying again."""
        return await stores.create(self._transport, display_name)

    async def get_store(self, name: str) -> Store:
        """The store of that resource name; NOT_FOUND when there is none."""
        return await stores.get(self._transport, name)

    async def find_stores(self, display_name: str, ask: stores.Asker = stores.at_once) -> list[Store]:
        """All stores of that display name, oldest first; ``ask`` sends the request for each page of them."""
        return await stores.find(self._transport, display_name, ask)

    async def delete_store(self, name: str, force: bool = True) -> bool:
        """Delete a store, with its documents if forced; False when it was already gone."""
        return await stores.delete(self._transport, name, force=force)

    async def start_upload(
        self,
        store: str,
        *,
        display_name: str,
        mime_type: str,
        size: int,
        metadata: Mapping[str, MetadataValue],
    ) -> SessionUrl:
        """Open an upload session into ``store``; no document is made before its last chunk.

        PERMANENT when the metadata breaks a limit: 20 entries, 256 UTF-8 bytes each, 32-bit numbers.
        """
        return await uploads.start_in_store(
            self._transport,
            store,
            display_name=display_name,
            mime_type=mime_type,
            size=size,
            metadata=metadata,
        )

    async def start_file_upload(
        self, name: str, *, display_name: str, mime_type: str, size: int
    ) -> SessionUrl:
        """Open an upload session into the temporary file ``name`` (``files/<id>``); the first of the two steps."""
        return await uploads.start_in_files(
            self._transport, name, display_name=display_name, mime_type=mime_type, size=size
        )

    async def send_chunk(self, session: str, data: bytes, *, offset: int, final: bool) -> UploadProgress:
        """Send bytes that start at ``offset``; the last chunk finalizes. UNKNOWN means: query the session."""
        return await uploads.send_chunk(self._transport, session, data, offset=offset, final=final)

    async def query_upload(self, session: str) -> UploadProgress:
        """Where the session stands; one that the service does not know is GONE."""
        return await uploads.query(self._transport, session)

    async def cancel_upload(self, session: str) -> bool:
        """End the session; whether it is certain now that nothing sent late can land."""
        return await uploads.cancel(self._transport, session)

    async def get_operation(self, name: str) -> Operation:
        """One look at an operation; NOT_FOUND when its record is gone, which says nothing of its document."""
        return await operations.get(self._transport, name)

    async def get_document(self, name: str) -> Document:
        """The document of that full name; NOT_FOUND when there is none."""
        return await documents.get(self._transport, name)

    async def list_documents(self, store: str, *, page_token: str | None = None) -> DocumentPage:
        """One page of the store's documents, oldest first."""
        return await documents.page(self._transport, store, page_token)

    def each_document(self, store: str) -> AsyncGenerator[Document, None]:
        """Every document of the store once; wrap it in ``contextlib.aclosing`` if you may stop early."""
        return documents.each(self._transport, store)

    async def delete_document(self, name: str) -> bool:
        """Delete a document by force; False when it was already gone."""
        return await documents.delete(self._transport, name)

    async def get_file(self, name: str) -> File:
        """The temporary file of that name; NOT_FOUND when there is none, or none any more."""
        return await files.get(self._transport, name)

    async def delete_file(self, name: str) -> bool:
        """Delete a temporary file; False when there is none. What was imported from it stays."""
        return await files.delete(self._transport, name)

    async def import_file(
        self, store: str, file_name: str, *, metadata: Mapping[str, MetadataValue]
    ) -> Operation:
        """Start turning a temporary file into a document; TRANSIENT while the file is not ACTIVE."""
        return await files.import_file(self._transport, store, file_name, metadata)

    async def ask(
        self,
        *,
        model: str,
        question: str,
        store: str,
        metadata_filter: str | None = None,
        top_k: int | None = None,
        system: str | None = None,
    ) -> Answer:
        """Ask a model a question that it may search the store for."""
        return await asking.ask(
            self._transport,
            model=model,
            question=question,
            store=store,
            metadata_filter=metadata_filter,
            top_k=top_k,
            system=system,
        )


@asynccontextmanager
async def open_client(
    endpoint: Endpoint,
    *,
    asgi: Callable[..., Any] | None = None,
    connections: int = 32,
    timeouts: Timeouts = Timeouts(),
) -> AsyncIterator[Client]:
    """A client of the service at ``endpoint``, closed on the way out.

    Args:
        endpoint: where the service is, and the key for it.
        asgi: an ASGI application of this process that answers instead; the host is only a label then.
        connections: how many requests may be on the wire at once.
        timeouts: seconds for each phase of a request.
    """
    quieten()
    async with http_client(endpoint, asgi, connections) as http:
        yield Client(Transport(endpoint, http, timeouts))
