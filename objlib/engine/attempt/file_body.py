"""The bytes of one file on their way to the store: read once, hashed, and sent a piece at a time.

The hash travels before the bytes do, so the last piece, without which no document is made, is given out only if all
bytes have that hash. A chunk that has to be sent again is read again from its start, and each of its pieces has to have
the hash that it had before: otherwise the service could keep the begin of one version and get the end of another.
"""

import hashlib
from functools import partial
from io import FileIO
from typing import Final

from objlib.engine.scan.read_file import open_regular
from objlib.ledger import FileRow
from objlib.threads import Runner

PIECE: Final = 1024 * 1024
"""Bytes that are read, hashed and sent at once, and all that an upload holds of its file. A piece costs a hop to a
thread, and a divisor of a chunk lets every reading of it stop at the same places."""


class ChangedWhileReadError(Exception):
    """The file is not the one that the scan saw; nothing of it is in the store."""


class FileBody:
    """The bytes of the file of ``row``, chunk by chunk; :func:`open_body` makes one.

    Attributes:
        verified: whether the file was read to its end, and has the size and the hash of its row.
        error: why reading ended early.
    """

    def __init__(self, files: Runner, row: FileRow, source: FileIO | None, data: bytes) -> None:
        self.verified = source is None
        self.error: Exception | None = None
        self._files = files
        self._row = row
        self._source = source
        self._view = memoryview(data if source is None else bytearray(PIECE))
        self._start = self._at = 0
        self._end = row.size
        self._digest = self._before = hashlib.sha256()
        self._pieces: dict[int, bytes] = {}

    def close(self) -> None:
        """Close the file."""
        if self._source is not None:
            self._source.close()

    def chunk(self, start: int, end: int) -> None:
        """Go on with the bytes from ``start``, where the chunk before it ended, to ``end``."""
        self._start, self._end = start, end
        self._before = self._digest.copy()
        self._pieces.clear()

    async def part(self, position: int) -> "bytes | FilePart":
        """The bytes of the chunk from ``position``, to send once; a part that was given out before is void.

        Its first piece is read here: no request begins for a file that is found changed or unreadable at once.

        Raises:
            ChangedWhileReadError: the file is no longer that of the row.
            OSError: it cannot be read.
        """
        if self._source is None:
            return bytes(self._view[position:])
        self._at, self._digest = self._start, self._before.copy()
        part = FilePart(self, position, self._end - position)
        await part.prepare()
        return part

    async def finish(self) -> None:
        """Read what is left of the chunk, if the service had all of it before it was sent to its end again.

        Raises:
            ChangedWhileReadError: the file is no longer that of the row.
            OSError: it cannot be read.
        """
        while self._source is not None and self._at < self._end:
            await self.read()

    async def read(self) -> tuple[int, memoryview]:
        """The next piece of the chunk and where it begins; empty at the end. It is valid until the next reading.

        Raises:
            ChangedWhileReadError: the file is no longer that of the row.
            OSError: it cannot be read.
        """
        try:
            return await self._next_piece()
        except Exception as error:
            self.error = error
            raise

    async def _next_piece(self) -> tuple[int, memoryview]:
        at = self._at
        piece = self._view[: min(PIECE, self._end - at)]
        if not piece:
            return at, piece
        assert self._source is not None, "a file that was read whole is not read again"
        self._at = at + len(piece)
        last = self._at == self._row.size
        digest = self._digest
        if not await self._files(partial(_fill, self._source, at, piece, digest, last)):
            raise ChangedWhileReadError
        if self._pieces.setdefault(at, digest.digest()) != digest.digest():
            raise ChangedWhileReadError
        if last and digest.hexdigest() != self._row.content_hash:
            raise ChangedWhileReadError
        self.verified = self.verified or last
        return at, piece


class FilePart:
    """The bytes of a chunk from one position to its end."""

    def __init__(self, body: FileBody, position: int, size: int) -> None:
        self._body = body
        self._position = position
        self._size = size
        self._first: memoryview | None = None

    def __len__(self) -> int:
        return self._size

    async def prepare(self) -> None:
        """Read the first bytes."""
        self._first = await self.take()

    async def take(self) -> memoryview:
        """The next bytes, which are valid until the next call; empty at the end.

        Raises:
            ChangedWhileReadError: the file is no longer that of the row.
            OSError: it cannot be read.
        """
        if self._first is not None:
            first, self._first = self._first, None
            return first
        while True:
            at, piece = await self._body.read()
            if not piece or at + len(piece) > self._position:
                return piece[max(0, self._position - at) :]


async def open_body(files: Runner, path: str, row: FileRow) -> FileBody:
    """The body of the file at ``path``. A file of one piece is read and closed in the same hop.

    Raises:
        ChangedWhileReadError: a file of one piece has not the size or the hash of its row.
        OSError: it cannot be read.
    """
    source, data = await files(partial(_open, path, row))
    return FileBody(files, row, source, data)


def _open(path: str, row: FileRow) -> tuple[FileIO | None, bytes]:
    if row.size > PIECE:
        return open_regular(path), b""
    with open_regular(path) as source:
        data = _read_whole(source, row.size + 1)
    if len(data) != row.size or hashlib.sha256(data).hexdigest() != row.content_hash:
        raise ChangedWhileReadError
    return None, data


def _read_whole(source: FileIO, most: int) -> bytes:
    parts = []
    while most and (part := source.read(most)):
        parts.append(part)
        most -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _fill(source: FileIO, at: int, piece: memoryview, digest: "hashlib._Hash", last: bool) -> bool:
    """Read and hash a piece; whether it is there, and is the file's last if it should be."""
    source.seek(at)
    filled = 0
    while filled < len(piece) and (count := source.readinto(piece[filled:])):
        filled += count
    digest.update(piece[:filled])
    return filled == len(piece) and not (last and source.read(1))
