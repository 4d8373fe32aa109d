"""``just crash``: equal states have equal futures, and a broken promise is reported."""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

from objlib.testing.crash_child import ChildReport
from objlib.testing.crash_sweep import CrashSweep
from objlib.testing.snapshot import digest
from objlib.testing.torture import scratch_folder

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

Lives = dict[bytes, dict[int, tuple[ChildReport, bytes]]]
"""By state after a death: the points of death, each with the next run and the state after it."""


def lives(sweep: CrashSweep, state: str, run: int, points: Iterable[int]) -> Lives:
    """Play every point, and take no state for equal."""
    futures: Lives = defaultdict(dict)
    for point in points:
        sweep.restore(state)
        sweep.die(run, point)
        state_after = digest(sweep.work, sweep.folder / "scratch")
        futures[state_after][point] = sweep.settle(run + 1), digest(sweep.work, sweep.folder / "scratch")
    return futures


def compare() -> None:
    """Compare deaths of equal state. It forks, so it runs in its own process; neighbours are most often equal."""
    with scratch_folder() as folder:
        sweep = CrashSweep(folder, 0.25)
        futures = lives(sweep, "start", 1, range(60, 76))
        one, other, *_ = max((sorted(after) for after in futures.values()), key=len)
        pairs: list[Lives] = []
        for first in (one, other):
            sweep.restore("start")
            sweep.die(1, first)
            sweep.take_snapshot(f"after {first}")
            pairs.append(lives(sweep, f"after {first}", 2, range(60, 76)))
    assert pairs[0] == pairs[1], f"deaths at {one} and {other} leave the same, and differ later"
    for after in (*futures.values(), *pairs[0].values()):
        assert len(set(after.values())) == 1, f"deaths at {sorted(after)} leave the same, and differ later"
    json.dump([len(futures), len(pairs[0])], sys.stdout)


def in_a_process(program: str, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


def test_equal_states_have_the_same_future() -> None:
    """The requests, the responses, the ruling, and the bytes on the disk at the end are the same."""
    status, output = in_a_process("from tests.testing.test_crash import compare; compare()")
    assert status == 0, output
    assert all(2 < worlds < 13 for worlds in json.loads(output)), "16 deaths that are too alike, or not alike"


SABOTAGE = """
import sys
import trio
from objlib.core.reports.upload import RecoverReport
from objlib.engine.upload import run as upload
from objlib.testing import crash

async def recover(*_words, **_options):
    await trio.lowlevel.checkpoint()
    return RecoverReport()

upload.recover = recover
sys.exit(crash.main(sys.argv[1:]))
"""


def test_a_broken_promise_is_reported_and_can_be_replayed() -> None:
    """The sabotaged runs recover nothing."""
    status, output = in_a_process(SABOTAGE, "--every", "64", "--pairs", "3", "--jobs", "1")
    assert status == 1
    assert "not settled" in output
    assert not output.endswith(": 0 broke a promise\n")
    failure = re.search(
        r"^(--faults \S+ --point \d+ --second \d+): (.*not settled.*?)( \(|$)", output, re.MULTILINE
    )
    assert failure is not None, output
    status, replayed = in_a_process(SABOTAGE, *failure[1].split())
    assert status == 1
    assert failure[2] in replayed.partition("What was broken:")[2]
    assert "run 2 dies" in replayed
