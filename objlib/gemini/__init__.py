"""The only HTTP client: a File Search service over REST, its answers as values and kinds of error."""

from objlib.core.library.metadata import MetadataValue
from objlib.gemini.ask import Answer, Passage
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
