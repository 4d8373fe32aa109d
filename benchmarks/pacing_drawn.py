"""The distribution of goodput and refusals over drawn scenarios: a table, and a picture.

Run it with ``just bench pacing --drawn [--half choosing|judging] [--count N] [--strategy NAME]… [--out FOLDER]``.
"""

import argparse
import statistics
from pathlib import Path

from tests.support.pacing_lab.drawn import COUNT, JUDGED, Drawn, Result, draw, measure, quantile
from tests.support.pacing_lab.picture import draw as draw_lines
from tests.support.pacing_lab.scenarios import STRATEGIES

FEW_REFUSED = 0.05
"""Share of refusals up to which two rules are compared by goodput alone."""


def table(half: str, count: int, names: list[str], out: Path | None) -> bool:
    """Print the table of one half; whether ours holds the bars."""
    scenarios = [scenario for scenario in map(draw, range(COUNT)) if scenario.half == half][:count]
    results: dict[str, list[Result]] = {name: [] for name in names}
    for number, scenario in enumerate(scenarios):
        for name in names:
            results[name].append(measure(scenario, name))
        if number % 25 == 24:
            print(f"  {number + 1} of {len(scenarios)}", flush=True)
    print(f"{half}: {len(scenarios)} scenarios")
    print(f"{'':10} goodput: median  10th percentile   refused: median  9th decile")
    for name in names:
        good = [result.goodput for result in results[name]]
        bad = [result.refused for result in results[name]]
        print(
            f"{name:10} {statistics.median(good):15.3f} {quantile(good, 0.1):16.3f} "
            f"{100 * statistics.median(bad):16.1f} % {100 * quantile(bad, 0.9):9.1f} %"
        )
    for name in names:
        if name != "ours" and "ours" in names:
            _pairs(name, results["ours"], results[name])
    if "ours" in names:
        worst = sorted(zip(results["ours"], scenarios, strict=True), key=lambda pair: pair[0].goodput)[:12]
        for result, scenario in worst:
            print(f"  {result.goodput:.3f} {100 * result.refused:5.1f} %  {_words(scenario)}")
    if out is not None:
        _picture(half, results, out)
    good = [result.goodput for result in results.get("ours", [])]
    return not good or (statistics.median(good) >= 0.97 and quantile(good, 0.1) >= 0.9)


def _pairs(name: str, ours: list[Result], theirs: list[Result]) -> None:
    pairs = [
        (mine.goodput, other.goodput)
        for mine, other in zip(ours, theirs, strict=True)
        if max(mine.refused, other.refused) <= FEW_REFUSED
    ]
    above = sum(mine >= other - 0.001 for mine, other in pairs)
    if pairs:
        print(f"ours is not below {name} in {above} of {len(pairs)} pairs where both refuse at most 5 %")


def _words(scenario: Drawn) -> str:
    return (
        f"{scenario.number}: {scenario.kind} {scenario.rate:.3g}/s, latency {scenario.latency:.3g} s, "
        f"burst {scenario.burst:.2g} s, hint {scenario.hint}{', charged' * scenario.charge}, "
        f"faults {100 * scenario.share:.0f} %, outage {scenario.outage:.0f} s, {len(scenario.steps) - 1} steps, "
        f"{scenario.processes} processes{' on one ledger' * scenario.ledger}, {scenario.seconds:.0f} s"
    )


def _picture(half: str, results: dict[str, list[Result]], folder: Path) -> None:
    """Goodput by rank, of each rule."""
    colours = ("#2a2", "#c22", "#22c", "#a2a", "#888")
    ranked = {name: sorted(result.goodput for result in each) for name, each in results.items()}
    lines = [
        (name, colour, lambda at, values=values: values[min(len(values) - 1, int(at))])
        for (name, values), colour in zip(ranked.items(), colours, strict=False)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    count = len(next(iter(ranked.values())))
    (folder / f"drawn-{half}.svg").write_text(draw_lines(f"goodput by rank, {half} half", count, lines))


def main(arguments: list[str]) -> int:
    """Exit with 1 when ours misses a bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", default=JUDGED, choices=("choosing", "judging"))
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--strategy", action="append", choices=STRATEGIES)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args(arguments)
    return 0 if table(args.half, args.count, args.strategy or list(STRATEGIES), args.out) else 1
