"""``just crash``: what it takes for the same is the same, and it does notice a promise that is broken."""

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
from objlib.testing.torture import Scratch

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

Lives = dict[bytes, dict[int, tuple[ChildReport, bytes]]]
"""For each world that a death leaves: the points of death, and the life after each with the world it leaves."""


def lives(arena: CrashSweep, state: str, run: int, points: Iterable[int]) -> Lives:
    """Play everything, and take nothing for the same."""
    found: Lives = defaultdict(dict)
    for point in points:
        arena.put_back(state)
        arena.die(run, point)
        left = digest(arena.work, arena.folder / "aside")
        found[left][point] = arena.settle(run + 1), digest(arena.work, arena.folder / "aside")
    return found


def compare() -> None:
    """Runs in a process of its own, for it forks. Neighbours are what most often leaves the same."""
    with Scratch() as folder:
        arena = CrashSweep(folder, 0.25)
        firsts = lives(arena, "start", 1, range(60, 76))
        one, other, *_ = max((sorted(after) for after in firsts.values()), key=len)
        pairs: list[Lives] = []
        for first in (one, other):
            arena.put_back("start")
            arena.die(1, first)
            arena.keep(f"after {first}")
            pairs.append(lives(arena, f"after {first}", 2, range(60, 76)))
    assert pairs[0] == pairs[1], f"deaths at {one} and {other} leave the same, and differ later"
    for after in (*firsts.values(), *pairs[0].values()):
        assert len(set(after.values())) == 1, f"deaths at {sorted(after)} leave the same, and differ later"
    json.dump([len(firsts), len(pairs[0])], sys.stdout)


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


def test_worlds_that_are_the_same_have_the_same_future() -> None:
    """Same requests, same answers, same ruling, and the same bytes on the disk at the end of it."""
    status, told = in_a_process("from tests.testing.test_crash import compare; compare()")
    assert status == 0, told
    assert all(2 < worlds < 13 for worlds in json.loads(told)), "16 deaths that show little"


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


def test_a_promise_that_is_broken_is_told_and_can_be_replayed() -> None:
    """Runs that recover nothing."""
    status, told = in_a_process(SABOTAGE, "--every", "64", "--pairs", "3", "--jobs", "1")
    assert status == 1
    assert "not settled" in told
    assert not told.endswith(": 0 broke a promise\n")
    failed = re.search(
        r"^(--faults \S+ --point \d+ --second \d+): (.*not settled.*?)( \(|$)", told, re.MULTILINE
    )
    assert failed is not None, told
    status, replayed = in_a_process(SABOTAGE, *failed[1].split())
    assert status == 1
    assert failed[2] in replayed.partition("What was broken:")[2]
    assert "run 2 dies" in replayed
