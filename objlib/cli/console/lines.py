"""The lines of standard input, read so that a signal or the end of the work need not wait for the next one."""

import os
import sys
from typing import Final

import trio

from objlib.cli.console.errors import write_stderr

_PIECE: Final = 65536
"""Bytes read at once; a terminal gives one line."""


class InputLines:
    """The lines of standard input.

    Args:
        prompt: written to stderr before each line; empty where the input is no terminal.
    """

    def __init__(self, prompt: str = "") -> None:
        self._prompt = prompt
        self._pending = b""
        self._ended = sys.stdin is None

    async def read(self) -> str | None:
        """The next line without its end; None once there is none."""
        if self._prompt:
            write_stderr(self._prompt)
        while b"\n" not in self._pending and not self._ended:
            piece = await _read(sys.stdin.fileno())
            self._pending += piece
            self._ended = not piece
        if not self._pending:
            return None
        line, _, self._pending = self._pending.partition(b"\n")
        return line.removesuffix(b"\r").decode(errors="replace")


async def _read(file: int) -> bytes:
    if sys.platform == "win32":  # where only sockets can be waited for
        return await trio.to_thread.run_sync(os.read, file, _PIECE, abandon_on_cancel=True)
    try:
        await trio.lowlevel.wait_readable(file)
    except PermissionError:  # a regular file is always readable, and the poll refuses it
        await trio.lowlevel.checkpoint()
    return os.read(file, _PIECE)
