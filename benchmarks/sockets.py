"""How well the governor holds a quota over real sockets, in real time, beside what virtual time says.

Every row is an ``objlib serve --quota …`` on 127.0.0.1 and one or more processes that use the product's governor and
HTTP client, or are ``objlib upload`` as a whole. The numbers are the server's. Rows run side by side; those of a few
requests per second cost nothing. ``--full`` makes the rows as long as ``just bench pacing`` has them, which takes as
long as the longest of them: 51 minutes.
One run is one draw: ``--times N`` runs each row so often, and the median has to hold the bar.
Run it with ``just bench sockets [--only WORDS] [--quick | --full] [--times N] [--jobs N] [--seeds N]``.
"""

import argparse
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trio

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.pacing import cell
from benchmarks.sockets_lab import endless, uploads
from benchmarks.sockets_lab.machine import Machine, watching
from benchmarks.sockets_lab.rows import ROWS, Row, best_fixed, full
from benchmarks.sockets_lab.served import Seen
from benchmarks.sockets_lab.uploads import Uploads
from tests.support.pacing_lab.scenarios import Measure

QUICK: Final = 70.0
"""Seconds of a row that ``--quick`` still runs."""
LIGHT: Final = 3.0
"""Requests per second up to which a row is no burden to the others."""
NOT_SERVED: Final = (
    "FAILED past 50 pending: left out, a served store fails no document under load "
    "(`just bench pacing` has it)"
)


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one run of a row."""

    values: tuple[float, ...]
    seen: list[Seen]


Results = dict[str, list[Result]]
"""The runs of each row, by its name."""


async def run(row: Row | Uploads, jobs: trio.CapacityLimiter, results: Results) -> None:
    """Run one row once, when there is room for it."""
    waits = row.rate > LIGHT
    if waits:
        await jobs.acquire()
    try:
        with tempfile.TemporaryDirectory() as folder:
            if isinstance(row, Row):
                values, seen = await endless.measure(row, Path(folder))
            else:
                values, seen = await uploads.upload(row, Path(folder))
    finally:
        if waits:
            jobs.release()
    results.setdefault(row.name, []).append(Result(values, seen))
    listed = ", ".join(
        f"{each.name} {cell(each, value)}" for each, value in zip(row.measures, values, strict=True)
    )
    print(f"… {row.name}: {len(seen)} requests, {listed}", file=sys.stderr, flush=True)


async def run_all(rows: list[Row | Uploads], jobs: int, times: int) -> tuple[Results, Machine]:
    """All rows, the longest first, each repeated."""
    results: Results = {}
    limiter = trio.CapacityLimiter(jobs)
    async with watching() as machine, trio.open_nursery() as nursery:
        for row in sorted(rows * times, key=lambda row: -row.seconds):
            nursery.start_soon(run, row, limiter, results)
            await trio.sleep(0.3)  # so that processes do not start all at the same moment
    return results, machine


def simulated(row: Row | Uploads, seeds: int) -> list[tuple[float, ...]]:
    """The same in virtual time, with as many seeds; nothing for whole uploads."""
    if not isinstance(row, Row):
        return []
    runs = [row.simulated(seed) for seed in range(seeds)]
    if not row.unlimited:
        return runs
    best = best_fixed(row)
    return [tuple(value / most for value, most in zip(values, best, strict=True)) for values in runs]


def summary(measure: Measure, each: list[float]) -> str:
    """The median, and the worst in brackets where there are several."""
    middle = cell(measure, statistics.median(each))
    worst = cell(measure, max(each) if measure.most else min(each))
    return middle if len(each) == 1 else f"{middle} ({worst})"


def lines(row: Row | Uploads, results: list[Result], seeds: int) -> tuple[list[str], bool]:
    """Its lines of the table in Markdown, and whether it misses a bar."""
    runs, table, missed = simulated(row, seeds), [], False
    seen = [each for result in results for each in result.seen]
    refused = sum(not (each.admitted or each.broken) for each in seen)
    for index, measure in enumerate(row.measures):
        real = [result.values[index] for result in results]
        ok = measure.holds(statistics.median(real))
        missed = missed or not ok
        virtual = summary(measure, [values[index] for values in runs]) if runs else "-"
        head = f"{row.name} | {len(seen)}, {refused}" if index == 0 else " | "
        bar = f"{'≤' if measure.most else '≥'} {cell(measure, measure.bar)}"
        table.append(
            f"| {head} | {measure.name} | {bar} | {summary(measure, real)}{'' if ok else ' ✗'} | {virtual} |"
        )
    return table, missed


def main() -> int:
    """Print the table; exit with 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="rows whose name has these words in it")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--quick", action="store_true", help=f"rows of up to {QUICK:.0f} s")
    length.add_argument("--full", action="store_true", help="rows as long as in `just bench pacing`")
    parser.add_argument("--times", type=int, default=1, help="how often each row is run")
    parser.add_argument(
        "--jobs",
        type=int,
        help="rows of more than a few requests per second at a time; else 4, with --full 1, for which there is time",
    )
    parser.add_argument("--seeds", type=int, default=20, help="of the runs in virtual time")
    args = parser.parse_args()
    every: list[Row | Uploads] = [*(map(full, ROWS) if args.full else ROWS), *uploads.ROWS]
    rows = [row for row in every if args.only in row.name and (not args.quick or row.seconds <= QUICK)]
    if not rows:
        parser.error(f"no row has {args.only!r} in its name, or --quick leaves it out")
    results, machine = trio.run(run_all, rows, args.jobs or (1 if args.full else 4), max(1, args.times))
    print(
        "| scenario | requests, refused | | bar | over sockets: median (worst) | virtual time: median (worst) |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    missed = False
    for row in rows:
        table, short = lines(row, results[row.name], args.seeds)
        missed = missed or short
        print("\n".join(table), flush=True)
    print(f"\n{NOT_SERVED}\n{machine}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
