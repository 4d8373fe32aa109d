"""The bytes of one file on their way: any part of it, sent again from anywhere, and a file that changes meanwhile."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from objlib.core.ids import content_hash
from objlib.engine.attempt import file_body
from objlib.engine.attempt.file_body import ChangedWhileReadError, FileBody, FilePart, open_body
from objlib.ledger import FileRow
from objlib.threads import inline_runner

PIECE = 8
BYTES = bytes(range(50))
"""Six pieces and a bit."""


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_body, "PIECE", PIECE)


@dataclass
class Row:
    """The columns of a row that a body reads."""

    content_hash: str
    size: int


@asynccontextmanager
async def opened(path: Path, data: bytes = BYTES) -> AsyncIterator[FileBody]:
    """The body of a file that had ``data`` when it was scanned, and now has whatever is at ``path``."""
    row = cast("FileRow", Row(content_hash(data), len(data)))
    body = await open_body(inline_runner, str(path), row)
    try:
        yield body
    finally:
        body.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.bin"
    path.write_bytes(BYTES)
    return path


async def taken(body: FileBody, position: int, *, pieces: int = 100, into: bytearray | None = None) -> bytes:
    """The bytes of a part, or its first pieces; also ``into`` as far as they came."""
    part, data = await body.part(position), bytearray() if into is None else into
    if isinstance(part, bytes):
        return part
    for _ in range(pieces):
        data += await part.take()
    return bytes(data)


@pytest.mark.parametrize("position", [16, 17, 24, 31, 39, 40])
async def test_a_part_begins_anywhere_in_its_chunk(path: Path, position: int) -> None:
    async with opened(path) as body:
        body.chunk(0, 16)
        assert await taken(body, 0) == BYTES[:16]
        body.chunk(16, 40)
        assert await taken(body, 16, pieces=2) == BYTES[16:32]
        assert len(cast("FilePart", await body.part(position))) == 40 - position
        assert await taken(body, position) == BYTES[position:40]
        body.chunk(40, 50)
        assert not body.verified
        assert await taken(body, 40) == BYTES[40:]
        assert body.verified


async def test_a_file_of_one_piece_is_read_and_closed_at_once(path: Path) -> None:
    path.write_bytes(b"short")
    async with opened(path, b"short") as body:
        path.write_bytes(b"other")
        assert (await taken(body, 0), await taken(body, 2), body.verified) == (b"short", b"ort", True)


@pytest.mark.parametrize("now", [b"", b"othe", b"other", b"shorter"])
async def test_a_file_of_one_piece_that_is_another_is_not_opened(path: Path, now: bytes) -> None:
    path.write_bytes(now)
    with pytest.raises(ChangedWhileReadError):
        async with opened(path, b"short"):
            pass


@pytest.mark.parametrize(
    "now", [BYTES[:-1], BYTES[:32], b"", BYTES + b"!", BYTES[:-1] + b"!", b"!" + BYTES[1:]]
)
async def test_the_last_piece_of_a_file_that_is_another_is_not_given_out(path: Path, now: bytes) -> None:
    path.write_bytes(now)
    async with opened(path) as body:
        body.chunk(0, 50)
        given = bytearray()
        with pytest.raises(ChangedWhileReadError):
            await taken(body, 0, into=given)
        assert len(given) <= 48
        assert not body.verified
        assert isinstance(body.error, ChangedWhileReadError)


async def test_bytes_that_are_read_again_have_to_be_what_they_were(path: Path) -> None:
    """The service kept the begin of one version; the end of another must not follow, though that one is complete."""
    path.write_bytes(b"?" + BYTES[1:])
    async with opened(path) as body:
        body.chunk(0, 50)
        assert (await taken(body, 0, pieces=2))[:1] == b"?"
        path.write_bytes(BYTES)
        with pytest.raises(ChangedWhileReadError):
            await body.part(12)


async def test_what_the_service_has_already_is_held_against_the_file(path: Path) -> None:
    async with opened(path) as body:
        body.chunk(0, 24)
        await taken(body, 0, pieces=1)
        await body.finish()
        body.chunk(24, 50)
        await taken(body, 24, pieces=1)
        path.write_bytes(BYTES[:-1])
        with pytest.raises(ChangedWhileReadError):
            await body.finish()
