"""Stopping in two stages: the first signal ends the intake, the second ends the work.

Under `trio.open_signal_receiver` no KeyboardInterrupt can strike between two bytecodes; every stop is a
cancellation with a reason, and every exit leaves a ledger that ``recover`` finishes.
"""

import signal
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import TracebackType
from typing import Final

import trio

from objlib.core.advice import advise
from objlib.core.errors import Exit, ObjlibError
from objlib.core.events import Observer

GRACE: Final = 30.0
"""Seconds that the work in flight gets to finish after the first signal: most documents are ACTIVE by then."""


class InterruptedRun(ObjlibError):
    """Stopped by a signal before the end; nothing is lost."""

    exit_code = Exit.INTERRUPTED


class Drain:
    """The two scopes of a stop: code that takes in new work runs in :meth:`intake`, everything in :meth:`work`."""

    def __init__(self, observer: Observer, grace: float = GRACE) -> None:
        self._observer = observer
        self._grace = grace
        self.intakes: set[trio.CancelScope] = set()
        self._work = trio.CancelScope()
        self.requested = False

    def intake(self) -> "Intake":
        """A scope that the first stop cancels, so that the work in flight can finish."""
        return Intake(self)

    @contextmanager
    def work(self, *, changes: bool = True) -> Iterator[None]:
        """The scope around everything, which the second stop cancels; without an intake the first one does.

        Args:
            changes: whether the work changes anything, so that there may be something to finish.

        Raises:
            InterruptedRun: a stop cancelled it.
        """
        with self._work:
            yield
        if self._work.cancelled_caught:
            rest = f"; nothing is lost: the next upload, or `{advise('recover')}`, finishes it"
            raise InterruptedRun(f"interrupted{rest if changes else ''}")

    def stop(self, why: str = "") -> None:
        """Stop: the first call ends the intake and gives the work :data:`GRACE` seconds, the next one ends the work.

        ``why`` is for the user, where it was not they who interrupted the run.
        """
        if not self.requested and (self.intakes or why):
            cause = f", {why}" if why else ""
            self._observer.note(
                f"stopping{cause}: finishing what is in flight (interrupt again to stop at once)"
            )
        if not self.requested and self.intakes:
            for scope in tuple(self.intakes):
                scope.cancel(reason="a stop was requested")
            self._work.deadline = trio.current_time() + self._grace
        else:
            self._work.cancel(reason="a second stop was requested")
        self.requested = True


class Intake:
    """A cancel scope around code that takes in new work.

    A class with its own ``__exit__``, since a type checker takes a generator's context manager for one that never
    swallows an exception.
    """

    def __init__(self, drain: Drain) -> None:
        self._drain = drain
        self._scope = trio.CancelScope()

    def __enter__(self) -> trio.CancelScope:
        scope = self._scope.__enter__()
        self._drain.intakes.add(scope)
        if self._drain.requested:
            scope.cancel(reason="a stop was requested")
        return scope

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._drain.intakes.discard(self._scope)
        return bool(self._scope.__exit__(kind, error, trace))


@asynccontextmanager
async def stop_on_signals(
    observer: Observer, grace: float = GRACE, *, listen: bool = True
) -> AsyncIterator[Drain]:
    """A drain that SIGINT and SIGTERM stop if it is to ``listen``. Outside the main thread it gets no signal."""
    drain = Drain(observer, grace)
    async with trio.open_nursery() as nursery:
        if listen and threading.current_thread() is threading.main_thread():
            await nursery.start(_listen, drain)
        yield drain
        nursery.cancel_scope.cancel(reason="the run is over")


async def _listen(drain: Drain, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for _ in signals:
            drain.stop()
