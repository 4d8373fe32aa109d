"""How well each rule holds a quota, in virtual time: a table with the bars, and a picture.

Run it with ``just bench pacing [--seeds N] [--only WORDS] [--strategy NAME]… [--held-out] [--out FOLDER]``, or with
``--drawn`` on services that were drawn by chance. ``--verdicts N`` counts random faults that are taken for congestion.
"""

import argparse
import math
import statistics
import sys
import time
from bisect import bisect_left
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.pacing_drawn import main as drawn
from tests.support.pacing_lab.faulty import faulty
from tests.support.pacing_lab.heldout import heldout
from tests.support.pacing_lab.picture import draw
from tests.support.pacing_lab.scenarios import STRATEGIES, Measure, Scenario, allowed_at, scenarios
from tests.support.pacing_lab.verdicts import SHARES, false_verdicts

COUNTS = {"sent into it", "lost", "needless", "cancelled", "in flight at a start", "woken"}
"""Measures that are whole numbers."""


def cell(measure: Measure, value: float) -> str:
    """A number as the table shows it."""
    if measure.name in COUNTS:
        return f"{value:.0f}"
    if measure.name == "times best fixed":
        return f"{value:.2f}"
    if measure.percent:
        return f"{value:.3f}" if not measure.most else f"{100 * value:.1f} %"
    return f"{value:.3f}" if measure.bar < 1 else f"{value:.1f} s"


def line(scenario: Scenario, name: str, seeds: int) -> list[str]:
    """Medians and worst of one strategy in one scenario."""
    runs = [scenario.measure(name, seed)[0] for seed in range(seeds)]
    cells = []
    for index, measure in enumerate(scenario.measures):
        values = [run[index] for run in runs]
        middle = statistics.median(values)
        worst = max(values) if measure.most else min(values)
        mark = "" if measure.holds(worst) else ("~" if measure.holds(middle) else "!")
        bar = f"{'≤' if measure.most else '≥'} {cell(measure, measure.bar)}"
        cells.append(f"{measure.name} {cell(measure, middle)} ({cell(measure, worst)}) [{bar}]{mark}")
    return cells


def picture(scenario: Scenario, name: str, folder: Path) -> None:
    """Allowed, sent and served over time, of the first seed."""
    _, trace = scenario.measure(name, 0)
    server = scenario.server(0)

    def per_second(*events: list[float]) -> Callable[[float], float]:
        times = sorted(at for each in events for at in each)
        return lambda now: (bisect_left(times, now + 2) - bisect_left(times, now - 2)) / 4

    lines = [
        ("allowed", "#2a2", lambda now: allowed_at(server, now)),
        ("sent", "#c22", per_second(trace.served, trace.refused)),
        ("served", "#22c", per_second(trace.served)),
    ]
    stem = "".join(char if char.isalnum() else "-" for char in f"{scenario.name} {name}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{stem}.svg").write_text(draw(f"{scenario.name}: {name}", scenario.seconds, lines))


def verdicts(seeds: int) -> int:
    """Print how often random faults are taken for congestion; exit with 1 when they ever are."""
    wrong = {share: false_verdicts(share, seeds) for share in SHARES}
    for share, count in wrong.items():
        print(f"faults {share:4.0%}: {count} false verdicts in {seeds} runs of 4,000 answers")
    return 1 if any(wrong.values()) else 0


def main() -> int:
    """Print the table; exit with 1 when a median of ours misses its bar."""
    if "--drawn" in sys.argv:
        return drawn([each for each in sys.argv[1:] if each != "--drawn"])
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--only", default="")
    parser.add_argument("--strategy", action="append", choices=STRATEGIES)
    parser.add_argument("--held-out", action="store_true", help="the servers on which nothing was chosen")
    parser.add_argument("--out", type=Path)
    parser.add_argument(
        "--verdicts", type=int, metavar="N", help="count false verdicts of N seeds, and nothing else"
    )
    args = parser.parse_args()
    if args.verdicts:
        return verdicts(args.verdicts)
    missed = False
    for scenario in heldout() if args.held_out else [*scenarios(), *faulty()]:
        if args.only not in scenario.name:
            continue
        for name in args.strategy or STRATEGIES:
            if name not in scenario.strategies:
                continue
            began = time.perf_counter()
            cells = line(scenario, name, args.seeds)
            missed = missed or (name == "ours" and any(each.endswith("!") for each in cells))
            took = time.perf_counter() - began
            if args.out is not None and not math.isnan(allowed_at(scenario.server(0), 0)):
                picture(scenario, name, args.out)
            print(f"{scenario.name:30} {name:9} " + "  ".join(cells) + f"   ({took:.1f}s)", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
