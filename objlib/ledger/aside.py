"""Taking an error out of a block, to deal with it where it does no harm."""

from contextlib import AbstractContextManager
from types import TracebackType


class CapturedError(AbstractContextManager["CapturedError", bool]):
    """``with CapturedError() as aside:`` ends normally whatever the block raises; the error is in ``aside.error``.

    Even Cancelled is put aside, so whoever uses this has to raise it again, or to hand it to a task that
    waits for nothing else.
    """

    error: BaseException | None = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.error = error
        return True

    def reraise(self) -> None:
        """Raise the error that was put aside, if any."""
        error, self.error = self.error, None
        if error is not None:
            raise error
