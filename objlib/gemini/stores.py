"""Stores: the File Search stores of the key's project, and the import of a temporary file into one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from objlib.core.library.metadata import MetadataValue
from objlib.gemini import names, operations
from objlib.gemini.errors import Call, ErrorKind
from objlib.gemini.metadata import display_name as valid_name
from objlib.gemini.metadata import to_wire
from objlib.gemini.operations import Operation
from objlib.gemini.pages import Pages, Send, at_once
from objlib.gemini.transport import Resource
from objlib.gemini.wire import OperationShape, StoreList, StoreShape

PAGE_SIZE: Final = 20
"""Entries per page of stores and documents: the most the service gives."""
_CREATE: Final = Call("store", "creating the store", method="POST", idempotent=False)
_GET: Final = Call("store", "asking for the store")
_LIST: Final = Call("store", "listing the stores")
_DELETE: Final = Call("store", "deleting the store", method="DELETE", slow=True)
_IMPORT: Final = Call("import", "importing a file into the store", method="POST", idempotent=False)


@dataclass(frozen=True, slots=True)
class Store:
    """A File Search store.

    Attributes:
        name: resource name, ``fileSearchStores/<id>``.
        display_name: what its owner called it; not unique.
        active, pending, failed: documents by state.
        size: bytes that the service counts, embeddings included.
        create_time: RFC 3339 text.
        embedding_model: ``models/<id>``, or empty where the service does not say.
    """

    name: str
    display_name: str
    active: int = 0
    pending: int = 0
    failed: int = 0
    size: int = 0
    create_time: str = ""
    embedding_model: str = ""


class StoresApi(Resource):
    """The requests about stores; see :attr:`objlib.gemini.Client.stores`."""

    async def create(self, display_name: str) -> Store:
        """A new store. Display names are not unique: look with :meth:`find` first, and after UNKNOWN."""
        body = {"displayName": valid_name(display_name)}
        shape = await self._transport.json(_CREATE, "fileSearchStores", StoreShape, body=body)
        return _read(_CREATE, shape)

    async def get(self, name: str) -> Store:
        """The store of that resource name; NOT_FOUND when there is none."""
        return _read(_GET, await self._transport.json(_GET, names.store_name(name), StoreShape))

    async def find(self, display_name: str, send: Send[StoreList] = at_once) -> list[Store]:
        """All stores of that display name, oldest first; the service cannot search, so this lists all pages."""
        name, stores = valid_name(display_name), dict[str, Store]()
        async for page in Pages(_LIST, self._page, send):
            listed = [_read(_LIST, shape) for shape in page.file_search_stores]
            stores |= {store.name: store for store in listed if store.display_name == name}
        return list(stores.values())

    async def _page(self, token: str | None) -> StoreList:
        query = {"pageSize": str(PAGE_SIZE)} | ({"pageToken": token} if token else {})
        return await self._transport.json(_LIST, "fileSearchStores", StoreList, query=query)

    async def delete(self, name: str, *, force: bool = True) -> bool:
        """Delete a store, with its documents if forced; False when it was already gone."""
        query = {"force": "true"} if force else None
        return await self._transport.delete(_DELETE, names.store_name(name), query=query)

    async def import_file(self, store: str, file: str, *, metadata: Mapping[str, MetadataValue]) -> Operation:
        """Start turning a temporary file into a document; its display name is lost on the way.

        Raises:
            GeminiError: UNKNOWN when the answer was lost; TRANSIENT while the file is not ACTIVE.
        """
        body = {"fileName": names.file_name(file), "customMetadata": to_wire(metadata)}
        path = f"{names.store_name(store)}:importFile"
        shape = await self._transport.json(_IMPORT, path, OperationShape, body=body)
        operation = operations.read(shape, store=store)
        if not operation.name:
            raise _IMPORT.error("the answer names no operation", ErrorKind.UNKNOWN, 200)
        return operation


def _read(call: Call, shape: StoreShape) -> Store:
    name = names.full_store(shape.name)
    if name is None:
        raise call.error("the service gave it no name", call.unanswered, 200)
    return Store(
        name=name,
        display_name=shape.display_name,
        active=shape.active_documents_count,
        pending=shape.pending_documents_count,
        failed=shape.failed_documents_count,
        size=shape.size_bytes,
        create_time=shape.create_time,
        embedding_model=shape.embedding_model,
    )
