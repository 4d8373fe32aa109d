"""Transitions per second of each candidate at 1, 10 and 100 tasks, all with ``synchronous = FULL``.

Each measurement has a new database of untracked files and takes one transition of each. Candidates take turns, round
after round, so that a slow minute of the machine's disk hits all of them; the median of the rounds is shown.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trio

from objlib.core.lifecycle.table import Event, State
from objlib.ledger import FileRow, Ledger, open_ledger
from spike.phase9_spike import old_design
from spike.phase9_spike.adapters.base import take
from spike.phase9_spike.adapters.statemachine_adapter import StateMachineAdapter
from spike.phase9_spike.adapters.transitions_adapter import TransitionsAdapter
from spike.phase9_spike.candidates import CANDIDATES, MakeAnywhere
from spike.phase9_spike.db import make_spike_db, peek
from spike.phase9_spike.event_log import EventCollector
from spike.phase9_spike.integration.scaffold import FileLockManager, FileTransitionManager

TASKS: Final = (1, 10, 100)

Measure = Callable[[Path, list[str], int], float]
"""Measures one transition of each file of a database by a number of tasks, in seconds."""


async def _ledger(db: Path, tasks: int) -> float:
    async with open_ledger(db) as ledger:
        rows = await ledger.files.page(limit=1_000_000)

        async def work(mine: list[FileRow]) -> None:
            for row in mine:
                await take(ledger, row, Event.START_UPLOAD)

        return await _timed(work, rows, tasks)


async def _managed(db: Path, tasks: int) -> float:
    async with open_ledger(db) as ledger:
        rows = await ledger.files.page(limit=1_000_000)
        manager = _manager(ledger)

        async def work(mine: list[FileRow]) -> None:
            for row in mine:
                await manager.trigger(row.file_id, Event.START_UPLOAD)

        return await _timed(work, rows, tasks)


def _manager(ledger: Ledger) -> FileTransitionManager:
    return FileTransitionManager(ledger, CANDIDATES["handrolled"].make, EventCollector(), FileLockManager())


async def _timed(work: Callable[[list[FileRow]], Awaitable[None]], rows: list[FileRow], tasks: int) -> float:
    began = time.perf_counter()
    async with trio.open_nursery() as nursery:
        for number in range(tasks):
            nursery.start_soon(work, rows[number::tasks])
    return time.perf_counter() - began


@dataclass(frozen=True, slots=True)
class Design:
    """One way to take a transition, and how many are taken in a measurement at 1, 10 and 100 tasks."""

    name: str
    measure: Measure
    amounts: tuple[int, int, int]


def _trio(main: Callable[[Path, int], Awaitable[float]]) -> Measure:
    def measure(db: Path, _ids: list[str], tasks: int) -> float:
        return trio.run(main, db, tasks)

    return measure


def _asyncio(make: MakeAnywhere) -> Measure:
    def measure(db: Path, ids: list[str], tasks: int) -> float:
        return old_design.measure(db, make, ids, tasks)

    return measure


OURS: Final = "ours: handrolled, shipped ledger, trio"
OLD: Final = "old design: python-statemachine, aiosqlite, asyncio"
DESIGNS: Final = (
    Design(OURS, _trio(_ledger), (500, 2000, 4000)),
    Design("ours with the scaffold (lock, read, machine, read back)", _trio(_managed), (200, 800, 2000)),
    Design(OLD, _asyncio(StateMachineAdapter), (60, 100, 200)),
    Design(
        "old design with transitions' AsyncMachine",
        _asyncio(TransitionsAdapter),
        (60, 100, 200),
    ),
)


@dataclass(frozen=True, slots=True)
class Rate:
    """Transitions per second of one design: the median, and the range of the rounds."""

    name: str
    tasks: int
    median: float
    slowest: float
    fastest: float
    transitions: int


def measure_all(levels: Sequence[int] = TASKS, *, rounds: int, scale: float) -> list[Rate]:
    """Every design at every number of tasks.

    Args:
        levels: numbers of tasks, out of :data:`TASKS`.
        rounds: how often.
        scale: of the amounts; never fewer transitions than tasks.

    Raises:
        AssertionError: a design reported a transition that is not in the database.
    """
    rates: dict[tuple[str, int], list[float]] = {}
    amounts: dict[tuple[str, int], int] = {}
    for _ in range(rounds):
        for place, tasks in enumerate(levels):
            for design in DESIGNS:
                amount = max(tasks, round(design.amounts[place] * scale))
                rates.setdefault((design.name, tasks), []).append(_rate(design, tasks, amount))
                amounts[design.name, tasks] = amount
    return [
        Rate(name, tasks, statistics.median(medians), min(medians), max(medians), amounts[name, tasks])
        for (name, tasks), medians in rates.items()
    ]


def _rate(design: Design, tasks: int, amount: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder) / "rate.db"
        ids: list[str] = list(make_spike_db(db, amount))
        seconds = design.measure(db, ids, tasks)
        kept = {peek(db, file_id) for file_id in ids}
        assert kept == {(State.UPLOADING.value, 1)}, f"{design.name} lost transitions: {kept}"
    return amount / seconds


def flush_ms(times: int = 20) -> float:
    """Measure one small durable write on this machine, in milliseconds; the median of ``count``."""
    took = []
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "flush").open("wb", buffering=0) as file:
        for _ in range(times):
            began = time.perf_counter()
            file.write(bytes(4096))
            os.fsync(file.fileno())
            took.append(time.perf_counter() - began)
    return statistics.median(took) * 1e3


def table(rates: list[Rate]) -> list[str]:
    """As a table of Markdown: a line for each design."""
    levels = sorted({rate.tasks for rate in rates})
    lines = [
        "| design | " + " | ".join(f"{tasks} task{'s' * (tasks > 1)}" for tasks in levels) + " |",
        "| --- |" + " --: |" * len(levels),
    ]
    for design in DESIGNS:
        cells = [
            f"{rate.median:,.0f} ({rate.slowest:,.0f} to {rate.fastest:,.0f})"
            for rate in rates
            if rate.name == design.name
        ]
        lines.append(f"| {design.name} | {' | '.join(cells)} |")
    return lines


def ratio(rates: list[Rate], tasks: int) -> float:
    """How many times as fast ours is as the old design."""
    medians = {rate.name: rate.median for rate in rates if rate.tasks == tasks}
    return medians[OURS] / medians[OLD]
