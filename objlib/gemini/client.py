"""The client: the service's resources, as the official SDK groups them, over one transport."""

import os
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from objlib.gemini.ask import ModelsApi
from objlib.gemini.documents import DocumentsApi
from objlib.gemini.endpoint import Endpoint
from objlib.gemini.files import FilesApi
from objlib.gemini.network import open_transport
from objlib.gemini.operations import OperationsApi
from objlib.gemini.redact import quieten
from objlib.gemini.route import Route, find_route
from objlib.gemini.stores import StoresApi
from objlib.gemini.transport import Timeouts, Transport
from objlib.gemini.uploads import UploadsApi


class Client:
    """A File Search service. Made by :func:`open_client`.

    Every method of a resource may raise :class:`GeminiError`, sends one request (except where it lists),
    never retries, and may be called from many tasks at once.

    Attributes:
        stores: the File Search stores of the key's project.
        documents: what a store holds.
        uploads: sessions that bring bytes into a store, or into a temporary file.
        operations: the service's jobs that turn bytes into a document.
        files: temporary files.
        models: the models that answer questions.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.stores = StoresApi(transport)
        self.documents = DocumentsApi(transport)
        self.uploads = UploadsApi(transport)
        self.operations = OperationsApi(transport)
        self.files = FilesApi(transport)
        self.models = ModelsApi(transport)

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


@asynccontextmanager
async def open_client(
    endpoint: Endpoint,
    *,
    asgi: Callable[..., Any] | None = None,
    connections: int = 32,
    timeouts: Timeouts = Timeouts(),
    read_only: bool = False,
) -> AsyncIterator[Client]:
    """A client of the service at ``endpoint``, closed on the way out.

    Args:
        endpoint: the address of the service, and the key for it.
        asgi: an ASGI application of this process that answers instead; the host is only a label then.
        connections: requests on the wire at once, at most.
        timeouts: seconds for each phase of a request.
        read_only: refuse every request that may change something at the service, before it is sent.

    Raises:
        UsageError: a variable names a proxy or certificates that cannot be used.
    """
    quieten()
    route = find_route(endpoint, os.environ) if asgi is None else Route(endpoint.host)
    async with open_transport(route, asgi, connections) as http:
        yield Client(Transport(endpoint, http, timeouts, route, read_only=read_only))
