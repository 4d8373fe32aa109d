"""Durable transitions per second through the ledger, against a loop that commits each by itself.

Everything runs in one process on one disk with ``synchronous=FULL``, in turn, round after round; the medians are
compared. Each file takes the three moves of an upload, of which the second does not read its row back. A flush of the
disk takes from 0.1 to 4 ms depending on the machine and the hour, so read the ratios: to a commit each (what grouping
gains) and to one commit for all (what is left to gain). The loops on the bare connection do exactly the same work per
transition: the same UPDATE, event row and attempt row.

``--events`` adds a row with that number of older events in the ledger, and ``--processes`` one with several processes
on one ledger. Run it with ``just bench ledger``.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import trio

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.lab.picture import Chart, draw
from objlib.core.ids import RunId, new_attempt_id, new_file_id
from objlib.core.lifecycle.table import Event, State
from objlib.ledger import FileRow, Ledger, Move, Transition, open_ledger
from objlib.ledger.connection import connect
from objlib.ledger.files import FileTable
from objlib.ledger.transition_sql import apply_only, apply_transition
from objlib.sqlite.connection import disconnect

RUN: Final = RunId("benchmark")
TASKS: Final = (1, 10, 100)
MOVES: Final = 3
"""Transitions of each file."""
PART: Final = 100_000
"""Events of a history that are written at once."""


def fill(path: Path, files: int) -> list[FileRow]:
    """Add untracked files to a ledger, which is made where there is none; their rows."""
    conn = connect(path, create=True, busy_timeout=10, now=1.0)
    conn.execute("BEGIN")
    conn.executemany(
        "INSERT INTO files (file_id, file_path, content_hash, size, mtime_ns, mime_type, gemini_state_updated_at)"
        " VALUES (?1, ?1, 'hash', 1000, 1, 'text/plain', 1.0)",
        [(new_file_id(),) for _ in range(files)],
    )
    conn.execute("COMMIT")
    rows = FileTable.claimable(conn, now=1.0, limit=files)
    disconnect(conn)
    return rows


def grow(path: Path, events: int) -> None:
    """Make a ledger with a history: events of files that are gone."""
    conn = connect(path, create=True, busy_timeout=10, now=1.0)
    # The order of the files is no order of the events, so the index is made at the end, from sorted entries.
    (index,) = conn.execute("SELECT sql FROM sqlite_master WHERE name = 'events_file'").fetchone()
    conn.execute("DROP INDEX events_file")
    for start in range(0, events, PART):
        conn.execute(
            "WITH RECURSIVE numbers(n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?2 - 1)"
            " INSERT INTO events (attempt_id, timestamp, file_id, event, from_state, to_state, outcome, run_id)"
            " SELECT printf('%036d', n), n, printf('%036d', n * 7919 % 1000003), 'retry', 'failed', 'untracked',"
            " 'success', printf('%036d', n / 10000) FROM numbers",
            (start, min(start + PART, events)),
        )
    conn.execute(index)
    disconnect(conn)


def moves(rows: list[FileRow]) -> Iterator[Transition]:
    """The moves of an upload of each file, each on the row after the one before."""
    for row in rows:
        attempt = new_attempt_id()
        yield Move(row, RUN, attempt).start_upload()
        sent = row.moved(State.UPLOADING)
        yield Move(sent, RUN, attempt).complete_upload(operation="operation", document=None)
        yield Move(sent.moved(State.PROCESSING), RUN, attempt).complete_processing(f"documents/{attempt}")


def looks(transition: Transition) -> bool:
    """Whether the engine looks at the row after this move."""
    return transition.event is not Event.COMPLETE_UPLOAD


def raw(path: Path, rows: list[FileRow], batch: int) -> list[float]:
    """Seconds of each transaction of ``batch`` transitions on the bare connection."""
    conn = connect(path, create=False, busy_timeout=10, now=1.0)
    took, wanted = [], list(moves(rows))
    for start in range(0, len(wanted), batch):
        began = time.perf_counter()
        conn.execute("BEGIN IMMEDIATE")
        for move in wanted[start : start + batch]:
            (apply_transition if looks(move) else apply_only)(conn, move, 1.0)
        conn.execute("COMMIT")
        took.append(time.perf_counter() - began)
    disconnect(conn)
    return took


async def through_the_ledger(path: Path, rows: list[FileRow], tasks: int) -> tuple[float, list[float]]:
    """Measure the seconds for all rows, shared by the tasks, and of each transition."""
    took: list[float] = []

    async def work(ledger: Ledger, mine: list[Transition]) -> None:
        for move in mine:
            began = time.perf_counter()
            await (ledger.apply if looks(move) else ledger.apply_only)(move)
            took.append(time.perf_counter() - began)

    wanted = [list(moves(rows[number::tasks])) for number in range(tasks)]
    async with open_ledger(path) as ledger:
        await ledger.files.counts(now=ledger.now())
        began = time.perf_counter()
        async with trio.open_nursery() as nursery:
            for mine in wanted:
                nursery.start_soon(work, ledger, mine)
        return time.perf_counter() - began, took


def many_processes(path: Path, processes: int) -> tuple[float, list[float]]:
    """Let processes share the rows; the seconds from the first move to the last, and those of each transition."""
    workers = [
        subprocess.Popen(
            [sys.executable, __file__, "--worker", str(path), str(number), str(processes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(processes)
    ]
    for worker in workers:  # each says when it has read its rows, and waits
        assert worker.stdout is not None
        worker.stdout.readline()
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    spans = [json.loads(worker.communicate()[0]) for worker in workers]
    seconds = max(ended for _, ended, _ in spans) - min(began for began, _, _ in spans)
    return seconds, [each for _, _, took in spans for each in took]


def work_beside(path: Path, number: int, processes: int) -> None:
    """Be one of the processes of :func:`many_processes`, with 100 tasks."""
    conn = connect(path, create=False, busy_timeout=10, now=1.0)
    rows = FileTable.claimable(conn, now=1.0, limit=10**9)[number::processes]
    disconnect(conn)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    seconds, took = trio.run(through_the_ledger, path, rows, TASKS[-1])
    ended = time.monotonic()  # the same clock in all processes
    sys.stdout.write(json.dumps((ended - seconds, ended, took)))


class Bench:
    """Transitions per second of each round, and seconds of each transition, by way of doing it."""

    def __init__(self, files: int, place: Path, events: int) -> None:
        self.files, self.place, self.events = files, place, events
        if events:
            grow(place / "history.db", events)
        self.rates: dict[str, list[float]] = {}
        self.latencies: dict[str, list[float]] = {}

    def row(
        self,
        name: str,
        measure: Callable[[Path, list[FileRow]], tuple[float, list[float]]],
        *,
        part: int = 1,
        history: bool = False,
    ) -> None:
        """Measure once, with one file of every ``part``, on a new ledger or on that with a history."""
        with tempfile.TemporaryDirectory(dir=self.place) as folder:
            path = self.place / "history.db" if history else Path(folder) / "library.db"
            rows = fill(path, self.files)[::part]
            seconds, took = measure(path, rows)
        self.rates.setdefault(name, []).append(MOVES * len(rows) / seconds)
        self.latencies.setdefault(name, []).extend(took)

    def round(self, processes: int) -> None:
        """Measure each row once."""

        def loop(batch: int) -> Callable[[Path, list[FileRow]], tuple[float, list[float]]]:
            def measure(path: Path, rows: list[FileRow]) -> tuple[float, list[float]]:
                took = raw(path, rows, batch)
                return sum(took), took

            return measure

        def ledger(tasks: int) -> Callable[[Path, list[FileRow]], tuple[float, list[float]]]:
            return lambda path, rows: trio.run(through_the_ledger, path, rows, tasks)

        self.row("loop, a commit each", loop(1), part=10)
        self.row("loop, a commit for each 100", loop(TASKS[-1]))
        self.row("loop, one commit for all", loop(MOVES * self.files))
        for tasks in TASKS:
            self.row(f"ledger, {tasks} task{'s' * (tasks > 1)}", ledger(tasks), part=10 if tasks == 1 else 1)
        if self.events:
            self.row(f"the same, {self.events:,} events", ledger(TASKS[-1]), history=True)
        if processes:
            self.row(f"{processes} processes", lambda path, _rows: many_processes(path, processes))


def main() -> None:
    """Print rates, latencies and ratios."""
    if sys.argv[1:2] == ["--worker"]:
        path, number, processes = sys.argv[2:]
        work_beside(Path(path), int(number), int(processes))
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=2000, help="files per round where many share a commit")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--events", type=int, default=0, help="older events in a further ledger")
    parser.add_argument("--processes", type=int, default=0, help="processes on a further ledger")
    parser.add_argument("--folder", default=tempfile.gettempdir(), help="a folder on the disk to measure")
    parser.add_argument("--svg", type=Path, default=None, help="draw the rates into this file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        bench = Bench(options.files, Path(folder), options.events)
        for _ in range(options.rounds):
            bench.round(options.processes)
    show(bench)
    if options.svg is not None:
        rates = {name: statistics.median(measured) for name, measured in bench.rates.items()}
        loops = frozenset(name for name in rates if name.startswith("loop"))
        chart = Chart("moves of files in the ledger, each durable", "transitions per second", rates, loops)
        options.svg.write_text(draw([chart]), "utf-8")


def show(bench: Bench) -> None:
    """Print rates, latencies and ratios."""
    alone, ceiling = (
        statistics.median(bench.rates[f"loop, {how}"]) for how in ("a commit each", "one commit for all")
    )
    print(f"{'':28}{'per second':>12}{'x each':>9}{'of all':>8}{'p50 ms':>10}{'p99 ms':>10}")
    for name, measured in bench.rates.items():
        rate = statistics.median(measured)
        ordered = sorted(bench.latencies[name])
        p50, p99 = (1000 * ordered[int(part * (len(ordered) - 1))] for part in (0.5, 0.99))
        print(f"{name:28}{rate:12,.0f}{rate / alone:9.1f}{rate / ceiling:8.0%}{p50:10.2f}{p99:10.2f}")


if __name__ == "__main__":
    main()
