"""The applications that the calls of one open library work with: one for each run, and one that all look-ups share."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import trio

from objlib.core.config.settings import Settings
from objlib.core.errors import ObjlibError, leaves
from objlib.core.events import Observer
from objlib.engine.app import App, Overrides
from objlib.engine.bootstrap.open_app import Command, open_app
from objlib.engine.shutdown import Drain

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Shared:
    """An application that look-ups share, the scope that keeps it open, and the sign that it is closed."""

    app: App
    scope: trio.CancelScope
    closed: trio.Event


class OpenApps:
    """Opens applications for calls, and closes those that are shared with the nursery of the library.

    Attributes:
        observer: hears of each run that names none of its own.
    """

    def __init__(
        self, settings: Settings, observer: Observer, overrides: Overrides, tasks: trio.Nursery
    ) -> None:
        self.observer = observer
        self.overrides = overrides
        self._settings = settings
        self._tasks = tasks
        self._shared: dict[Command, _Shared] = {}
        self._opening = trio.Lock()
        self._running: set[Drain] = set()
        self._stops = 0

    def stop(self) -> None:
        """Stop the runs in progress, those too that are being opened: the first call drains, the next one ends."""
        self._stops += 1
        for drain in tuple(self._running):
            drain.stop()

    async def run(
        self, command: Command, work: Callable[[App], Awaitable[T]], observer: Observer | None = None
    ) -> T:
        """Open the application for one command, do ``work`` with it, and close it again."""
        stops = self._stops
        with one_error():
            async with open_app(
                self._settings, command, observer=observer or self.observer, overrides=self.overrides
            ) as app:
                self._running.add(app.drain)
                for _ in range(self._stops - stops):  # asked for while it was opened
                    app.drain.stop()
                try:
                    return await work(app)
                finally:
                    self._running.discard(app.drain)
        raise AssertionError("either the work returned or an error was raised")

    async def share(self, command: Command) -> App:
        """The application that all calls of a command that records nothing share, open until the library is closed.

        It lives in a task of its own: a nursery is left by the task that entered it, and a call may come from any.
        """
        async with self._opening:
            if command not in self._shared:
                self._shared[command] = await self._tasks.start(self._keep_open, command)
        app = self._shared[command].app
        app.retrier.reset()
        return app

    def shared(self, command: Command) -> App | None:
        """The application that the calls of a command share; None where none has been opened yet."""
        return self._shared[command].app if command in self._shared else None

    async def close_shared(self) -> None:
        """Close the applications that look-ups share, after their ledger was put aside; the next one opens anew."""
        async with self._opening:
            while self._shared:
                _, shared = self._shared.popitem()
                shared.scope.cancel(reason="its ledger was put aside")
                await shared.closed.wait()

    async def _keep_open(
        self, command: Command, task_status: "trio.TaskStatus[_Shared]" = trio.TASK_STATUS_IGNORED
    ) -> None:
        closed = trio.Event()
        try:
            with one_error(), trio.CancelScope() as scope:
                async with open_app(
                    self._settings, command, observer=self.observer, overrides=self.overrides
                ) as app:
                    task_status.started(_Shared(app, scope, closed))
                    await trio.sleep_forever()
        finally:
            closed.set()


@contextmanager
def one_error() -> Iterator[None]:
    """Raise the error that a command line would print instead of the group that nurseries make of it."""
    try:
        yield
    except BaseExceptionGroup as group:
        errors = list(leaves(group))
        if all(isinstance(error, ObjlibError) for error in errors):
            raise errors[0] from None
        raise
