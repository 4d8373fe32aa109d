"""A table of simulated processes: several runs in one real process, each with its own pid and host name.

Runs ask the operating system whether another run is alive (``os.kill(pid, 0)``) and for the host name. Here a
table answers, by the task that asks. So other runs see a death at once, and a death on another host only when its
heartbeat has stopped.
"""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from unittest import mock


@dataclass(eq=False, slots=True)
class Process:
    """One simulated process."""

    pid: int
    host: str
    alive: bool = True


@dataclass
class ProcessTable:
    """The processes of a simulated world; their pids are above those of real systems."""

    processes: dict[int, Process] = field(default_factory=dict)
    _current: ContextVar[Process | None] = field(
        default_factory=lambda: ContextVar("process", default=None), init=False
    )

    def spawn(self, host: str) -> Process:
        """Add a process, without a task yet."""
        process = Process(2**24 + len(self.processes), host)
        self.processes[process.pid] = process
        return process

    def become(self, process: Process) -> None:
        """Make the calling task, and every task that it starts from now on, part of ``process``."""
        self._current.set(process)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Patch the system calls of this Python process to read the table while open."""
        real_pid, real_kill, real_node = os.getpid, os.kill, platform.node

        def getpid() -> int:
            process = self._current.get()
            return real_pid() if process is None else process.pid

        def kill(pid: int, signal: int, /) -> None:
            if pid not in self.processes:
                real_kill(pid, signal)
            elif not self.processes[pid].alive:
                raise ProcessLookupError(pid)

        def node() -> str:
            process = self._current.get()
            return real_node() if process is None else process.host

        with (
            mock.patch.object(os, "getpid", new=getpid),
            mock.patch.object(os, "kill", new=kill),
            mock.patch.object(platform, "node", new=node),
        ):
            yield
