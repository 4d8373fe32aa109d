"""Stores: the File Search stores of the key's project, and the import of a temporary file into one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from objlib.core.library.metadata import MetadataValue
from objlib.core.library.mime import base_type
from objlib.gemini import names, operations
from objlib.gemini.errors import Call, ErrorKind
from objlib.gemini.metadata import display_name as valid_name
from objlib.gemini.metadata import to_wire
from objlib.gemini.operations import Operation
from objlib.gemini.pages import Pages, Send, at_once
from objlib.gemini.transport import Resource
from objlib.gemini.wire import OperationShape, Store, StoreList

PAGE_SIZE: Final = 20
"""Entries per page of stores and documents: the most the service gives."""
_CREATE: Final = Call("store", "creating the store", method="POST", idempotent=False)
_GET: Final = Call("store", "asking for the store")
_LIST: Final = Call("store", "listing the stores")
_DELETE: Final = Call("store", "deleting the store", method="DELETE", slow=True)
_MEDIA: Final = Call("media", "getting the picture")
_IMPORT: Final = Call("import", "importing a file into the store", method="POST", idempotent=False)


@dataclass(frozen=True, slots=True)
class Media:
    """A picture as it was uploaded."""

    content: bytes
    mime_type: str

    @property
    def suffix(self) -> str:
        """The suffix of a file of its type; empty for a type that no store takes as a picture."""
        return {"image/png": ".png", "image/jpeg": ".jpg"}.get(self.mime_type, "")


class StoresApi(Resource):
    """The requests about stores; see :attr:`objlib.gemini.Client.stores`."""

    async def create(self, display_name: str, embedding_model: str = "") -> Store:
        """A new store. Display names are not unique: look with :meth:`find` first, and after UNKNOWN.

        The model can be chosen here only; without one it is the service's default, which reads text alone.
        """
        body = {"displayName": valid_name(display_name)}
        if embedding_model:
            body["embeddingModel"] = f"models/{embedding_model.removeprefix('models/')}"
        return _named(_CREATE, await self._transport.json(_CREATE, "fileSearchStores", Store, body=body))

    async def get(self, name: str) -> Store:
        """The store of that resource name; NOT_FOUND when there is none."""
        return _named(_GET, await self._transport.json(_GET, names.store_name(name), Store))

    async def find(self, display_name: str, send: Send[StoreList] = at_once) -> list[Store]:
        """All stores of that display name, oldest first; the service cannot search, so this lists all pages."""
        name = valid_name(display_name)
        return [store for store in await self.all(send) if store.display_name == name]

    async def all(self, send: Send[StoreList] = at_once) -> list[Store]:
        """All stores of the key's project, oldest first."""
        stores = dict[str, Store]()
        async for page in Pages(_LIST, self._page, send):
            stores |= {
                store.name: store for store in (_named(_LIST, each) for each in page.file_search_stores)
            }
        return list(stores.values())

    async def _page(self, token: str | None) -> StoreList:
        query = {"pageSize": str(PAGE_SIZE)} | ({"pageToken": token} if token else {})
        return await self._transport.json(_LIST, "fileSearchStores", StoreList, query=query)

    async def delete(self, name: str, *, force: bool = True) -> bool:
        """Delete a store, with its documents if forced; False when it was already gone."""
        query = {"force": "true"} if force else None
        return await self._transport.delete(_DELETE, names.store_name(name), query=query)

    async def media(self, name: str) -> Media:
        """The picture that a citation names; NOT_FOUND when there is none."""
        reply = await self._transport.keyed(_MEDIA, names.media_name(name), query={"alt": "media"})
        return Media(reply.body, base_type(reply.headers.get("content-type", "")))

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


def _named(call: Call, store: Store) -> Store:
    name = names.full_store(store.name)
    if name is None:
        raise call.error("the service gave it no name", call.unanswered, 200)
    return replace(store, name=name)
