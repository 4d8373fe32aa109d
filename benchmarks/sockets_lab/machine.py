"""How busy the machine was while it was measured: what real time is worth depends on it."""

import os
import resource
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio

EVERY = 0.05


@dataclass
class Machine:
    """Watches the machine: a late timer shows that it is busy."""

    began: float = field(default_factory=time.monotonic)
    late: list[float] = field(default_factory=list)
    loads: list[float] = field(default_factory=list)

    async def watch(self) -> None:
        """Sleep, and note how much longer it took."""
        while True:
            began = time.monotonic()
            await trio.sleep(EVERY)
            self.late.append(time.monotonic() - began - EVERY)
            if hasattr(os, "getloadavg") and len(self.late) % 100 == 1:
                self.loads.append(os.getloadavg()[0])

    def __str__(self) -> str:
        """One line for the end of a table."""
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        took = time.monotonic() - self.began
        late = sorted(self.late)
        p50, p99 = (1000 * late[int(part * (len(late) - 1))] for part in (0.5, 0.99))
        cores = (used.ru_utime + used.ru_stime) / took
        load = f"load {min(self.loads):.1f} to {max(self.loads):.1f}; " if self.loads else ""
        return (
            f"{took:.0f} s on {os.cpu_count()} processors, of which this kept {cores:.2f} busy; {load}"
            f"timers were late by {p50:.1f} ms (median), {p99:.0f} ms (p99), {1000 * late[-1]:.0f} ms (worst)"
        )


@asynccontextmanager
async def watching() -> AsyncIterator[Machine]:
    """Watch the machine while open."""
    machine = Machine()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(machine.watch)
        yield machine
        nursery.cancel_scope.cancel()
