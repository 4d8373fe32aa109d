"""The distribution of goodput and refusals over drawn scenarios: a table, and a picture.

Run it with ``just bench pacing --drawn [--half choosing|judging] [--count N] [--strategy NAME]… [--out FOLDER]``.
``--bound`` says by kinds of service where ours misses a bar, and what a client gets there that knows everything.
"""

import argparse
import statistics
from pathlib import Path

from tests.support.pacing_lab.drawn import COUNT, JUDGED, Drawn, Result, draw, measure, quantile
from tests.support.pacing_lab.informed import bound
from tests.support.pacing_lab.picture import draw as draw_lines
from tests.support.pacing_lab.scenarios import STRATEGIES

FEW_REFUSED = 0.05
"""Share of refusals up to which two rules are compared by goodput alone."""


ENOUGH = 0.9
"""Goodput that the worst tenth should have."""


def table(half: str, count: int, names: list[str], out: Path | None, *, bounds: bool) -> bool:
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
        if bounds:
            _bounds(results["ours"], scenarios)
    if out is not None:
        _picture(half, results, out)
    good = [result.goodput for result in results.get("ours", [])]
    return not good or (statistics.median(good) >= 0.97 and quantile(good, 0.1) >= ENOUGH)


def _pairs(name: str, ours: list[Result], theirs: list[Result]) -> None:
    pairs = [
        (mine.goodput, other.goodput)
        for mine, other in zip(ours, theirs, strict=True)
        if max(mine.refused, other.refused) <= FEW_REFUSED
    ]
    above = sum(mine >= other - 0.001 for mine, other in pairs)
    if pairs:
        print(f"ours is not below {name} in {above} of {len(pairs)} pairs where both refuse at most 5 %")


def _bounds(ours: list[Result], scenarios: list[Drawn]) -> None:
    """Print by kinds of service what ours misses, and what a client that knows everything gets of the same."""
    groups: dict[str, list[tuple[Result, Result]]] = {}
    for mine, scenario in zip(ours, scenarios, strict=True):
        held = mine.goodput >= ENOUGH and mine.refused <= FEW_REFUSED
        best = mine if held else bound(scenario, most_refused=FEW_REFUSED, enough=ENOUGH)
        groups.setdefault(_group(scenario), []).append((mine, best))
    print("| services | drawn | goodput < 0.9: ours | knowing all | refused > 5 %: ours | knowing all |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, pairs in [
        *sorted(groups.items()),
        ("all", [pair for each in groups.values() for pair in each]),
    ]:
        slow = [sum(each.goodput < ENOUGH for each in rule) for rule in zip(*pairs, strict=True)]
        many = [sum(each.refused > FEW_REFUSED for each in rule) for rule in zip(*pairs, strict=True)]
        print(f"| {name} | {len(pairs)} | {slow[0]} | {slow[1]} | {many[0]} | {many[1]} |")
    known = [best for pairs in groups.values() for _, best in pairs]
    print(
        f"knowing all where ours misses a bar: tenth percentile {quantile([b.goodput for b in known], 0.1):.3f}, "
        f"ninth decile {100 * quantile([b.refused for b in known], 0.9):.1f} %"
    )


def _group(scenario: Drawn) -> str:
    """The first of these that a service is."""
    limited = scenario.kind in {"bucket", "overload"}
    small = limited and scenario.burst * scenario.rate < 3
    if small and 0.1 * scenario.latency * scenario.rate > 0.5:
        return "1 bucket of 1 to 3 requests, less than the jitter"
    if small and scenario.kind == "bucket":
        return "2 bucket of 1 to 3 requests"
    if scenario.kind == "window":
        return "3 fixed minute" + ", no hint" * (scenario.hint == "absent")
    if scenario.kind == "overload":
        return "4 overload" + (", up to 3/s" if scenario.rate <= 3 else ", more than 3/s")
    if scenario.kind == "none":
        return "6 no limit"
    return "5 larger bucket" + (", several processes" if scenario.processes > 1 else "")


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
    parser.add_argument("--bound", action="store_true", help="compare with a client that knows everything")
    args = parser.parse_args(arguments)
    names = args.strategy or list(STRATEGIES)
    return 0 if table(args.half, args.count, names, args.out, bounds=args.bound) else 1
