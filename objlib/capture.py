"""Taking an error out of a block, to deal with it where it does no harm."""

from contextlib import AbstractContextManager
from types import TracebackType


class CapturedError(AbstractContextManager["CapturedError", bool]):
    """``with CapturedError() as captured:`` ends normally whatever the block raises; see ``captured.error``.

    It captures even Cancelled, so its user has to raise the error again, or to hand it to a task that waits
    for nothing else.
    """

    error: BaseException | None = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.error = error
        return True

    def reraise(self) -> None:
        """Raise the captured error, if any."""
        error, self.error = self.error, None
        if error is not None:
            raise error
