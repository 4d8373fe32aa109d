"""A token of a limiter that one task holds for another: taken before the task exists, returned by it."""

from types import TracebackType
from typing import Self

import trio

from objlib.core.ids import FileId


class HeldToken:
    """One token of a limiter, held for a file; a context manager returns it, or :meth:`release` does so earlier."""

    def __init__(self, limiter: trio.CapacityLimiter, file_id: FileId) -> None:
        self._limiter = limiter
        self._file_id = file_id
        self._held = True

    @classmethod
    async def acquire(cls, limiter: trio.CapacityLimiter, file_id: FileId) -> Self:
        """Wait for a token, and hold it."""
        await limiter.acquire_on_behalf_of(file_id)
        return cls(limiter, file_id)

    def release(self) -> None:
        """Return the token; a second call does nothing."""
        if self._held:
            self._held = False
            self._limiter.release_on_behalf_of(self._file_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
