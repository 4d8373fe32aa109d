"""Temporary files: the first half of the two-step path, for when the direct upload is broken."""

import base64
import binascii
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from objlib.gemini import names
from objlib.gemini.errors import Call, one_line
from objlib.gemini.redact import without_secrets
from objlib.gemini.transport import Resource
from objlib.gemini.wire import FileShape

_GET: Final = Call("file", "asking for a temporary file", file=True)
_DISCARD: Final = Call("discard", "deleting a temporary file", method="DELETE", file=True)
_HEX: Final = re.compile(r"[0-9a-f]{64}")


class FileState(StrEnum):
    """How far the service is with a temporary file."""

    PROCESSING = "processing"
    """Not usable yet; also what an unspecified or unheard-of state is taken for."""
    ACTIVE = "active"
    FAILED = "failed"


_STATES: Final[dict[str | int, FileState]] = {
    "ACTIVE": FileState.ACTIVE,
    "FAILED": FileState.FAILED,
    2: FileState.ACTIVE,
    10: FileState.FAILED,
}


@dataclass(frozen=True, slots=True)
class File:
    """A temporary file; it expires after 48 hours.

    Attributes:
        name: resource name, ``files/<id>``.
        display_name: as it was sent.
        state: how far it is.
        size: bytes.
        mime_type: as it was sent.
        sha256: of the bytes, in hex; None where the service does not say.
        error: why it failed, one line; empty if it did not.
    """

    name: str
    display_name: str = ""
    state: FileState = FileState.PROCESSING
    size: int = 0
    mime_type: str = ""
    sha256: str | None = None
    error: str = ""


class FilesApi(Resource):
    """The requests about temporary files; see :attr:`objlib.gemini.Client.files`."""

    async def get(self, name: str) -> File:
        """The file of that name; NOT_FOUND when it never was, belongs to another or has expired (a 403)."""
        return read(await self._transport.json(_GET, names.file_name(name), FileShape), name)

    async def delete(self, name: str) -> bool:
        """Delete a temporary file, so that nothing can be made of it any more; False when there is none.

        Documents that were made of it stay.
        """
        return await self._transport.delete(_DISCARD, names.file_name(name))


def read(shape: FileShape, name: str) -> File:
    """``shape`` as a file of that full name."""
    return File(
        name=name,
        display_name=shape.display_name,
        state=_STATES.get(shape.state, FileState.PROCESSING),
        size=shape.size_bytes,
        mime_type=shape.mime_type,
        sha256=hex_digest(shape.sha256_hash),
        error=""
        if shape.error is None
        else one_line(without_secrets(shape.error.message)) or "no reason given",
    )


def hex_digest(value: str) -> str | None:
    """The digest that ``sha256Hash`` holds, in hex; None where it is no digest.

    Real answers hold base64 of the 64 hex characters, not of the 32 bytes as promised; either is taken.
    """
    if _HEX.fullmatch(value.lower()):
        return value.lower()
    try:
        raw = base64.b64decode(value, altchars=b"-_" if {"-", "_"} & set(value) else None, validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) == 32:
        return raw.hex()
    text = raw.decode("ascii", "replace").lower()
    return text if _HEX.fullmatch(text) else None
