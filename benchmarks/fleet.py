"""Durable transitions per second of several processes on one ledger: a file, and a database that flushes each commit.

Each process has 100 tasks. It claims as many files as it has free tasks, and each takes its file to indexed: three
transitions. So the processes share one queue, as the machines of a fleet do. ``--delay`` adds a time to each round
trip to the server, which stands on the same machine. Counted are the claims that came to nothing while files were
left. At the end one process in this one tells the processor time of a transition, its own and that of the server's
session: what the cores can do at most; with ``--profile`` this alone. Run it with ``just bench fleet``.
"""

import argparse
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

import trio

from objlib.core.config.ledger_url import LedgerUrl
from objlib.core.config.parsers import ledger_place
from objlib.core.ids import AttemptId, RunId, new_attempt_id, new_file_id
from objlib.engine.upload.pump import CLAIMED_AT_ONCE
from objlib.engine.upload.state import SHORTEST_SLEEP
from objlib.ledger import FileRow, Ledger, Move, open_ledger
from objlib.testing.cutting_proxy import Cut, CuttingProxy
from objlib.testing.databases import raw
from objlib.testing.postgres import throw_away_server

TASKS = 100


@dataclass
class Tally:
    """Counts of one process: transitions, claims that got nothing, and claims in all."""

    transitions: int = 0
    empty: int = 0
    claims: int = 0


async def pump(ledger: Ledger, run: RunId, tally: Tally) -> None:
    """Claim as many files as there are free tasks, as an upload does, and finish each in a task of its own."""
    free = trio.CapacityLimiter(TASKS)

    async def work(row: FileRow, attempt: AttemptId) -> None:
        document = f"fileSearchStores/s/documents/{attempt}"
        row = await ledger.apply(Move(row, run, attempt).complete_upload(operation=None, document=document))
        await ledger.apply(Move(row, run, attempt).complete_processing(document))
        tally.transitions += 3
        free.release_on_behalf_of(attempt)

    async with trio.open_nursery() as nursery:
        left = True
        while left:
            async with free:
                pass  # until a task is free
            tally.claims += 1
            number = min(CLAIMED_AT_ONCE, int(free.available_tokens))
            claimed = await ledger.claim(run, [new_attempt_id() for _ in range(number)])
            for row, attempt in claimed:
                free.acquire_on_behalf_of_nowait(attempt)
                nursery.start_soon(work, row, attempt)
            if not claimed:
                left = (await ledger.files.claimable_totals())[0] > 0
                tally.empty += left
                await trio.sleep(SHORTEST_SLEEP)


async def child(address: str, number: int) -> None:
    """One process: ready, go, and its counts."""
    tally, run = Tally(), RunId(f"run-{number}")
    async with open_ledger(ledger_place(address, Path(), Path()), create=False, busy_timeout=60) as ledger:
        print("ready", flush=True)
        await trio.to_thread.run_sync(sys.stdin.readline)
        began = time.monotonic()
        await pump(ledger, run, tally)
        print(json.dumps([tally.transitions, tally.empty, tally.claims, began, time.monotonic()]), flush=True)


async def fill(address: str, files: int) -> None:
    """Add untracked files."""
    rows = [(new_file_id(), f"{os.urandom(8).hex()}.txt") for _ in range(files)]
    async with open_ledger(ledger_place(address, Path(), Path())) as ledger:
        await raw(ledger).write(
            lambda conn: (
                conn.executemany(
                    "INSERT INTO files (file_id, file_path, content_hash, size, mtime_ns, mime_type,"
                    " gemini_state_updated_at) VALUES (?, ?, 'hash', 1000, 1, 'text/plain', 1.0)",
                    rows,
                )
                and None
            )
        )


def measure(address: str, processes: int, files: int) -> tuple[float, int, int]:
    """Transitions per second of all processes, empty claims, and claims."""
    trio.run(fill, address, files)
    children = [
        subprocess.Popen(
            [sys.executable, __file__, "--child", address, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(processes)
    ]
    pipes = [(_pipe(each.stdin), _pipe(each.stdout)) for each in children]
    for _, answers in pipes:
        answers.readline()
    for orders, _ in pipes:
        orders.write("go\n")
        orders.flush()
    results = [json.loads(answers.readline()) for _, answers in pipes]
    for each in children:
        each.wait()
    transitions, empty, claims = (sum(result[place] for result in results) for place in range(3))
    took = max(result[4] for result in results) - min(result[3] for result in results)
    return transitions / took, empty, claims


async def profile(address: str) -> tuple[float, float]:
    """Microseconds of processor time for each transition: of this process, and of its session in the server."""
    tally = Tally()
    async with open_ledger(ledger_place(address, Path(), Path()), create=False, busy_timeout=60) as ledger:
        session = 0
        if isinstance(ledger.place, LedgerUrl):
            (session,) = await raw(ledger).read(
                lambda conn: conn.execute("SELECT pg_backend_pid()").fetchone()
            )
        before = time.process_time(), _processor_seconds(session)
        await pump(ledger, RunId("run-1"), tally)
        after = time.process_time(), _processor_seconds(session)
    here, there = (
        (1e6 * (end - begin) / tally.transitions) for begin, end in zip(before, after, strict=True)
    )
    return here, there


def _processor_seconds(pid: int) -> float:
    """Processor time that a process has used, on Linux; 0 without one."""
    if not pid:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def show_profile(files: int, rounds: int) -> None:
    """Print the smallest of some measurements of each database: the rest is the noise of other programs."""
    with throw_away_server(durable=True) as server, tempfile.TemporaryDirectory() as folder:
        for name in ("SQLite", "PostgreSQL"):
            figures = []
            for each in range(rounds):
                file = str(Path(folder) / f"{each}.db")
                address = file if name == "SQLite" else _address(LedgerUrl.parse(server.url(f"round_{each}")))
                trio.run(fill, address, files)
                figures.append(trio.run(profile, address))
            here, there = min(figures)
            most = 1e6 * (os.cpu_count() or 1) / (here + there)
            print(
                f"{name}: {here:.0f} us here, {there:.0f} us in the server, for each transition; "
                f"the cores of this machine carry {most:,.0f} of them in a second at most",
                flush=True,
            )


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


class DelayingProxy(CuttingProxy):
    """A proxy that cuts nothing, and holds each request back."""

    seconds = 0.001

    def _requests(self, client: socket.socket, server: socket.socket, lost: threading.Event) -> None:
        while data := client.recv(1 << 16):
            time.sleep(self.seconds)
            server.sendall(data)


@contextmanager
def delayed(url: str, folder: Path, milliseconds: float) -> Iterator[str]:
    """The URL of a server behind a proxy, in this process, which only waits meanwhile."""
    with tempfile.TemporaryDirectory(prefix="objlib-slow-") as place:
        with DelayingProxy(folder, Path(place), lambda: Cut.NEVER):
            DelayingProxy.seconds = milliseconds / 1000
            yield url.replace(quote(str(folder), safe=""), quote(place, safe=""))


def main() -> None:
    """Measure each database with each number of processes, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--files", type=int, default=4000, help="files for each measurement")
    parser.add_argument("--delay", type=float, default=1.0, help="milliseconds added to each round trip")
    parser.add_argument("--processes", type=int, nargs="*", default=[1, 4, 8])
    parser.add_argument("--profile", action="store_true", help="processor time of a transition instead")
    options = parser.parse_args()
    if options.child:
        trio.run(child, options.child[0], int(options.child[1]))
        return
    if options.profile:
        show_profile(options.files, 5)
        return
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(
        "| processes | SQLite, transitions/s | PostgreSQL | with the delay | claims for nothing (PostgreSQL) |"
    )
    print("| --- | --- | --- | --- | --- |")
    with throw_away_server(durable=True) as server:
        for processes in options.processes:
            with tempfile.TemporaryDirectory() as folder:
                file, _, _ = measure(str(Path(folder) / "ledger.db"), processes, options.files)
            url = LedgerUrl.parse(server.url(f"direct_{processes}"))
            here, empty, claims = measure(_address(url), processes, options.files)
            url = LedgerUrl.parse(server.url(f"delayed_{processes}"))
            with delayed(_address(url), server.folder, options.delay) as address:
                far, more, others = measure(address, processes, options.files)
            share = 100 * (empty + more) / (claims + others)
            print(f"| {processes} | {file:,.0f} | {here:,.0f} | {far:,.0f} | {share:.2f} % |", flush=True)
    show_profile(options.files, 3)


def _address(url: LedgerUrl) -> str:
    return f"{url.conninfo}&schema={url.schema}"


if __name__ == "__main__":
    main()
