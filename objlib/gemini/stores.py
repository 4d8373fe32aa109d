"""Stores: File Search stores of the key's project."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from objlib.gemini import names
from objlib.gemini.errors import Call, ErrorKind, GeminiError
from objlib.gemini.metadata import display_name as valid_name
from objlib.gemini.transport import Transport
from objlib.gemini.wire import Nothing, StoreList, StoreShape

Asker = Callable[[Callable[[], Awaitable[StoreList]]], Awaitable[StoreList]]
"""How a request is sent that is only one of several: at once, or when its turn has come."""

PAGE: Final = 20
"""Entries per page of stores and documents: the most the service gives."""
_CREATE: Final = Call("store", "creating the store", once=True)
_GET: Final = Call("store", "asking for the store")
_LIST: Final = Call("store", "listing the stores")
_DELETE: Final = Call("store", "deleting the store")


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


async def create(transport: Transport, display_name: str) -> Store:
    """A new store. Display names are not unique: look with :func:`find` first, and after UNKNOWN."""
    body = {"displayName": valid_name(display_name)}
    return _read(_CREATE, await transport.json(_CREATE, "POST", "fileSearchStores", StoreShape, body=body))


async def get(transport: Transport, name: str) -> Store:
    """The store of that resource name; GeminiError NOT_FOUND when there is none."""
    return _read(_GET, await transport.json(_GET, "GET", names.store_name(name), StoreShape))


async def find(transport: Transport, display_name: str, ask: Asker) -> list[Store]:
    """All stores of that display name, oldest first; the service cannot search, so this lists.

    Args:
        transport: where to.
        display_name: the whole name.
        ask: sends the request for each page.
    """
    wanted, found = valid_name(display_name), dict[str, Store]()
    token, seen = "", {""}
    while True:
        query = {"pageSize": str(PAGE)} | ({"pageToken": token} if token else {})
        page = await ask(partial(transport.json, _LIST, "GET", "fileSearchStores", StoreList, query=query))
        stores = [_read(_LIST, shape) for shape in page.file_search_stores]
        found |= {store.name: store for store in stores if store.display_name == wanted}
        if (token := page.next_page_token) == "":
            return list(found.values())
        if token in seen:
            raise GeminiError(
                "listing the stores: the pages go in a circle", kind=ErrorKind.TRANSIENT, op="store"
            )
        seen.add(token)


async def at_once(request: Callable[[], Awaitable[StoreList]]) -> StoreList:
    """Send it now."""
    return await request()


async def delete(transport: Transport, name: str, *, force: bool) -> bool:
    """Delete a store; False when it was already gone."""
    try:
        query = {"force": "true"} if force else None
        # Slow: everything in it goes too.
        await transport.json(_DELETE, "DELETE", names.store_name(name), Nothing, query=query, slow=True)
    except GeminiError as error:
        if error.kind is ErrorKind.NOT_FOUND:
            return False
        raise
    return True


def _read(call: Call, shape: StoreShape) -> Store:
    name = names.full_store(shape.name)
    if name is None:
        raise GeminiError(f"{call.what}: the service gave it no name", kind=call.lost, status=200, op=call.op)
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
