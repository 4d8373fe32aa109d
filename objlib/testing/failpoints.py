"""Failpoints: numbered points at which a run dies or freezes.

:class:`Failpoints` stands between a run and everything that outlives it: the disk (the Runner of all blocking
calls) and the service (the ASGI app). Each call through it passes *points*, numbered in order. After a death
nothing passes in either direction, so that unwinding (``finally`` blocks, shields, the record of the run's end)
leaves no trace, as after SIGKILL.
"""

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

import trio
from starlette.types import ASGIApp, Receive, Scope, Send

from objlib.sqlite.group_commit import perform
from objlib.threads import Runner, inline_runner

T = TypeVar("T")

EXIT_STATUS: Final = 113
"""Exit status of a child process that dies at a point; no command uses it."""


class Died(BaseException):
    """The process is dead; not an Exception, so that no error handler catches it."""


def die_for_real() -> None:
    """End this process at once: no ``finally``, no flush, no atexit."""
    os._exit(EXIT_STATUS)


@dataclass
class Failpoints:
    """The points of one run.

    Attributes:
        die_at: number of the point at which the run dies, from 1; None to live.
        freeze_at: number of the point at which it freezes, as by SIGSTOP or a closed lid.
        on_death: called at a death; a child process passes :func:`die_for_real`.
        points: number of points passed by kind: ``before commit``, ``after commit``, ``before work``,
            ``after work`` (files and everything else that blocks), ``send`` and ``answer``.
        where: kind of the point at which it died or froze.
    """

    die_at: int | None = None
    freeze_at: int | None = None
    on_death: Callable[[], None] = lambda: None
    runner: Runner = inline_runner
    points: Counter[str] = field(default_factory=Counter)
    dead: bool = False
    where: str = ""
    frozen: trio.Event = field(default_factory=trio.Event)
    _thaw: trio.Event | None = field(default=None, init=False)

    @property
    def passed(self) -> int:
        """Number of points passed so far."""
        return self.points.total()

    async def run(self, fn: Callable[[], T], /) -> T:
        """Run a blocking call: the Runner to give to the run."""
        kind = _kind(fn)
        if kind is None:  # a read of the ledger: dying before it is the same as dying at the point before
            await self._alive()
            return await self.runner(fn)
        await self.point(f"before {kind}")
        result = await self.runner(fn)
        try:
            await self.point(f"after {kind}")
        except Died:
            # The system closes what a dead process had open.
            close = getattr(result, "close", None)
            if callable(close):
                close()
            raise
        return result

    def app(self, inner: ASGIApp) -> ASGIApp:
        """Wrap the service's app for the run."""

        async def passage(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                await self.point("send")
            try:
                await inner(scope, receive, send)
            finally:
                # A dead process gets no answer, not even a broken connection.
                if self.dead:
                    raise Died
            if scope["type"] == "http":
                await self.point("answer")

        return passage

    async def point(self, kind: str) -> None:
        """Pass a point, or die or freeze at it."""
        await self._alive()
        self.points[kind] += 1
        if self.passed == self.die_at:
            self.dead, self.where = True, kind
            self.on_death()
            raise Died
        if self.passed == self.freeze_at:
            self.where = kind
            self._thaw = trio.Event()
            self.frozen.set()
        await self._alive()

    def thaw(self) -> None:
        """Resume a frozen run, as by SIGCONT."""
        if self._thaw is not None:
            self._thaw.set()
            self._thaw = None

    async def _alive(self) -> None:
        if self._thaw is not None:
            # Shielded: a stopped process does not notice that it is cancelled either.
            with trio.CancelScope(shield=True):
                await self._thaw.wait()
        if self.dead:
            raise Died


def _kind(fn: Callable[[], object]) -> str | None:
    if isinstance(fn, partial) and fn.func is perform:
        return "commit" if any(op.writes for op in fn.args[-1]) else None
    return "work"
