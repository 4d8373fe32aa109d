"""The connections that wait for bytes of their clients: the longest silent one gives way to a new one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import trio

READ: Final = 256 * 1024
"""Most bytes of one read from a socket."""


class SilentConnections:
    """All waits for bytes, the oldest first.

    Args:
        most: connections at once; beyond it the one that has been silent for the longest time is closed.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._open = 0
        self._waits: dict[trio.CancelScope, bool] = {}
        self._stopping = False

    @contextmanager
    def room(self) -> Iterator[None]:
        """Count one connection for the length of the block, and make room for it where there is none."""
        self._open += 1
        try:
            if self._open > self._most and self._waits:
                oldest = next(iter(self._waits))
                del self._waits[oldest]
                oldest.cancel(reason="a new connection needs the place")
            yield
        finally:
            self._open -= 1

    async def read(
        self, stream: trio.abc.ReceiveStream, deadline: float, *, idle: bool = False
    ) -> bytes | None:
        """Read bytes of a client, none at its end.

        Returns:
            None when the deadline comes first, or when the connection has to go.
        """
        if self._stopping and idle:
            return None
        with trio.CancelScope(deadline=deadline) as scope:
            self._waits[scope] = idle
            try:
                return bytes(await stream.receive_some(READ))
            finally:
                self._waits.pop(scope, None)
        return None

    def close_idle(self) -> None:
        """Close every connection without a request, those that become idle later too."""
        self._stopping = True
        for scope, idle in self._waits.items():
            if idle:
                scope.cancel(reason="the server stops")
