"""Resource names: checked before they go into a path, and made whole when an answer gives a bare id.

The service gives full names in the finalize answer of an upload and bare ids in a polled import result, so
every name that comes in passes through here once and is full from then on.
"""

import re
from typing import Final
from urllib.parse import urlsplit

from objlib.core.errors import UsageError

_SEGMENT: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9._~-]{0,254})"
_STORE: Final = re.compile(rf"fileSearchStores/{_SEGMENT}")
_DOCUMENT: Final = re.compile(rf"(fileSearchStores/{_SEGMENT})/documents/{_SEGMENT}")
_OPERATION: Final = re.compile(rf"(fileSearchStores/{_SEGMENT})/(?:upload/)?operations/({_SEGMENT})")
_MEDIA: Final = re.compile(rf"fileSearchStores/{_SEGMENT}/media/{_SEGMENT}")
_FILE: Final = re.compile(rf"files/{_SEGMENT}")
_MODEL: Final = re.compile(rf"(?:models|tunedModels)/{_SEGMENT}")
_STORE_IN_PATH: Final = re.compile(rf"/(fileSearchStores/{_SEGMENT}):uploadToFileSearchStore")


def store_name(name: str) -> str:
    """``name`` if it is a store's full resource name.

    Raises:
        UsageError: it is something else, for example a display name.
    """
    return _checked(_STORE, name, "a store's resource name (fileSearchStores/…)")


def document_name(name: str) -> str:
    """``name`` if it is a document's full resource name; UsageError if not."""
    return _checked(_DOCUMENT, name, "a document's resource name (fileSearchStores/…/documents/…)")


def operation_name(name: str) -> str:
    """``name`` if it is the full resource name of an upload's or import's operation; UsageError if not."""
    return _checked(_OPERATION, name, "an operation's resource name (fileSearchStores/…/operations/…)")


def media_name(name: str) -> str:
    """``name`` if it is the full resource name of a picture in a store; UsageError if not."""
    return _checked(_MEDIA, name, "a picture's resource name (fileSearchStores/…/media/…)")


def file_name(name: str) -> str:
    """``name`` if it is the full resource name of a temporary file; UsageError if not."""
    return _checked(_FILE, name, "a file's resource name (files/…)")


def model_name(name: str) -> str:
    """The full resource name of a model, given with or without ``models/``; UsageError if it is no name."""
    return _checked(_MODEL, name if "/" in name else f"models/{name}", "a model's name")


def store_of(name: str) -> str | None:
    """The full name of the store that a document's or operation's full name lies in; None for a bare id."""
    match = _DOCUMENT.fullmatch(name) or _OPERATION.fullmatch(name)
    return match[1] if match else None


def store_of_session(path: str) -> str | None:
    """The full name of the store that an upload session's path names; None when it names none."""
    match = _STORE_IN_PATH.search(path)
    return match[1] if match else None


def is_store_session(session: str) -> bool:
    """Whether the bytes sent to that session address surely become a document, and not a temporary file."""
    return store_of_session(urlsplit(session).path) is not None


def full_store(name: str) -> str | None:
    """A store's full name from a full name or a bare id; None when it is neither."""
    return _full(_STORE, name, "fileSearchStores/")


def full_document(name: str, store: str | None) -> str | None:
    """A document's full name from a full name or a bare id in ``store``; None when that cannot be."""
    return _full(_DOCUMENT, name, f"{store}/documents/")


def full_file(name: str) -> str | None:
    """A file's full name from a full name or a bare id; None when it is neither."""
    return _full(_FILE, name, "files/")


def full_operation(name: str, store: str | None, *, upload: bool) -> str | None:
    """An operation's full name from a full name or a bare id in ``store``; None when that cannot be."""
    return _full(_OPERATION, name, f"{store}/upload/operations/" if upload else f"{store}/operations/")


def document_hint(operation: str) -> str | None:
    """The name that the document of ``operation`` has in every answer seen so far: the ids are the same.

    A hint, not a promise: confirm it with documents.get.
    """
    match = _OPERATION.fullmatch(operation)
    return f"{match[1]}/documents/{match[2]}" if match else None


def _checked(pattern: re.Pattern[str], name: str, what: str) -> str:
    if not pattern.fullmatch(name):
        raise UsageError(f"{name!r} is not {what}")
    return name


def _full(pattern: re.Pattern[str], name: str, prefix: str) -> str | None:
    whole = name if "/" in name else prefix + name
    return whole if pattern.fullmatch(whole) else None
