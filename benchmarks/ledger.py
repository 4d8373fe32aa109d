"""Durable transitions per second through the ledger, against a loop that commits each by itself.

Everything runs in one process on one disk with ``synchronous=FULL``, in turn, round after round; the medians are
compared. A flush of the disk takes from 0.1 to 4 ms depending on the machine and the hour, so read the ratios:
to a commit each (what grouping gains) and to one commit for all (what is left to gain). The loops on the bare
connection do exactly the same work per transition: the same UPDATE, event row and attempt row. Run it with
``just bench ledger``.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import trio

from objlib.core.ids import RunId, new_attempt_id, new_file_id
from objlib.ledger import FileRow, Ledger, Move, Transition, open_ledger
from objlib.ledger.connection import connect
from objlib.ledger.files import FileTable
from objlib.ledger.transition_sql import apply_transition
from objlib.sqlite.connection import disconnect

RUN = RunId("benchmark")
TASKS = (1, 10, 100)


def fill(path: Path, files: int) -> list[FileRow]:
    """Make a ledger of ``count`` untracked files, and its rows."""
    conn = connect(path, create=True, busy_timeout=10, now=1.0)
    conn.execute("BEGIN")
    conn.executemany(
        "INSERT INTO files (file_id, file_path, content_hash, size, mtime_ns, mime_type, gemini_state_updated_at)"
        " VALUES (?, ?, 'hash', 1000, 1, 'text/plain', 1.0)",
        [(new_file_id(), f"{number:06}.txt") for number in range(files)],
    )
    conn.execute("COMMIT")
    rows = FileTable.claimable(conn, now=1.0, limit=files)
    disconnect(conn)
    return rows


def claim(row: FileRow) -> Transition:
    """The transition that is measured."""
    return Move(row, RUN, new_attempt_id()).start_upload()


def raw(path: Path, rows: list[FileRow], batch: int) -> list[float]:
    """Seconds of each transaction of ``batch`` transitions on the bare connection."""
    conn = connect(path, create=False, busy_timeout=10, now=1.0)
    took = []
    for start in range(0, len(rows), batch):
        began = time.perf_counter()
        conn.execute("BEGIN IMMEDIATE")
        for row in rows[start : start + batch]:
            apply_transition(conn, claim(row), 1.0)
        conn.execute("COMMIT")
        took.append(time.perf_counter() - began)
    disconnect(conn)
    return took


async def through_the_ledger(path: Path, rows: list[FileRow], tasks: int) -> tuple[float, list[float]]:
    """Measure the seconds for all rows, shared by the tasks, and of each transition."""
    took: list[float] = []

    async def work(ledger: Ledger, mine: list[FileRow]) -> None:
        for row in mine:
            began = time.perf_counter()
            await ledger.apply(claim(row))
            took.append(time.perf_counter() - began)

    async with open_ledger(path) as ledger:
        await ledger.files.counts(now=ledger.now())
        began = time.perf_counter()
        async with trio.open_nursery() as nursery:
            for number in range(tasks):
                nursery.start_soon(work, ledger, rows[number::tasks])
        return time.perf_counter() - began, took


def measure(files: int, rounds: int, place: str) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Transitions per second of each round, and seconds of each transition, by way of doing it."""
    rates: dict[str, list[float]] = {}
    latencies: dict[str, list[float]] = {}

    def note(name: str, count: int, seconds: float, took: list[float]) -> None:
        rates.setdefault(name, []).append(count / seconds)
        latencies.setdefault(name, []).extend(took)

    def on_new_ledger(run: Callable[[Path, list[FileRow]], None]) -> None:
        with tempfile.TemporaryDirectory(dir=place) as folder:
            path = Path(folder) / "library.db"
            run(path, fill(path, files))

    few = max(200, files // 10)

    def each(path: Path, rows: list[FileRow]) -> None:
        took = raw(path, rows[:few], 1)
        note("loop, a commit each", few, sum(took), took)

    def together(path: Path, rows: list[FileRow]) -> None:
        took = raw(path, rows, len(rows))
        note("loop, one commit for all", len(rows), sum(took), took)

    for _ in range(rounds):
        on_new_ledger(each)
        on_new_ledger(together)
        for tasks in TASKS:
            name = f"ledger, {tasks} task{'s' * (tasks > 1)}"

            def shared(path: Path, rows: list[FileRow], *, tasks: int = tasks, name: str = name) -> None:
                mine = rows[:few] if tasks == 1 else rows
                seconds, took = trio.run(through_the_ledger, path, mine, tasks)
                note(name, len(mine), seconds, took)

            on_new_ledger(shared)
    return rates, latencies


def main() -> None:
    """Print rates, latencies and ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--files", type=int, default=5000, help="transitions per round where many share a commit"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", default=tempfile.gettempdir(), help="a folder on the disk to measure")
    options = parser.parse_args()
    rates, latencies = measure(options.files, options.rounds, options.folder)
    alone, ceiling = (
        statistics.median(rates[f"loop, {how}"]) for how in ("a commit each", "one commit for all")
    )
    print(f"{'':26}{'per second':>12}{'x each':>9}{'of all':>8}{'p50 ms':>10}{'p99 ms':>10}")
    for name, measured in rates.items():
        rate = statistics.median(measured)
        ordered = sorted(latencies[name])
        p50, p99 = (1000 * ordered[int(part * (len(ordered) - 1))] for part in (0.5, 0.99))
        print(f"{name:26}{rate:12,.0f}{rate / alone:9.1f}{rate / ceiling:8.0%}{p50:10.2f}{p99:10.2f}")


if __name__ == "__main__":
    main()
