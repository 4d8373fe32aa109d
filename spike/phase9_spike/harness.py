"""Which state machine? ``python -m spike.phase9_spike.harness`` asks every candidate, and exits 0 or 1.

First the binary test; then everything else for each candidate that passed it; then the event logs, and throughput.
``--quick`` measures less; ``--record`` puts what was printed into APPROACH-SELECTION.md.
"""

import argparse
import os
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final

import trio

from objlib.ledger import open_ledger
from objlib.ledger.rows import EventRow
from spike.evidence import Report, Seen
from spike.phase9_spike import binary_test, injection, invariants, leaks, races, throughput
from spike.phase9_spike.bench import Bench
from spike.phase9_spike.candidates import CANDIDATES, Candidate
from spike.phase9_spike.db import init_spike_db, read_file_state
from spike.phase9_spike.event_log import EventCollector, emit_event, problems_of
from spike.phase9_spike.integration import checks as scaffold
from spike.phase9_spike.integration.scaffold import FileLockManager
from spike.record import record

CHECKS: Final[tuple[tuple[str, Callable[[Bench], Awaitable[Seen]]], ...]] = (
    ("scaffold: a lock is one file's", scaffold.a_lock_is_one_files),
    ("scaffold: a file goes all the way", scaffold.a_file_goes_all_the_way),
    ("scaffold: a wrong event changes nothing", scaffold.a_wrong_event_changes_nothing),
    ("scaffold: a machine from yesterday is stale", scaffold.a_machine_from_yesterday_is_stale),
    ("10 at one file, with the lock", races.with_the_lock),
    ("10 at one file, without the lock", races.without_the_lock),
    ("10 at one file, across processes", races.across_processes),
    ("10 at 10 files", races.ten_files),
    ("error before the commit", injection.before_the_commit),
    ("error inside the transaction", injection.inside_the_transaction),
    ("error after the commit", injection.after_the_commit),
    ("a callback that raises after the commit", injection.callback_that_raises),
    ("a guard that raises", injection.guard_that_raises),
    ("a guard that raises inside the transaction", injection.guard_inside_that_raises),
    ("nothing is left open", leaks.back_to_baseline),
)
"""Every check that a candidate has to pass, in order."""

PAGE: Final = Path(__file__).with_name("APPROACH-SELECTION.md")


async def check(report: Report, bench: Bench) -> None:
    """Everything for one candidate that passed the binary test."""
    report.say(f"\n{bench.candidate.name} ({bench.candidate.about})")
    for name, each in CHECKS:
        await report.run(name, partial(each, bench))
    await report.run("every database is sound", partial(_sound, bench))
    await report.run("a spoilt database is noticed", partial(_spoilt, bench))
    await report.run("the event log is valid JSON of legal edges", partial(_logs, bench))
    await report.run("a spoilt event is noticed", _spoilt_events)


async def _sound(bench: Bench) -> Seen:
    problems = [problem for path in bench.databases for problem in invariants.check_db_invariants(path)]
    return not problems, "; ".join(problems) or f"{len(bench.databases)} databases, {len(problems)} problems"


async def _spoilt(bench: Bench) -> Seen:
    """Each way to spoil a database has to be found; the same database unspoilt has nothing to find."""
    caught = 0
    for how in invariants.SPOILED:
        path = bench.folder / f"spoilt {caught}.db"
        (file_id,) = await init_spike_db(path)
        async with open_ledger(path) as ledger:
            await bench.manager(ledger, locks=FileLockManager()).trigger(file_id, "start_upload")
        assert await read_file_state(path, file_id) == ("uploading", 1)
        assert invariants.check_db_invariants(path) == []
        invariants.spoil(path, how)
        caught += bool(invariants.check_db_invariants(path))
    return caught == len(invariants.SPOILED), f"{caught} of {len(invariants.SPOILED)} ways found"


async def _logs(bench: Bench) -> Seen:
    """The manager's JSON, and the ledger's own events as the same JSON, field by field."""
    kept: list[EventRow] = []
    for path in bench.databases:
        async with open_ledger(path, create=False) as ledger:
            for row in await ledger.files.page():
                kept += (await ledger.files.history(row.file_id))[0]
    from_ledger = EventCollector()
    for event in kept:
        emit_event(
            from_ledger,
            attempt_id=event.attempt_id,
            timestamp=event.timestamp,
            file_id=event.file_id,
            event=event.event,
            from_state=event.from_state,
            to_state=event.to_state,
            guard_result=event.guard_result,
            outcome=event.outcome,
            error=event.error,
        )
    lines = bench.collector.lines + from_ledger.lines
    problems = [problem for line in lines for problem in problems_of(line)]
    counts = f"{len(bench.collector.lines)} of the manager, {len(from_ledger.lines)} of the ledger"
    summary = ", ".join(f"{count} {outcome}" for outcome, count in sorted(from_ledger.outcomes().items()))
    return not problems and len(lines) > 0, "; ".join(
        problems
    ) or f"{counts} ({summary}), {len(problems)} problems"


async def _spoilt_events() -> Seen:
    good = EventCollector()
    emit_event(
        good,
        file_id="f",
        event="start_upload",
        from_state="untracked",
        to_state="uploading",
        outcome="success",
    )
    (line,) = good.lines
    assert problems_of(line) == []
    bad = [
        line[:-1],
        line.replace('"untracked"', '"lost"'),
        line.replace('"uploading"', '"indexed"'),
        line.replace('"success"', '"fine"'),
        line.replace('"success"', '"rejected"'),
        line.replace('"error": null', '"note": null'),
        line.replace('"file_id": "f"', '"file_id": null'),
    ]
    caught = sum(bool(problems_of(each)) for each in bad)
    return caught == len(bad), f"{caught} of {len(bad)} found"


async def binary(report: Report) -> list[Candidate]:
    """The binary test of all candidates; those that passed. The hand-written one has to."""
    report.say("\nThe binary test: is an async guard with a database read inside awaited under trio?")
    able: list[Candidate] = []
    answers: dict[str, list[binary_test.Case]] = {}

    async def ask(name: str) -> None:
        answers[name] = await binary_test.ask(name)

    async with trio.open_nursery() as nursery:
        for name in CANDIDATES:
            nursery.start_soon(ask, name)
    for candidate in CANDIDATES.values():
        cases = answers[candidate.name]
        for case in cases:
            sign = "yes" if case.passed else "NO"
            report.say(f"  [{sign:>3}] {candidate.name}, {case.loop}: {case.case}: {case.evidence}")
        failed = [case for case in cases if case.trace and case.loop == "trio"]
        if failed:
            report.say("        " + failed[0].trace.replace("\n", "\n        "))
        if binary_test.passed(cases):
            able.append(candidate)
        controls = [case.passed for case in cases if case.loop == "asyncio"]
        if candidate.anywhere is not None:
            seen = controls == [True] * 3, f"{sum(controls)} of 3 cases pass under asyncio"
            report.add(f"control: {candidate.name} is used as it is meant to be", seen)
    names = [candidate.name for candidate in able]
    report.add(
        "the chosen candidate passes", ("handrolled" in names, f"{len(names)} of {len(CANDIDATES)}: {names}")
    )
    return able


async def main(report: Report, quick: bool) -> None:
    """Everything but throughput, which has event loops of its own."""
    for candidate in await binary(report):
        with tempfile.TemporaryDirectory() as folder:
            await check(report, Bench(Path(folder), candidate, processes=2 if quick else 5))


def speed(report: Report, *, quick: bool) -> None:
    """Throughput of each design; the claim is only that ours is faster, the numbers speak for themselves."""
    report.say("\nTransitions per second, synchronous=FULL, median (slowest to fastest) of the rounds")
    levels = throughput.TASKS[:2] if quick else throughput.TASKS
    rates = throughput.measure_all(levels, rounds=1 if quick else 3, scale=0.1 if quick else 1.0)
    report.say(
        f"(a flush of this disk: {throughput.flush_ms():.2f} ms; processors: {os.cpu_count()}{_load()})"
    )
    for line in throughput.table(rates):
        report.say(line)
    for tasks in levels:
        times = throughput.ratio(rates, tasks)
        report.add(
            f"ours is faster, tasks at once: {tasks}", (times > 1, f"{times:,.1f} times the old design")
        )


def _load() -> str:
    """How busy the machine was with other things, where the system says so: read the figures with it."""
    return f"; load: {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""


def run(arguments: list[str]) -> int:
    """Run it; the exit code."""
    options = argparse.ArgumentParser(prog="spike.phase9_spike", description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true", help="measure less")
    options.add_argument("--record", action="store_true", help=f"put the output into {PAGE.name}")
    chosen = options.parse_args(arguments)
    report = Report()
    report.say(
        f"phase 9: which state machine (Python {platform.python_version()}, trio {trio.__version__}, "
        f"SQLite {sqlite3.sqlite_version}, {platform.system()})"
    )
    trio.run(main, report, chosen.quick)
    speed(report, quick=chosen.quick)
    code = report.close()
    if chosen.record:
        record(PAGE, report.lines)
    return code


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
