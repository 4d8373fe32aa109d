"""The five patterns on trio: ``python -m spike.phase18_spike.harness`` tries them, and exits 0 or 1.

``--record`` puts what was printed into design_doc.md; ``--quick`` is there because the other harness has it.
"""

import argparse
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final

import trio
import trio.testing

from spike.evidence import Check, Report, Seen
from spike.phase18_spike import connections, occ, polling, resize, shutdown, traps
from spike.record import record

Try = Callable[[Path], Awaitable[Seen]]
"""One check, in a folder of its own."""

REAL: Final = False
VIRTUAL: Final = True

PATTERNS: Final[dict[str, tuple[tuple[str, Try, bool], ...]]] = {
    "1 Concurrency and SQLite": (
        ("10 tasks x 3 inserts, each its own connection", connections.own_connections, REAL),
        ("10 tasks x 3 inserts through the ledger", connections.through_the_ledger, REAL),
        ("control: a shared connection is refused", connections.a_shared_connection_is_caught, REAL),
    ),
    "2 occ_transition": (
        ("10 concurrent increments of one row", occ.ten_increments_by_default, VIRTUAL),
        ("the same with threads and two ledgers", occ.ten_increments, REAL),
        ("exhausted attempts raise", occ.exhausted, VIRTUAL),
        ("other errors are not retried, pauses can be cancelled", occ.other_errors_are_not_retried, VIRTUAL),
    ),
    "3 Dynamic concurrency": (
        ("20 items, 10 to 2 to 8 tokens", resize.ten_two_eight, REAL),
        ("no tokens is a pause", resize.zero_parks_everyone, VIRTUAL),
    ),
    "4 Shutdown": (
        ("a signal with 5 writes in flight", shutdown.five_in_flight, REAL),
        ("control: without a signal all are sent", shutdown.without_a_stop_all_are_sent, REAL),
        ("a second stop: taken is done, waiting never happens", shutdown.the_hard_stop, REAL),
        ("the product's gate: nothing is begun after", shutdown.the_products_gate, VIRTUAL),
    ),
    "5 Polling with retries": (
        ("three times not done, then success", polling.the_right_loop, VIRTUAL),
        ("a bounded deadline", polling.the_deadline_of_the_right_loop, VIRTUAL),
        ("a real error is not retried", polling.a_real_error_of_the_right_loop, VIRTUAL),
        ("wait: three times PENDING, then ACTIVE", polling.the_loop_that_ships, VIRTUAL),
        ("wait: a bounded deadline", polling.the_deadline_that_ships, VIRTUAL),
        ("wait: a real error is not retried", polling.a_real_error_that_ships, VIRTUAL),
        ("control: loops with a fault are caught", traps.all_are_caught, VIRTUAL),
    ),
}
"""Each pattern, its checks, and whether these run on virtual time (exact) or on real time (measured)."""

PAGE: Final = Path(__file__).with_name("design_doc.md")


def tried(pattern: str, report: Report, folder: Path) -> Seen:
    """One pattern: (passed, evidence), the evidence being how many of its checks held."""
    checks: list[Check] = []
    for name, check, virtual in PATTERNS[pattern]:
        clock = trio.testing.MockClock(autojump_threshold=0) if virtual else None
        trio.run(report.run, name, partial(check, folder), clock=clock)
        checks.append(report.checks[-1])
    held = sum(check.passed for check in checks)
    return held == len(checks), f"{held} of {len(checks)} checks held"


def run(arguments: list[str]) -> int:
    """Run it; the exit code."""
    options = argparse.ArgumentParser(prog="spike.phase18_spike", description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true", help="as without: there is nothing to leave out")
    options.add_argument("--record", action="store_true", help=f"put the output into {PAGE.name}")
    chosen = options.parse_args(arguments)
    report = Report()
    report.say(
        f"phase 18: five patterns (Python {platform.python_version()}, trio {trio.__version__}, "
        f"SQLite {sqlite3.sqlite_version}, {platform.system()})"
    )
    results: dict[str, Seen] = {}
    with tempfile.TemporaryDirectory() as folder:
        for pattern in PATTERNS:
            report.say(f"\n{pattern}")
            results[pattern] = tried(pattern, report, Path(folder))
    report.say()
    for pattern, (passed, evidence) in results.items():
        report.say(f"  {pattern}: {'GO' if passed else 'NO-GO'} ({evidence})")
    report.say(f"verdict: {'GO' if all(passed for passed, _ in results.values()) else 'NO-GO'}")
    code = report.close()
    if chosen.record:
        record(PAGE, report.lines)
    return code


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
