"""Pattern 4: a signal while five writes are in flight, with the shipped drain and the shipped ledger."""

import math
import signal
import sqlite3
import statistics
import threading
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import trio
import trio.testing

from objlib.core.events import Observer
from objlib.core.ids import new_id
from objlib.core.lifecycle.table import State
from objlib.engine.shutdown import stop_on_signals
from objlib.engine.upload.run import upload
from objlib.ledger import open_ledger
from objlib.testing.actions import Delay
from objlib.testing.databases import raw
from objlib.testing.faults import Faults
from spike.evidence import Seen
from spike.phase9_spike.bench import gauge
from spike.phase9_spike.db import init_spike_db
from spike.phase18_spike.connections import INSERT
from spike.phase18_spike.product import opened

T = TypeVar("T")

WRITES: Final = 5
WANTED: Final = 12
"""How many there would be without a stop."""
ROUNDS: Final = 5
LIMIT: Final = 0.1
"""Seconds from the signal until everything is closed, at the median of a set of rounds."""
SETS: Final = 3
"""How often a set is measured when its median was above the limit: a machine that was busy proves nothing."""
WRITE_SECONDS: Final = 0.002


class Noticing(Observer):
    """Tells a thread that the drain has been asked to stop."""

    def __init__(self) -> None:
        self.noticed = threading.Event()

    def note(self, message: str) -> None:
        """Record the message of the drain when it stops the intake."""
        self.noticed.set()


async def five_in_flight(folder: Path) -> Seen:
    """SIGINT out of the middle of a transaction, five writes in flight and seven to come. Real time."""
    latencies: list[float] = []
    median = math.inf
    for _ in range(SETS):
        for _ in range(ROUNDS):
            sent, rows, latency, leaked = await _stopped(folder, signalled=True)
            latencies.append(latency)
            if sent != rows or len(rows) != WRITES or leaked:
                return False, f"sent {len(sent)}, on disk {len(rows)}, left open {leaked}"
        median = statistics.median(latencies[-ROUNDS:])
        if median < LIMIT:
            break
    listed = ", ".join(f"{latency * 1e3:.0f}" for latency in latencies)
    return median < LIMIT, (
        f"{WRITES} of {WRITES} writes complete in each of {len(latencies)} rounds, 0 sent after, 0 left open; "
        f"median {median * 1e3:.0f} ms from signal to closed ({listed})"
    )


async def without_a_stop_all_are_sent(folder: Path) -> Seen:
    """The control: the same pump without a signal sends everything, so it was the signal that stopped it."""
    sent, rows, _, leaked = await _stopped(folder, signalled=False)
    return len(rows) == WANTED and sent == rows and not leaked, f"{len(rows)} of {WANTED} sent and on disk"


async def _stopped(folder: Path, *, signalled: bool) -> tuple[set[str], set[str], float, int]:
    """(keys sent, keys on disk, seconds from signal to closed, connections and descriptors left)."""
    db = folder / f"{new_id()}.db"
    await init_spike_db(db)
    limiter = trio.CapacityLimiter(1)
    before = gauge(folder, limiter)
    sent: set[str] = set()
    struck = [0.0]
    slots = trio.CapacityLimiter(WRITES)
    observer, all_away = Noticing(), threading.Event()

    async def runner(fn: Callable[[], T], /) -> T:
        return await trio.to_thread.run_sync(fn, limiter=limiter)

    def insert(conn: sqlite3.Connection, key: str) -> None:
        conn.execute(INSERT, (key, key))
        if signalled and not struck[0]:
            assert all_away.wait(10), "the five never came together"
            struck[0] = time.perf_counter()
            signal.raise_signal(signal.SIGINT)
            # The transaction stays open until the program knows: whatever it sends from now on is sent after.
            assert observer.noticed.wait(10), "the signal never arrived"
        time.sleep(WRITE_SECONDS)

    async with stop_on_signals(observer) as drain, open_ledger(db, runner=runner) as ledger:

        async def write(key: str) -> None:
            try:
                await raw(ledger).write(partial(insert, key=key))
            finally:
                slots.release_on_behalf_of(key)

        with drain.work():
            async with trio.open_nursery() as nursery:
                with drain.intake():
                    for number in range(WANTED):
                        key = f"write {number}"
                        await slots.acquire_on_behalf_of(key)
                        sent.add(key)
                        if len(sent) == WRITES:
                            all_away.set()
                        nursery.start_soon(write, key)
    latency = time.perf_counter() - struck[0]
    after = gauge(folder, limiter)
    leaked = (after.connections - before.connections) + (after.descriptors - before.descriptors)
    rows = await trio.to_thread.run_sync(partial(_written, db))
    return sent, rows, latency, leaked


def _written(db: Path) -> set[str]:
    with closing(sqlite3.connect(db)) as conn:
        return {key for (key,) in conn.execute("SELECT key FROM settings WHERE key LIKE 'write %'")}


class Gate:
    """A runner at which each call waits until it is let through."""

    def __init__(self) -> None:
        self._open = trio.Event()
        self.waiting = trio.Event()
        self.shut = False

    async def __call__(self, fn: Callable[[], T], /) -> T:
        """Wait for the gate, and run."""
        if self.shut:
            self.waiting.set()
            await self._open.wait()
        return await trio.to_thread.run_sync(fn)

    def let_one_through(self) -> None:
        """Release the waiting tasks; the next one has to wait again."""
        let, self._open, self.waiting = self._open, trio.Event(), trio.Event()
        let.set()


async def the_hard_stop(folder: Path) -> Seen:
    """A cancellation with five writes taken and three that wait: five on disk, three never happened."""
    db = folder / f"{new_id()}.db"
    await init_spike_db(db)
    gate, returned = Gate(), set[str]()

    async with open_ledger(db, runner=gate) as ledger:

        async def write(key: str) -> None:
            await raw(ledger).write(lambda conn: conn.execute(INSERT, (key, key)))
            returned.add(key)

        gate.shut = True
        async with trio.open_nursery() as nursery:
            nursery.start_soon(write, "write first")
            await gate.waiting.wait()
            for number in range(WRITES):
                nursery.start_soon(write, f"write {number}")
            await trio.testing.wait_all_tasks_blocked()
            gate.let_one_through()
            await gate.waiting.wait()
            for number in range(3):
                nursery.start_soon(write, f"write late {number}")
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel(reason="a second stop")
            gate.shut = False
            gate.let_one_through()
    rows = await trio.to_thread.run_sync(partial(_written, db))
    expected = {"write first"} | {f"write {number}" for number in range(WRITES)}
    return (
        rows == returned == expected,
        f"{len(rows) - 1} of {WRITES} taken are on disk, {3 - len(rows - expected)} of 3 waiting withdrawn",
    )


async def the_products_gate(folder: Path) -> Seen:
    """An upload of twelve files is stopped at its fifth: what is in flight is finished, no other is begun."""
    faults = Faults(script=lambda kind, _number: Delay(0.05) if kind == "send" else None)
    begun_then: list[int] = []
    async with opened(folder, faults, files=WANTED, max_uploads=WRITES) as app:
        stopped_at = [0.0]

        def stop(kind: str) -> None:
            if kind == "send" and faults.count["send"] == WRITES:
                begun_then.append(app.governor.uploads.borrowed_tokens)
                stopped_at[0] = trio.current_time()
                app.drain.stop()

        faults.before = stop
        report = await upload(app)
        finished = trio.current_time()
        counts = await app.ledger.files.counts(now=app.ledger.now())
    starts_after = [
        request for request in faults.history if request.kind == "start" and request.moment > stopped_at[0]
    ]
    half = counts.states[State.UPLOADING] + counts.states[State.PROCESSING]
    indexed, rest = counts.states[State.INDEXED], counts.states[State.UNTRACKED]
    passed = (
        report.stopped == "interrupted"
        and not starts_after
        and half == 0
        and indexed >= WRITES
        and indexed == faults.count["start"]
        and indexed + rest == WANTED
    )
    return passed, (
        f"{begun_then[0]} uploads in flight at the stop; {indexed} of {WANTED} indexed, {rest} untouched, {half} half "
        f"done, {len(starts_after)} begun after; {(finished - stopped_at[0]) * 1e3:.0f} ms of virtual time"
    )
