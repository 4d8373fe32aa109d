"""Temporary files: the first half of the two-step path, for when the direct upload is broken."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from objlib.gemini import names
from objlib.gemini.errors import Call
from objlib.gemini.transport import Resource
from objlib.gemini.wire import FileShape

_GET: Final = Call("file", "asking for a temporary file", file=True)
_DISCARD: Final = Call("discard", "deleting a temporary file", method="DELETE", file=True)


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
class TemporaryFile:
    """A temporary file in the words of the service.

    Attributes:
        display_name: as it was sent.
        digest: SHA-256 of its bytes, as the service writes it; either may be empty.
    """

    display_name: str
    digest: str


class FilesApi(Resource):
    """The requests about temporary files, which expire after 48 hours; see :attr:`objlib.gemini.Client.files`."""

    async def state(self, name: str) -> FileState:
        """The state of the file of that name.

        NOT_FOUND when it never was, belongs to another or has expired (a 403).
        """
        shape = await self._transport.json(_GET, names.file_name(name), FileShape)
        return _STATES.get(shape.state, FileState.PROCESSING)

    async def describe(self, name: str) -> TemporaryFile:
        """The name and the digest of the file of that name. Errors as for :meth:`state`."""
        shape = await self._transport.json(_GET, names.file_name(name), FileShape)
        return TemporaryFile(shape.display_name, shape.sha256_hash)

    async def delete(self, name: str) -> bool:
        """Delete a temporary file, so that nothing can be made of it any more; False when there is none.

        Documents that were made of it stay.
        """
        return await self._transport.delete(_DISCARD, names.file_name(name))
