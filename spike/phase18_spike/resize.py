"""Pattern 3: the number of uploads in flight is changed while they run, on the governor's own limiter."""

import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import trio

from objlib.core.events import Observer
from objlib.engine.requests.governor import open_governor
from spike.evidence import Seen

ITEMS: Final = 20
WIDE, NARROW, AGAIN = 10, 2, 8
SECONDS: Final = 0.03
"""Seconds of work for one item."""


@dataclass(slots=True)
class Stream:
    """Items that take tokens the way the pump does, and what was seen of them.

    Attributes:
        limiter: the governor's own.
        phase: what the peak in flight is kept under; not while it drains.
        peaks: most items in flight, by phase.
        finished: numbers of the items that are done, in order.
        full: set when ten are in flight.
        drained: set when two are, after the change.
        wider: when a third one started, after the second change.
    """

    limiter: trio.CapacityLimiter
    phase: str = "wide"
    in_flight: int = 0
    peaks: dict[str, int] = field(default_factory=dict)
    finished: list[int] = field(default_factory=list)
    full: trio.Event = field(default_factory=trio.Event)
    drained: trio.Event = field(default_factory=trio.Event)
    two_more: trio.Event = field(default_factory=trio.Event)
    wider: float = math.inf

    async def pump(self, nursery: trio.Nursery) -> None:
        """A token before each task, so that tasks never outnumber tokens; the caller's nursery is theirs."""
        for number in range(ITEMS):
            await self.limiter.acquire_on_behalf_of(number)
            nursery.start_soon(self.item, number)

    async def item(self, number: int) -> None:
        """One item, which gives its token back whatever happens."""
        try:
            self._started()
            await trio.sleep(SECONDS)
            self.finished.append(number)
        finally:
            self.in_flight -= 1
            self.limiter.release_on_behalf_of(number)
            if self.phase == "draining" and self.in_flight <= NARROW:
                # Here and not in the waiting task: the next item may start in the same tick.
                self.phase = "narrow"
                self.drained.set()
            elif self.phase == "narrow" and len(self.finished) >= WIDE + NARROW:
                self.two_more.set()

    def _started(self) -> None:
        self.in_flight += 1
        if self.phase != "draining":
            self.peaks[self.phase] = max(self.peaks.get(self.phase, 0), self.in_flight)
        if self.in_flight == WIDE:
            self.full.set()
        if self.phase == "again" and self.in_flight == NARROW + 1:
            self.wider = min(self.wider, time.perf_counter())


async def ten_two_eight(_folder: Path) -> Seen:
    """Twenty items, 10 tokens to 2 in midstream and back to 8. Real time."""
    async with open_governor(WIDE, Observer()) as governor, trio.open_nursery() as nursery:
        stream = Stream(governor.uploads)
        stream.limiter.total_tokens = WIDE
        nursery.start_soon(stream.pump, nursery)
        await stream.full.wait()
        stream.phase, began = "draining", time.perf_counter()
        stream.limiter.total_tokens = NARROW
        setting = time.perf_counter() - began
        overdrawn, at_change = stream.limiter.available_tokens, stream.in_flight
        await stream.drained.wait()
        narrow = time.perf_counter() - began
        await stream.two_more.wait()
        stream.phase, began = "again", time.perf_counter()
        stream.limiter.total_tokens = AGAIN
    wider = stream.wider - began
    done, peaks = len(stream.finished), [stream.peaks.get(phase, 0) for phase in ("wide", "narrow", "again")]
    lost = ITEMS - len(set(stream.finished))
    passed = (
        (lost, done) == (0, ITEMS)
        and peaks[0] == at_change == WIDE
        and 0 < peaks[1] <= NARROW < peaks[2] <= AGAIN
        and wider < 0.5
    )
    return passed, (
        f"{done} of {ITEMS} done, {lost} lost; in flight at most {peaks[0]}, then {peaks[1]}, then {peaks[2]}; at the "
        f"change {at_change} ran on with {overdrawn} tokens available; the setter took {setting * 1e6:.0f} us, down to "
        f"{NARROW} after {narrow * 1e3:.0f} ms (an item takes {SECONDS * 1e3:.0f}), up after {wider * 1e3:.1f} ms"
    )


async def zero_parks_everyone(_folder: Path) -> Seen:
    """No tokens is a pause: running items finish, none starts, and all start when it ends. Virtual time."""
    starts: list[float] = []
    async with open_governor(4, Observer()) as governor, trio.open_nursery() as nursery:
        limiter = governor.uploads
        limiter.total_tokens = 4

        async def item(number: int) -> None:
            async with limiter:
                starts.append(trio.current_time())
                await trio.sleep(1)

        began = trio.current_time()
        for number in range(8):
            nursery.start_soon(item, number)
        await trio.sleep(0.5)
        limiter.total_tokens = 0
        await trio.sleep(9.5)
        running = limiter.borrowed_tokens
        parked = limiter.statistics().tasks_waiting
        limiter.total_tokens = 4
    moments = [round(start - began, 3) for start in starts]
    passed = moments == [0.0] * 4 + [10.0] * 4 and running == 0 and parked == 4
    return passed, f"{running} running and {parked} parked after 10 s; starts at {sorted(set(moments))} s"
