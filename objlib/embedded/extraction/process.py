"""The service's end of a reader process: it is started for the first document, and killed past a limit."""

import subprocess
import sys
from contextlib import suppress
from typing import Final

import msgspec
import trio

from objlib.core.library.decode import UnreadableError
from objlib.core.library.mime import is_text_type
from objlib.embedded.extraction.child import TOO_MUCH_MEMORY
from objlib.embedded.extraction.frames import (
    BATCH,
    DEFAULT_CHUNKING,
    LENGTH,
    MAX_FRAME,
    Answer,
    Chunking,
    ExtractedPassage,
    ExtractionFailure,
    Outline,
    Passages,
    ReadRequest,
    decode_answer,
    frame,
)
from objlib.embedded.text.extract import EXTRACTORS, kind_of

READ_SECONDS: Final = 60.0
"""Seconds for which a reader may work on one document, its start included."""
READ_MEMORY: Final = 2 * 1024**3
"""Bytes of address space of a reader: ten times the largest document, and twice what that takes."""
IN_PROCESS: Final = 128 * 1024
"""Bytes up to which plain text is read without a reader: a few milliseconds in linear time."""
_LINEAR: Final = frozenset({"text/markdown", "text/x-markdown", "text/x-r-markdown"})
"""Formats beside plain text whose reading is linear."""
KILL_SECONDS: Final = 5.0
"""Seconds that the system gets to end a killed process."""
_WRITE: Final = 1024 * 1024
"""Bytes of one write to a reader."""


def needs_reader(mime_type: str, name: str, size: int, chunking: Chunking = DEFAULT_CHUNKING) -> bool:
    """Whether a document is read in a process of its own: everything but short plain text in few passages."""
    kind, _ = kind_of(mime_type, name)
    plain = kind in _LINEAR or (is_text_type(kind) and kind not in EXTRACTORS)
    # A word has two bytes at least, and a passage begins after each step of them.
    many = chunking.words and size > 2 * BATCH * (chunking.words - chunking.overlap)
    return size > IN_PROCESS or not plain or bool(many)


class ReadError(UnreadableError):
    """The document was not read; ``status`` is the canonical code of its operation's error."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class ReaderProcess:
    """A reader, alive from its first document to a document past the limits, or to :meth:`close`.

    One document at a time: :meth:`begin`, then :meth:`batch` until it gives nothing.
    """

    def __init__(self, seconds: float = READ_SECONDS, memory: int = READ_MEMORY) -> None:
        self._seconds = seconds
        self._memory = memory
        self._process: trio.Process | None = None
        self._buffer = bytearray()
        self._time_left = seconds

    async def begin(self, parts: list[bytes], mime_type: str, name: str, chunking: Chunking) -> Outline:
        """Read a document as far as its outline. Its bytes come in ``parts``, a list that is empty afterwards.

        Raises:
            ReadError: it cannot be read, or not within the limits.
        """
        self._time_left = self._seconds
        if self._process is None or self._process.poll() is not None:
            await self.close()
            self._process = await self._start()
        request = frame(ReadRequest(sum(map(len, parts)), mime_type, name, chunking))
        answer = await self._ask(request, parts)
        if not isinstance(answer, Outline):
            raise await self._broken()
        return answer

    async def batch(self) -> list[ExtractedPassage]:
        """The next passages; none after the last.

        Raises:
            ReadError: the rest cannot be read within the limits.
        """
        answer = await self._ask(b"", [])
        if not isinstance(answer, Passages):
            raise await self._broken()
        return answer.items

    async def close(self) -> None:
        """End the process, whatever it does."""
        process, self._process = self._process, None
        self._buffer.clear()
        if process is None:
            return
        with trio.CancelScope(shield=True), trio.move_on_after(KILL_SECONDS):
            with suppress(OSError):
                process.kill()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    await trio.aclose_forcefully(stream)
            await process.wait()

    async def _start(self) -> trio.Process:
        module = "objlib.embedded.extraction.child"
        command = [sys.executable, "-m", module, str(self._memory), str(int(self._seconds))]
        return await trio.lowlevel.open_process(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    async def _ask(self, request: bytes, parts: list[bytes]) -> Answer:
        """Write, and read one answer, in the time that is left for this document."""
        started = trio.current_time()
        answer: Answer | None = None
        try:
            with trio.move_on_after(self._time_left) as scope:
                answer = await self._exchange(request, parts)
        except BaseException:
            with trio.move_on_after(KILL_SECONDS, shield=True):
                await self.close()  # a cancelled exchange leaves half a frame behind
            raise
        self._time_left -= trio.current_time() - started
        if scope.cancelled_caught:
            await self.close()
            reason = f"Reading it took more than {self._seconds:g} seconds. Split it, or save it as text."
            raise ReadError("INVALID_ARGUMENT", reason)
        if answer is None:
            raise await self._broken()
        if isinstance(answer, ExtractionFailure):
            if answer.reason == TOO_MUCH_MEMORY:
                await self.close()  # its memory is in pieces
            raise ReadError(answer.status, answer.reason)
        return answer

    async def _exchange(self, request: bytes, parts: list[bytes]) -> Answer | None:
        """The answer; None when the reader ends instead, or answers what no reader may."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        parts.reverse()
        try:
            if request:
                await process.stdin.send_all(request)
            while parts:  # each is gone once it is sent: the reader has it now
                await process.stdin.send_all(parts.pop())
            size = LENGTH.unpack(await self._bytes(LENGTH.size))[0]
            return decode_answer(await self._bytes(size)) if size <= MAX_FRAME else None
        except (trio.BrokenResourceError, EOFError, msgspec.DecodeError):
            return None

    async def _bytes(self, count: int) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        while len(self._buffer) < count:
            data = await self._process.stdout.receive_some(_WRITE)
            if not data:
                raise EOFError
            self._buffer += data
        out = bytes(self._buffer[:count])
        del self._buffer[:count]
        return out

    async def _broken(self) -> ReadError:
        """The error of a reader that ended, or answered out of turn."""
        await self.close()
        return ReadError(
            "INVALID_ARGUMENT", "Its reader ended unexpectedly: the document is damaged, or too large for it."
        )
