"""Processes measured side by side: each round runs every row once, in turn, so that load falls on all of them.

Figures are the operating system's own of each finished process (``wait4``): its processor time and its largest resident
size, with those of its children. The medians of all rounds are compared, as ratios to the peer of the same run.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.lab.picture import Chart, draw

ROOT: Final = Path(__file__).parent.parent.parent


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of a row: seconds of processor and of wall clock, and MB of memory."""

    cpu: float
    wall: float
    memory: float


@dataclass(frozen=True, slots=True)
class Row:
    """A command to measure.

    Attributes:
        name: in the table.
        command: program and arguments.
        prepare: called before each run, outside of what is measured.
        bars: the largest ratio allowed, by figure and by the name of the peer.
        environ: variables besides those of :func:`environment`.
    """

    name: str
    command: Sequence[str]
    prepare: Callable[[], None] = lambda: None
    bars: Mapping[tuple[str, str], float] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)


def environment(home: Path, **more: str) -> dict[str, str]:
    """Environment of a measured process: no setting and no key of the user."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    return {**kept, "HOME": str(home), "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **more}


def objlib(*arguments: str) -> list[str]:
    """The command line of objlib, as an installed script starts it."""
    script = "import sys; sys.argv[0] = 'objlib'; from objlib.__main__ import main; sys.exit(main())"
    return [sys.executable, "-c", script, *arguments]


def run_once(row: Row, home: Path) -> Sample:
    """Run a row once.

    Raises:
        RuntimeError: it failed; a figure of a run that did not do its work says nothing.
    """
    row.prepare()
    log = home / "row.log"
    with log.open("wb") as out:
        began = time.perf_counter()
        child = subprocess.Popen(
            row.command,
            env=environment(home, **row.environ),
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        _, status, used = os.wait4(child.pid, 0)
        wall = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(
            f"{row.name} ended with {child.returncode}:\n{log.read_text('utf-8', 'replace')[-2000:]}"
        )
    return Sample(used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1024)


def interleave(rows: Sequence[Row], rounds: int, home: Path) -> dict[str, list[Sample]]:
    """The samples of each row; a round that warms the machine comes first and does not count."""
    samples: dict[str, list[Sample]] = {row.name: [] for row in rows}
    for number in range(rounds + 1):
        for row in rows:
            sample = run_once(row, home)
            if number:
                samples[row.name].append(sample)
    return samples


def median(samples: Sequence[Sample], figure: str) -> float:
    """The median of one figure."""
    return statistics.median(getattr(sample, figure) for sample in samples)


def report(
    title: str, rows: Sequence[Row], samples: Mapping[str, Sequence[Sample]], *, units: int, unit: str
) -> dict[str, Any]:
    """Print a table of one benchmark, and give it back for JSON; ``broken`` lists the bars that were missed."""
    print(f"\n{title}: medians of {len(samples[rows[0].name])}, in turn")
    print(f"{'':44}{'CPU s':>9}{f'ms/{unit}':>10}{'wall s':>9}{'MB':>7}")
    table: dict[str, Any] = {
        "title": title,
        "units": units,
        "unit": unit,
        "rows": {},
        "ratios": [],
        "broken": [],
    }
    for row in rows:
        cpu, wall, memory = (median(samples[row.name], figure) for figure in ("cpu", "wall", "memory"))
        print(f"{row.name:44}{cpu:9.2f}{1000 * cpu / units:10.3f}{wall:9.2f}{memory:7.0f}")
        table["rows"][row.name] = {
            "cpu": cpu,
            "wall": wall,
            "memory": memory,
            "samples": [asdict(each) for each in samples[row.name]],
        }
    for row in rows:
        for (figure, peer), bar in row.bars.items():
            if peer not in samples:
                continue
            pairs = zip(samples[row.name], samples[peer], strict=True)
            ratio = statistics.median(
                getattr(ours, figure) / max(getattr(theirs, figure), 1e-9) for ours, theirs in pairs
            )
            held = ratio <= bar
            print(
                f"  {row.name}: {ratio:.2f} x the {figure} of {peer}, at most {bar}: "
                + ("held" if held else "MISSED")
            )
            table["ratios"].append(
                {"row": row.name, "figure": figure, "peer": peer, "ratio": ratio, "bar": bar}
            )
            if not held:
                table["broken"].append(f"{row.name}: {figure} / {peer}")
    return table


def machine() -> dict[str, Any]:
    """The machine, for the file of results."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text("utf-8").splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    return {"python": platform.python_version(), "cores": os.cpu_count(), "processor": model}


def finish(tables: Sequence[dict[str, Any]], args: argparse.Namespace) -> int:
    """Write the results as JSON and as a picture, each where asked for; the exit code, 1 if a bar was missed."""
    if args.json is not None:
        args.json.write_text(
            json.dumps({"machine": machine(), "tables": list(tables)}, indent=1) + "\n", "utf-8"
        )
    if args.svg is not None:
        charts = [
            Chart(
                table["title"],
                f"ms of processor time per {table['unit']}",
                {name: 1000 * row["cpu"] / table["units"] for name, row in table["rows"].items()},
                frozenset(name for name in table["rows"] if not name.startswith("objlib")),
            )
            for table in tables
        ]
        args.svg.write_text(draw(charts), "utf-8")
    return 1 if any(table["broken"] for table in tables) else 0


def parser(description: str | None, *, rounds: int = 5) -> argparse.ArgumentParser:
    """A parser with the options that all benchmarks have."""
    options = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--rounds", type=int, default=rounds, help="counted runs of each row")
    options.add_argument("--json", type=Path, default=None, help="write the figures to this file")
    options.add_argument("--svg", type=Path, default=None, help="draw the figures into this file")
    return options
