"""The only HTTP client: a File Search service over REST, its answers as values and kinds of error."""

TYPE_CHECKING = False  # type checkers take it for true

if TYPE_CHECKING:
    from typing import Any

    from objlib.core.library.metadata import MetadataValue
    from objlib.gemini.ask import Answer, Passage
    from objlib.gemini.body import BodySourceError
    from objlib.gemini.client import Client, open_client
    from objlib.gemini.documents import Document, DocumentPage
    from objlib.gemini.endpoint import Endpoint, SessionUrl
    from objlib.gemini.errors import ErrorKind, GeminiError
    from objlib.gemini.files import FileState
    from objlib.gemini.names import is_store_session
    from objlib.gemini.operations import Operation, OperationError
    from objlib.gemini.stores import Media
    from objlib.gemini.transport import Timeouts
    from objlib.gemini.uploads import CHUNK, UploadProgress, UploadResult
    from objlib.gemini.wire import Store

__all__ = [
    "CHUNK",
    "Answer",
    "BodySourceError",
    "Client",
    "Document",
    "DocumentPage",
    "Endpoint",
    "ErrorKind",
    "FileState",
    "GeminiError",
    "Media",
    "MetadataValue",
    "Operation",
    "OperationError",
    "Passage",
    "SessionUrl",
    "Store",
    "Timeouts",
    "UploadProgress",
    "UploadResult",
    "is_store_session",
    "open_client",
]

_MODULES = {
    "core.library.metadata": ("MetadataValue",),
    "gemini.ask": ("Answer", "Passage"),
    "gemini.body": ("BodySourceError",),
    "gemini.client": ("Client", "open_client"),
    "gemini.documents": ("Document", "DocumentPage"),
    "gemini.endpoint": ("Endpoint", "SessionUrl"),
    "gemini.errors": ("ErrorKind", "GeminiError"),
    "gemini.files": ("FileState",),
    "gemini.names": ("is_store_session",),
    "gemini.operations": ("Operation", "OperationError"),
    "gemini.stores": ("Media",),
    "gemini.transport": ("Timeouts",),
    "gemini.uploads": ("CHUNK", "UploadProgress", "UploadResult"),
    "gemini.wire": ("Store",),
}


def __getattr__(name: str) -> object:
    """Load a name when it is asked for: the kinds of error cost little, and httpx as much as all the rest.

    A command that only looks at the ledger catches errors of the service and sends no request.
    """
    import sys
    from importlib import import_module

    for module, names in _MODULES.items():
        if name in names:
            # httpx imports its own command line where click is installed, and with it rich and pygments, which take
            # longer than all the rest. A module that is None cannot be imported, and httpx does without it.
            modules: dict[str, Any] = sys.modules
            hidden = "httpx" not in modules and modules.setdefault("httpx._main", None) is None
            try:
                found: object = getattr(import_module(f"objlib.{module}"), name)
            finally:
                if hidden:
                    del modules["httpx._main"]
            globals()[name] = found
            return found
    raise AttributeError(f"module 'objlib.gemini' has no attribute {name!r}")
